"""The way of a loop to a new plan: closed with its start, then, once what ran before has ended, the lever, then opened.

When a new plan is due is decided in `progress` and `repair`; when it takes over, in `start`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSON
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.lever import CreateCronJob, SetLever
from cronwright.plan.loop.ending import end_older, free_name, wait_for_end
from cronwright.plan.loop.look import Look
from cronwright.plan.loop.manifests import closed
from cronwright.plan.loop.steps import LoopStep, Progress

LAST_MOMENT = timedelta(seconds=2)
"""So close to the next opening no window is opened: the controller might look only after it."""

_SECOND = timedelta(seconds=1)


def create(look: Look, manifest: Mapping[str, JSON], start: datetime) -> Progress:
    """Return how a loop that has no CronJob comes to that of `manifest`."""
    return open_closed(look, None, start, [CreateCronJob(closed(manifest, start))])


def change(look: Look, observed: CronJobFacts, start: datetime, untold: Sequence[LoopStep] = ()) -> Progress:
    """Return how the `observed` CronJob comes to the plan that takes over at `start`.

    `untold` goes first: it tells of ticks that nobody will find out about once the CronJob is written.
    """
    return open_closed(look, observed, start, [*untold, look.aim.close(start)])


def open_closed(
    look: Look, observed: CronJobFacts | None, start: datetime, before: Sequence[LoopStep] = ()
) -> Progress:
    """Return what follows once the CronJob is closed with `start`, which the steps `before` see to: the end of what ran
    before, then the opening.
    """
    opening, older = look.opening(start), look.older(start)
    holder = look.job_of(opening)
    steps = [*before, *end_older(older, start, look.now), *free_name(holder)]
    awaited = older or ([holder] if holder else [])
    if awaited:
        return wait_for_end(steps, awaited, start, look.now)
    upcoming = look.upcoming()
    if opening <= look.now and upcoming - look.now <= LAST_MOMENT:
        return Progress(tuple(steps), f"the window that opens at {format_seconds(upcoming)}", upcoming)
    remembered = observed.last_schedule_time if observed else None
    return Progress((*steps, *set_lever(remembered, opening), look.aim.open(start)))


def set_lever(remembered: datetime | None, opening: datetime) -> list[LoopStep]:
    """Return how the CronJob controller comes to start the window that opens at `opening` once the CronJob is open."""
    before = opening - _SECOND
    return [] if remembered == before else [SetLever(before)]
