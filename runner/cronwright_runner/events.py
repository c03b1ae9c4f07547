"""Turns what happens to a run into the events that its runner reports, and into the termination message."""

import logging
from datetime import datetime
from functools import partial

from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.run.termination import Termination
from cronwright.timeline.event import Event
from cronwright.timeline.limits import MAX_MESSAGE_CHARACTERS
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import AttemptEnd
from cronwright_runner.settings import Settings

log = logging.getLogger("cronwright.runner")


def start_event(settings: Settings, assignment: Assignment, attempt: int, started_at: datetime) -> Event:
    """Return the start of attempt number `attempt`, at `started_at`."""
    return _common(settings, assignment, attempt)(kind="start", started_at=started_at)


def end_event(
    settings: Settings, assignment: Assignment, attempt: int, end: AttemptEnd, retry_at: datetime | None = None
) -> Event:
    """Return the end of attempt number `attempt`; with `retry_at` the run goes on at that time."""
    return _common(settings, assignment, attempt)(
        kind="end",
        started_at=end.started_at,
        finished_at=end.finished_at,
        duration_ms=end.duration_ms,
        retry_at=retry_at,
        outcome=outcome_of(end.reason),
        reason=end.reason,
        message=plain(end.message),
        log_tail=end.log_tail,
        payload=end.payload,
    )


def termination_of(event: Event, delivered: bool) -> Termination:
    """Return what the container leaves behind about `event`, the run's end."""
    assert event.outcome is not None and event.reason is not None and event.finished_at is not None, (
        "an end has all three"
    )
    return Termination(
        run_id=event.run_id,
        attempt=event.attempt,
        outcome=event.outcome,
        reason=event.reason,
        message=event.message,
        scheduled_time=event.scheduled_at,
        started_at=event.started_at,
        finished_at=event.finished_at,
        delivered=delivered,
    )


def log_end(end: AttemptEnd) -> Outcome:
    """Write to the log how a run has ended, and return its outcome."""
    outcome = outcome_of(end.reason)
    level = logging.ERROR if outcome is Outcome.FAILED else logging.INFO
    log.log(level, "the run %s: %s%s", outcome, end.reason, f": {end.message}" if end.message else "")
    return outcome


def outcome_of(reason: Reason) -> Outcome:
    """Return the outcome of a run that ended for `reason`."""
    outcome = EXPLANATIONS[reason].outcome
    assert outcome is not None, f"{reason} is no reason of a run"
    return outcome


def plain(message: str) -> str:
    """Return `message` as the timeline takes it: without NUL and lone surrogates, and not too long."""
    clean = message.encode("utf-8", "replace").decode("utf-8").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return clean if len(clean) <= MAX_MESSAGE_CHARACTERS else clean[: MAX_MESSAGE_CHARACTERS - 1] + "…"


def _common(settings: Settings, assignment: Assignment, attempt: int) -> "partial[Event]":
    document = assignment.document
    return partial(
        Event,
        run_id=assignment.run_id,
        pod_uid=settings.pod_uid,
        attempt=attempt,
        reported_by="runner",
        task=document.resource_name,
        namespace=document.namespace,
        task_uid=document.uid,
        title=document.label or document.name,
        trigger=assignment.trigger,
        scheduled_at=assignment.due.scheduled_time,
        action_name=document.action_name,
        entity_name=document.entity_name,
        as_user_email=document.as_user_email,
        requested_by=(document.requested.by or None) if document.requested else None,
        pod=settings.pod_name,
        node=settings.node_name,
    )
