"""The fold: what a run is, given all of its events. Derived anew from the events, never patched, so their order of
arrival decides little.

The rules:
- An end with `retry_at` ends an attempt, not the run.
- An end no longer counts once a further attempt has begun: the run goes on.
- Of the ends that count, the runner's own beats one that the operator inferred; otherwise the first to arrive stands.
- Every other end is a note on the run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cronwright.instants import format_instant
from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event, Trigger


class RunState(StrEnum):
    """Where a run is. `waiting`: an attempt has ended and a further one is to start at `retry_at`."""

    RUNNING = "running"
    WAITING = "waiting"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run as its events tell it. Times are aware; `duration_ms` spans all attempts; outcome and reason are None until
    the run has ended.
    """

    run_id: UUID
    task: str
    namespace: str
    task_uid: str
    title: str
    trigger: Trigger
    state: RunState
    attempt: int
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    retry_at: datetime | None
    duration_ms: int | None
    outcome: Outcome | None
    reason: Reason | None
    message: str
    action_name: str
    entity_name: str
    as_user_email: str | None
    requested_by: str | None
    pod: str
    node: str
    notes: tuple[str, ...]


def fold(events: Sequence[Event]) -> Run:
    """Return the run of `events`: all of one run, in their order of arrival, at least one."""
    final_ends = [event for event in events if event.kind == "end" and event.retry_at is None]
    counting = [end for end in final_ends if not _superseded(end, events)]
    if not counting and len(final_ends) == len(events):
        # Each end claims to be earlier than another, as with clocks that disagree; a run with nothing but ends has
        # ended
        counting = final_ends
    own = [end for end in counting if end.reported_by == "runner"]
    end = next(iter(own or counting), None)
    newest = end or max((event for event in events if event not in final_ends), key=_how_new)
    waiting = end is None and newest.kind == "end" and newest.retry_at is not None
    started = [event.started_at for event in events if event.started_at is not None]
    started_at = min(started, default=None)
    return Run(
        run_id=newest.run_id,
        task=newest.task,
        namespace=newest.namespace,
        task_uid=newest.task_uid,
        title=newest.title,
        trigger=newest.trigger,
        state=RunState.ENDED if end is not None else RunState.WAITING if waiting else RunState.RUNNING,
        attempt=max(event.attempt for event in events),
        scheduled_at=next((event.scheduled_at for event in events if event.scheduled_at is not None), None),
        started_at=started_at,
        finished_at=None if end is None else end.finished_at,
        retry_at=newest.retry_at if waiting else None,
        duration_ms=_duration_ms(events, end, started_at),
        outcome=None if end is None else end.outcome,
        reason=None if end is None else end.reason,
        message=newest.message if end is not None or waiting else "",
        action_name=_known(newest.action_name, [event.action_name for event in events]),
        entity_name=_known(newest.entity_name, [event.entity_name for event in events]),
        as_user_email=next((event.as_user_email for event in events if event.as_user_email is not None), None),
        requested_by=next((event.requested_by for event in events if event.requested_by is not None), None),
        pod=_known(newest.pod, [event.pod for event in events]),
        node=_known(newest.node, [event.node for event in events if event.pod_uid == newest.pod_uid]),
        notes=tuple(note_of(other) for other in final_ends if other is not end),
    )


def note_of(end: Event) -> str:
    """Return the sentence that keeps an end which doesn't decide its run."""
    at = "" if end.finished_at is None else f" at {format_instant(end.finished_at)}"
    reason = "" if end.reason is None else f" ({end.reason})"
    message = f": {end.message}" if end.message else ""
    who = f"attempt {end.attempt} in pod {end.pod or end.pod_uid}"
    return f"{who} {end.outcome}{reason}{at}, by the {end.reported_by}{message}"


def _how_new(event: Event) -> tuple[float, int, bool]:
    """Order by when the attempt began, then by its number; an attempt's end comes after its start, however they
    arrived.
    """
    return (0.0 if event.started_at is None else event.started_at.timestamp(), event.attempt, event.kind == "end")


def _superseded(end: Event, events: Sequence[Event]) -> bool:
    return any(_begins_after(other, end, events) for other in events)


def _begins_after(other: Event, end: Event, events: Sequence[Event]) -> bool:
    """Whether `other` shows an attempt that began after the one that `end` is about.

    Within a pod the numbers of the attempts say so, where the runner gave them. Across pods they don't, since a
    replaced pod may count
    from 1 again, and the operator may not know the number. There the times say so, and where one is missing the order
    of arrival.
    """
    if other.kind == "end" and other.reported_by != "runner":
        return False
    if (other.pod_uid, other.attempt) == (end.pod_uid, end.attempt):
        return False
    if other.pod_uid == end.pod_uid and end.reported_by == "runner":
        return other.attempt > end.attempt
    of_its_pod = [
        event.started_at
        for event in events
        if event.pod_uid == end.pod_uid and event.kind == "start" and event.started_at
    ]
    if other.started_at is not None and of_its_pod and other.pod_uid != end.pod_uid:
        return other.started_at > max(of_its_pod)
    if other.started_at is not None and end.finished_at is not None:
        return other.started_at >= end.finished_at
    return events.index(other) > events.index(end)


def _duration_ms(events: Sequence[Event], end: Event | None, started_at: datetime | None) -> int | None:
    if end is None:
        return None
    one_attempt = all((event.pod_uid, event.attempt) == (end.pod_uid, end.attempt) for event in events)
    if one_attempt and end.duration_ms is not None:
        return end.duration_ms
    if started_at is None or end.finished_at is None:
        return end.duration_ms
    # The clocks of two nodes may say that a run ended before it began
    return max(0, round((end.finished_at - started_at).total_seconds() * 1000))


def _known(value: str, others: Sequence[str]) -> str:
    return value or next((other for other in others if other), "")
