"""What is due to bring a Task's CronJob to its plan: which case it is. What each takes is in the modules beside."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from cronwright.jsontypes import JSON
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.plan.loop.aim import LastGood, OfTask
from cronwright.plan.loop.jobs import JobWithPods
from cronwright.plan.loop.leaving import leave, pause
from cronwright.plan.loop.look import Look
from cronwright.plan.loop.opening import change, create, open_closed
from cronwright.plan.loop.repair import repair
from cronwright.plan.loop.start import can_keep, new_start
from cronwright.plan.loop.steps import Progress
from cronwright.plan.loop.unserved import left_unserved


def progress(
    observed: CronJobFacts | None, jobs: Sequence[JobWithPods], manifest: Mapping[str, JSON], plan: Plan, now: datetime
) -> Progress:
    """Return what is due to bring the `observed` CronJob to `manifest` under `plan`, where `jobs` are all that the Task
    has. `now` is aware.

    A plan of another kind is brought about by the lever alone, once the pods of a former loop are told to end.
    """
    live = _live(jobs)
    if plan.windows is not None and not plan.suspend:
        look = Look(jobs, live, OfTask(manifest, plan), plan.document, plan.windows, now)
        return _to_aim(look, observed) if observed else create(look, manifest, new_start(look))
    if plan.suspend and plan.kind != "manual":
        return pause(observed, live, manifest, plan, now)
    return leave(observed, live, manifest, plan, now)


def go_on(observed: CronJobFacts | None, jobs: Sequence[JobWithPods], now: datetime) -> Progress:
    """Return what is due where the Task can't be put in force: the last good plan goes on, as the `observed` CronJob
    says it, and a loop that was closed for the edit before is opened. `now` is aware.
    """
    if observed is None or observed.loop_document is None or observed.windows is None:
        return Progress(())
    return _to_aim(Look(jobs, _live(jobs), LastGood(), observed.loop_document, observed.windows, now), observed)


def _live(jobs: Sequence[JobWithPods]) -> list[JobWithPods]:
    return [job for job in jobs if job.job.due.window and job.is_live]


def _to_aim(look: Look, observed: CronJobFacts) -> Progress:
    former = observed.loop_start
    if former is None:
        return change(look, observed, new_start(look))
    is_closed = observed.suspend and not any(window.job.loop_start == former for window in look.live)
    as_planned = look.aim.is_run_by(observed)
    if is_closed and can_keep(look, former):
        # A plan that was never opened hands its start on: its ticks are nobody's yet
        return open_closed(look, observed, former) if as_planned else change(look, observed, former)
    if as_planned and not is_closed and not look.older(former):
        return repair(look, observed, former)
    start = new_start(look, late=as_planned and is_closed)
    return change(look, observed, start, left_unserved(look, observed, former, start))
