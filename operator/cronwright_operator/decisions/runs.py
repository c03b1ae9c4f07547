"""How far the Jobs of a Task are, and which ends of runs the operator has to report since no runner will.

What Kubernetes' facts say of one Job is in `cronwright.run.state`; what is done about a Job, in `jobs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from cronwright.observed.job import JobFacts
from cronwright.reasons import Outcome, Reason
from cronwright.run.report import end_event
from cronwright.run.state import RunState, run_state
from cronwright.status import RunOutcome
from cronwright_operator.actions import Report
from cronwright_operator.observe import Observation

WAIT_FOR_RUNNER = timedelta(seconds=30)
"""How long the operator waits for a runner's own end before it reports what Kubernetes saw."""


def run_states(seen: Observation, now: datetime) -> list[RunState]:
    """Return the runs of the Task that have a Job, at `now` (aware)."""
    return [_run(seen, job, now) for job in seen.jobs if not job.due.window]


def window_states(seen: Observation, now: datetime) -> list[RunState]:
    """Return the windows of the Task that have a Job, at `now` (aware)."""
    return [_state(seen, job, None, now) for job in seen.jobs if job.due.window]


def reports_due(seen: Observation, runs: Sequence[RunState]) -> dict[str, datetime]:
    """Return when the operator has to report the end of a run, by the uid of its Job; not those that it has not to
    report, or has reported.
    """
    times = ((run.job.uid, _report_due(run)) for run in runs if run.job.uid not in seen.reported)
    return {uid: due for uid, due in times if due is not None}


def reports(runs: Sequence[RunState], due: Mapping[str, datetime], now: datetime) -> list[Report]:
    """Return the reports that are `due` at `now` (aware)."""
    return [Report(run.job, end_event(run)) for run in runs if run.job.uid in due and due[run.job.uid] <= now]


def is_stuck(seen: Observation, job: JobFacts, now: datetime) -> bool:
    """Return whether the Job has had no pod for so long that the Job controller's complaints are worth reading."""
    return job.ended is None and not seen.pods_of(job) and now - job.created_at >= timedelta(seconds=2)


def _run(seen: Observation, job: JobFacts, now: datetime) -> RunState:
    run = _state(seen, job, None, now)
    last = seen.task.status.last_run
    if last is None or last.run_id != str(run.run_id) or not last.reason:
        return run
    if last.outcome in _FINAL and run.phase == "finished" and run.termination is None:
        # The pod that told how it ended may be gone by now, and with it the runner's word; the status still has it.
        return replace(run, outcome=_FINAL[last.outcome], reason=Reason(last.reason), message=last.message)
    if last.outcome != "Pending":
        return run
    if run.phase == "pending" and run.reason == last.reason:
        # The kubelet words one failure in several ways, by turns; the first is as good as the next, and needs no write.
        return replace(run, message=last.message)
    return _state(seen, job, Reason(last.reason), now)


_FINAL: Mapping[RunOutcome, Outcome] = {
    "Succeeded": Outcome.SUCCEEDED,
    "Failed": Outcome.FAILED,
    "Skipped": Outcome.SKIPPED,
}


def _state(seen: Observation, job: JobFacts, last_wait: Reason | None, now: datetime) -> RunState:
    return run_state(job, seen.pods_of(job), seen.refusals.get(job.uid, ""), last_wait, now)


def _report_due(run: RunState) -> datetime | None:
    if run.phase != "finished" or run.job.document is None:
        return None
    if run.termination:
        return None if run.termination.delivered else run.termination.finished_at
    if run.outcome == Outcome.SUCCEEDED:
        # A Job is complete only when its runner ended well, and then the runner has told.
        return None
    return (run.job.ended_at or run.due_at) + WAIT_FOR_RUNNER
