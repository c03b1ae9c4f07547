"""What the operator writes about runs: the runner's undelivered word, ends that no runner could tell, and the ticks of
a loop that no pod served.
"""

from cronwright.observed.pod import PodFacts
from cronwright.plan.windows import Ownership, ticks_between
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.run.document import RunDocument
from cronwright.run.merging import Merged
from cronwright.run.spans import span_of
from cronwright.run.state import RunState
from cronwright.schedule.grammar import Every, parse
from cronwright.timeline.event import Event, Reporter
from cronwright.timeline.span import Span


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
        trigger="schedule" if run.scheduled_time and not run.job.due.on_request else "manual",
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
        requested_by=(document.requested.by or None) if document.requested else None,
        pod=run.pod.name if run.pod else "",
        node=run.pod.node if run.pod else "",
    )


def unserved_span(document: RunDocument, ticks: Ownership, reason: Reason, message: str) -> Span | None:
    """Return the claim that the `ticks` of a loop which are not on the timeline ended by `reason`, or None where there
    are none.
    """
    every = parse(document.schedule)
    if not isinstance(every, Every):
        raise ValueError(f"{document.schedule} has no ticks")
    stretch = ticks_between(every, ticks.first, ticks.end)
    if stretch is None:
        return None
    title = _title(document, reason)
    return span_of(document, Merged(reason, *stretch), reported_by="operator", title=title, message=message)


def undelivered_spans(document: RunDocument, pod: PodFacts) -> list[Span]:
    """Return what the ticker of a loop's `pod` could not tell the timeline itself."""
    return [
        span_of(
            document,
            merged,
            reported_by="runner",
            title=_title(document, merged.reason),
            pod_uid=pod.uid,
            pod=pod.name,
            node=pod.node,
        )
        for merged in pod.undelivered
        if EXPLANATIONS[merged.reason].outcome is not None
    ]


def _title(document: RunDocument, reason: Reason) -> str:
    outcome = EXPLANATIONS[reason].outcome
    assert outcome is not None, f"{reason} is no reason of a run"
    return f"{document.name} {_VERBS[outcome]}"


_VERBS = {
    Outcome.SUCCEEDED: "succeeded",
    Outcome.FAILED: "failed",
    Outcome.SKIPPED: "was skipped",
    Outcome.MISSED: "was missed",
    Outcome.UNKNOWN: "has no known end",
}
