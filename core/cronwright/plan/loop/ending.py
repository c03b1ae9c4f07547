"""How the Jobs of a plan that is over come to their end: their pods are asked to, and one that will not is deleted.

When a plan is over is decided elsewhere.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from cronwright.observed.pod import PodFacts
from cronwright.plan.loop.jobs import JobWithPods, owned_by
from cronwright.plan.loop.steps import AskToEnd, DeleteWindow, LoopStep, Progress, Unserved
from cronwright.plan.windows import Ownership
from cronwright.run.end import EndRequest

LONGEST_HANDOVER = timedelta(seconds=13)
"""How long after the hand-over the Jobs of older plans are waited for: the ten seconds that a tick under way gets to
stop, and the end of a pod."""


def end_older(windows: Sequence[JobWithPods], start: datetime, now: datetime) -> list[LoopStep]:
    """Return how the Jobs of older plans end at `start`: by themselves, or by deletion where they do not."""
    steps: list[LoopStep] = []
    for window in windows:
        if window.can_end() and now < start + LONGEST_HANDOVER:
            steps += [AskToEnd(pod, EndRequest(start)) for pod in window.running() if not is_told(pod, start)]
        else:
            steps += give_up(window, start)
    return steps


def give_up(window: JobWithPods, until: datetime) -> list[LoopStep]:
    """Delete a window's Job that will not end by itself, or not in time. What it had to serve is told.

    `until` is when another plan takes over: from now until then nobody serves.
    """
    if window.job.deleted:
        return []
    steps: list[LoopStep] = []
    owned = owned_by(window.job)
    if owned is not None and owned.first < min(owned.end, until):
        steps.append(Unserved(window.job, Ownership(owned.first, min(owned.end, until))))
    return [*steps, DeleteWindow(window.job)]


def free_name(holder: JobWithPods | None) -> list[LoopStep]:
    """Return how an ended Job makes way for another one of its name; one that has not ended is left alone."""
    if holder is None or holder.is_live or holder.job.deleted:
        return []
    return [DeleteWindow(holder.job)]


def wait_for_end(steps: Sequence[LoopStep], jobs: Sequence[JobWithPods], start: datetime, now: datetime) -> Progress:
    """Return `steps`, after which the end of `jobs` is waited for: they give way to a plan that starts at `start`."""
    last = start + LONGEST_HANDOVER
    waits_for = f"the end of Job {', '.join(job.job.name for job in jobs)}"
    return Progress(tuple(steps), waits_for, last if last > now else None)


def told_end(pod: PodFacts) -> datetime | None:
    """Return the instant at which the pod was told to end, or None where it was not, or by a pause."""
    return pod.end_request.superseded_at if pod.end_request else None


def is_told(pod: PodFacts, start: datetime) -> bool:
    """Return whether the pod was told to end no later than `start`."""
    told = told_end(pod)
    return told is not None and told <= start
