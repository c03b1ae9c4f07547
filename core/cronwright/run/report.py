"""The events that the operator writes about a run: the runner's undelivered word, and ends no runner could tell."""

from cronwright.reasons import Outcome
from cronwright.run.state import RunState
from cronwright.timeline.event import Event, Reporter


def end_event(run: RunState) -> Event:
    """Return the end event of a finished `run`.

    With a termination message it is the runner's own event, row for row. Without one the Job stands in for the pod in
    the row's key, so that a runner's late word is a row of its own and wins.

    Raises:
        ValueError: the run is not finished or its Job has no run document.
    """
    document, outcome = run.job.document, run.outcome
    if document is None or outcome is None:
        raise ValueError(f"Job {run.job.name} has no end to report")
    by_runner = run.termination is not None and run.pod is not None
    reporter: Reporter = "runner" if by_runner else "operator"
    return Event(
        run_id=run.run_id,
        pod_uid=run.pod.uid if run.pod and by_runner else run.job.uid,
        attempt=run.termination.attempt if run.termination else 1,
        kind="end",
        reported_by=reporter,
        task=document.resource_name,
        namespace=document.namespace,
        task_uid=document.uid,
        title=f"{document.name} {_VERBS[outcome]}",
        trigger="schedule" if run.scheduled_time else "manual",
        scheduled_at=run.scheduled_time,
        started_at=run.started_at,
        finished_at=run.finished_at,
        duration_ms=int((run.finished_at - run.started_at).total_seconds() * 1000)
        if run.started_at and run.finished_at
        else None,
        outcome=outcome,
        reason=run.reason,
        message=run.message,
        action_name=document.action_name,
        entity_name=document.entity_name,
        as_user_email=document.as_user_email,
        pod=run.pod.name if run.pod else "",
        node=run.pod.node if run.pod else "",
    )


_VERBS = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "was skipped",
    Outcome.MISSED: "was missed",
    Outcome.UNKNOWN: "has no known end",
}
