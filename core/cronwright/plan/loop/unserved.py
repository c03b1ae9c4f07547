"""Which ticks a change of plan leaves to nobody, where no Job can say so.

What a window's Job leaves is in `jobs`.
"""

from datetime import datetime

from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.loop.ending import told_end
from cronwright.plan.loop.jobs import owned_by
from cronwright.plan.loop.look import Look
from cronwright.plan.loop.steps import LoopStep, Unserved
from cronwright.plan.windows import Ownership


def unserved(look: Look, first: datetime, end: datetime) -> list[LoopStep]:
    """Return the step that tells of the ticks from `first` (inclusive) to `end` (exclusive), or none without a tick."""
    return [Unserved(None, Ownership(first, end))] if look.has_ticks(first, end) else []


def left_unserved(look: Look, observed: CronJobFacts, former: datetime, start: datetime) -> list[LoopStep]:
    """Return what tells of the ticks that no pod serves under the plan that the `observed` CronJob has had since
    `former`, until another takes over at `start`.
    """
    return unserved(look, max([_first_unserved(look, observed, former), *_served_until(look)]), start)


def _first_unserved(look: Look, observed: CronJobFacts, former: datetime) -> datetime:
    last, windows = observed.last_schedule_time, look.windows
    if last is None:
        return former
    if not observed.suspend:
        # The lever was set ahead of the first window's opening: what is remembered from there on has its Job
        started = last >= look.opening(former)
        return windows.owned(look.opening(last), former).end if started else former
    if observed.touched and last >= former and windows.opens_at(last):
        # Another hand suspended an open loop: its last window served for as long as it was to
        return windows.owned(last, former).end
    return former


def _served_until(look: Look) -> list[datetime]:
    """Until when the pods that run serve, at most."""
    ends = []
    for window in look.live:
        owned = owned_by(window.job)
        ends += [min(owned.end, told_end(pod) or owned.end) for pod in window.running() if owned]
    return ends
