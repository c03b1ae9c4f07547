"""What becomes of the runs that people asked for: a Job each, or a refusal that says why. Each is handled once.

How a request is written is in `cronwright.run.requests`, whether one may run in `cronwright.plan.granting`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronwright.conditions import InForce, Stalled
from cronwright.plan.granting import Started, refusal, refusal_of_time
from cronwright.reasons import Outcome
from cronwright.run.requests import RunRequest, requested_job_name
from cronwright.run.state import RunState
from cronwright_operator.actions import MakeRun, Tell
from cronwright_operator.decisions.spec import Spec
from cronwright_operator.notices import run_refused
from cronwright_operator.observe import Observation

MOST_REMEMBERED = 100
"""Ids of requests that are remembered although they stand in the annotation no more, for who puts it back."""

ASK_AGAIN = timedelta(seconds=15)
"""How soon a request is looked at again that waits for the timeline to answer."""


@dataclass(frozen=True, slots=True)
class Requests:
    """What is done about requests, the ids of those that were handled, then and before, and when to look again where
    one waits.
    """

    actions: tuple[MakeRun | Tell, ...]
    handled: tuple[str, ...]
    look_again_at: datetime | None = None


def decide_requests(seen: Observation, spec: Spec, runs: Sequence[RunState], now: datetime) -> Requests:
    """Return what becomes of the requests of the Task that was `seen`, whose `runs` have Jobs, at `now` (aware).

    They wait while the Task's spec is on its way to be in force: they are for the Task as it is. Where it can't be,
    the last good plan goes on, and so do requests for it; but what its fire times are, only the spec in force can say.
    """
    handled = list(seen.task.status.handled_run_requests)
    actions: list[MakeRun | Tell] = []
    look_again_at = None
    given: set[datetime] = set()
    for request in seen.task.requests if _can_run(seen, spec) else ():
        if not _has_job(seen, request):
            if request.scheduled_time and (seen.started is None or not isinstance(spec.verdict, InForce)):
                look_again_at = now + ASK_AGAIN
                continue
            why = _refusal(seen, spec, runs, request, given, now)
            actions.append(Tell(run_refused(request, why)) if why else MakeRun(request))
        if request.scheduled_time:
            given.add(request.scheduled_time)
        handled.append(request.id)
    return Requests(tuple(actions), _remembered(seen, handled), look_again_at)


def _can_run(seen: Observation, spec: Spec) -> bool:
    match spec.verdict:
        case InForce():
            return True
        case Stalled():
            return seen.cron_job is not None and seen.cron_job.is_of(seen.task.uid)
    return False


def _has_job(seen: Observation, request: RunRequest) -> bool:
    """Whether an operator made the Job and was stopped before it could say so."""
    return any(
        job.document and job.document.requested and job.document.requested.id == request.id
        for job in seen.jobs
        if job.name == requested_job_name(job.task, request)
    )


def _refusal(
    seen: Observation, spec: Spec, runs: Sequence[RunState], request: RunRequest, given: set[datetime], now: datetime
) -> str:
    # A run that its gate skipped has not started, and may be made up for
    with_job = {run.scheduled_time for run in runs if run.scheduled_time and run.outcome != Outcome.SKIPPED}
    why = refusal(request, seen.task.uid, Started(seen.started or frozenset(), with_job | given))
    if why or request.scheduled_time is None or spec.plan is None:
        return why
    cron_job = seen.cron_job
    accounted_until = (cron_job.last_schedule_time or cron_job.created_at) if cron_job else now
    return refusal_of_time(request.scheduled_time, spec.plan, accounted_until, now)


def _remembered(seen: Observation, handled: Sequence[str]) -> tuple[str, ...]:
    """Return of the `handled` ids those that the annotation still has, and the latest of the others."""
    others = [identity for identity in handled if identity not in seen.task.request_ids]
    forgotten = set(others[: max(0, len(others) - MOST_REMEMBERED)])
    return tuple(identity for identity in handled if identity not in forgotten)
