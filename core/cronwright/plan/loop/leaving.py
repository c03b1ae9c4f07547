"""How a loop stops to tick: by a pause, or because the Task gets a plan of another kind."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from cronwright.jsontypes import JSON
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan import lever
from cronwright.plan.choose import Plan
from cronwright.plan.loop.ending import LONGEST_HANDOVER, give_up, told_end, wait_for_end
from cronwright.plan.loop.jobs import JobWithPods
from cronwright.plan.loop.start import HANDOVER_LEAD, whole_second_from
from cronwright.plan.loop.steps import AskToEnd, LoopStep, Progress
from cronwright.run.end import FINISH, EndRequest


def pause(
    observed: CronJobFacts | None,
    live: Sequence[JobWithPods],
    manifest: Mapping[str, JSON],
    plan: Plan,
    now: datetime,
) -> Progress:
    """Return the CronJob's steps first, so that no further window opens, then the end of the `live` windows, in which a
    tick under way may finish. `now` is aware.
    """
    steps: list[LoopStep] = [*lever.steps(observed, manifest, plan, now)]
    for window in live:
        steps += [AskToEnd(pod, FINISH) for pod in window.running() if pod.end_request is None]
        if not window.can_end():
            steps += give_up(window, now)
    return Progress(tuple(steps))


def leave(
    observed: CronJobFacts | None,
    live: Sequence[JobWithPods],
    manifest: Mapping[str, JSON],
    plan: Plan,
    now: datetime,
) -> Progress:
    """Return the end of the `live` windows of a former loop first, then the CronJob's steps: it fires only after they
    have been told to end. `now` is aware.

    The other way round both would run a fire time that is one of both schedules.
    """
    running = [pod for window in live for pod in window.running()]
    told = [at for pod in running if (at := told_end(pod)) is not None]
    untold = [pod for pod in running if told_end(pod) is None]
    at = max([*told, whole_second_from(now + HANDOVER_LEAD)] if untold else told, default=now)
    steps: list[LoopStep] = [AskToEnd(pod, EndRequest(at)) for pod in untold]
    steps += lever.steps(observed, manifest, plan, max(now, at))
    for window in live:
        if not window.can_end() or now >= at + LONGEST_HANDOVER:
            steps += give_up(window, at)
    return wait_for_end(steps, live, at, now) if live else Progress(tuple(steps))
