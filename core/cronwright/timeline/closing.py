"""Ends of runs that a claim tells of: runs that began and whose own end nobody is left to report.

- Who claims that its pod was late owns these fire times now, so an earlier pod with a run among them is gone.
- Who claims that fire times of its pod ended, ended the runs among them as well: their ends were merged into the span,
  or the pod is gone with them.
- The operator claims what no pod serves any more, so a run among them has lost its pod, whichever that was.

A sparse claim ends no more runs than it counts, and they are no longer among what it counts.

Which runs are open is for the store to find.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span


def end_by(claim: Span, latest: Event, now: datetime) -> Event | None:
    """Return the end of the open run whose latest event is `latest`, or None where a full `claim` around its fire time
    says nothing about it. `now` (aware) stands for the time of an end that nobody saw.
    """
    gone = f"pod {latest.pod or latest.pod_uid} went away without an end"
    if claim.reported_by == "operator" and claim.pod_uid != latest.pod_uid:
        return _end(latest, Outcome.FAILED, Reason.POD_LOST, f"{gone}: {claim.message}" if claim.message else gone, now)
    if not claim.pod_uid:
        return None
    if claim.reason is Reason.POD_LATE:
        if latest.pod_uid == claim.pod_uid:
            return None
        who = f"pod {claim.pod}" if claim.pod else "another pod"
        return _end(latest, Outcome.FAILED, Reason.POD_LOST, f"{gone}, and {who} has taken its place", now)
    if latest.pod_uid != claim.pod_uid or claim.outcome not in (Outcome.SUCCEEDED, Outcome.FAILED):
        return None
    return _end(latest, claim.outcome, claim.reason, claim.message, now)


def end_runs(claim: Span, latest: Iterable[Event], now: datetime) -> tuple[list[Event], Span | None]:
    """Return the ends that `claim` brings to open runs, and what is left of it to be entered beside them.

    `latest` are the latest events of all open runs of the claim's Task.
    """
    among = [event for event in latest if event.scheduled_at and claim.first_at <= event.scheduled_at <= claim.last_at]
    ends = [end for end in (end_by(claim, event, now) for event in among) if end is not None]
    if claim.is_full:
        return ends, claim
    if claim.outcome not in (Outcome.SUCCEEDED, Outcome.FAILED) or claim.reported_by == "operator":
        return [], claim
    ends = ends[: claim.count]
    return ends, replace(claim, count=claim.count - len(ends)) if len(ends) < claim.count else None


def _end(latest: Event, outcome: Outcome, reason: Reason, message: str, now: datetime) -> Event:
    """Return the end of the attempt that `latest` began, or of the one that it waits for. As the operator's, so that
    the runner's own end, should it still come, has the last word.
    """
    waits = latest.kind == "end"
    return replace(
        latest,
        kind="end",
        attempt=latest.attempt + 1 if waits else latest.attempt,
        reported_by="operator",
        started_at=None if waits else latest.started_at,
        finished_at=now,
        duration_ms=None,
        retry_at=None,
        outcome=outcome,
        reason=reason,
        message=message,
        log_tail="",
        payload=None,
    )
