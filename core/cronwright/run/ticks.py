"""What a loop's Task says of its runs, folded from the rows that the timeline has of its ticks. Pure.

The rows come as they were written: an end late, a span after a run, some twice. What counts is when a run ended, and
what was due last.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSON
from cronwright.reasons import Outcome, Reason
from cronwright.status import MAX_RUN_MESSAGE, RUN_OUTCOMES, LastRun, TaskStatus


@dataclass(frozen=True, slots=True)
class TickRow:
    """A row of the timeline about ticks: the start or the end of a run, or a span of `count` ticks up to `last_at`.

    All instants are aware. `outcome` is None where the run has not ended.
    """

    task_uid: str
    row_id: str
    run_id: str
    is_span: bool
    last_at: datetime
    count: int
    started_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    reason: Reason | None
    message: str


@dataclass(frozen=True, slots=True)
class TickEnd:
    """A run that succeeded or failed: when it was due (aware), and why."""

    due_at: datetime
    outcome: Outcome
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class TickFacts:
    """What the status of a loop's Task says of its runs. `last_end` is the last that succeeded or failed, None where
    none has been seen yet; ends up to `counted_until` are in the count of failures already. Times are aware, whole
    seconds.
    """

    last_run: LastRun | None = None
    last_end: TickEnd | None = None
    last_successful_time: datetime | None = None
    last_failure_time: datetime | None = None
    consecutive_failures: int = 0
    counted_until: datetime | None = None


def facts_of(status: TaskStatus) -> TickFacts:
    """Return what the `status` of a Task says already, to go on from."""
    return TickFacts(
        last_run=status.last_run,
        last_successful_time=status.last_successful_time,
        last_failure_time=status.last_failure_time,
        consecutive_failures=status.consecutive_failures,
        counted_until=max(filter(None, (status.last_successful_time, status.last_failure_time)), default=None),
    )


def parse_row(row_id: str, attributes: Mapping[str, JSON]) -> TickRow | None:
    """Return the row with these JSON:API attributes, or None where it says nothing of ticks: a run made by hand, or an
    attempt that is followed by another.
    """
    is_span = attributes.get("kind") == "span"
    if not is_span and (attributes.get("trigger") != "schedule" or attributes.get("retry_at")):
        return None
    last_at = _instant(attributes.get("last_at")) if is_span else _instant(attributes.get("scheduled_at"))
    if last_at is None:
        return None
    outcome, reason = attributes.get("outcome"), attributes.get("reason")
    return TickRow(
        task_uid=str(attributes["task_uid"]),
        row_id=row_id,
        run_id=row_id if is_span else str(attributes["run_id"]),
        is_span=is_span,
        last_at=last_at,
        count=cast(int, attributes["count"]) if is_span else 1,
        started_at=_instant(attributes.get("started_at")),
        ended_at=last_at if is_span else _instant(attributes.get("finished_at")),
        outcome=Outcome(str(outcome)) if outcome else None,
        reason=Reason(str(reason)) if reason else None,
        message=str(attributes.get("message") or ""),
    )


def fold(facts: TickFacts, rows: Iterable[TickRow]) -> TickFacts:
    """Return the facts after `rows`, each of which comes once."""
    for row in sorted(rows, key=lambda row: row.ended_at or row.last_at):
        facts = _after(facts, row)
    return facts


def _after(facts: TickFacts, row: TickRow) -> TickFacts:
    if _is_newer(row, facts.last_run):
        facts = replace(facts, last_run=_as_last_run(row))
    if row.ended_at is None or row.reason is None or row.outcome not in (Outcome.SUCCEEDED, Outcome.FAILED):
        return facts
    ended_at = row.ended_at.replace(microsecond=0)
    if ended_at < max(filter(None, (facts.last_successful_time, facts.last_failure_time)), default=ended_at):
        return facts
    facts = replace(facts, last_end=TickEnd(row.last_at, row.outcome, row.reason, row.message))
    if facts.counted_until is not None and ended_at <= facts.counted_until:
        return facts
    if row.outcome == Outcome.SUCCEEDED:
        return replace(facts, last_successful_time=ended_at, consecutive_failures=0)
    return replace(facts, last_failure_time=ended_at, consecutive_failures=facts.consecutive_failures + row.count)


def _is_newer(row: TickRow, last: LastRun | None) -> bool:
    due_at = row.last_at.replace(microsecond=0)
    if last is None or due_at > last.scheduled_time:
        return True
    # A start that comes after its end was written before it
    return due_at == last.scheduled_time and (row.outcome is not None or last.outcome == "Pending")


def _as_last_run(row: TickRow) -> LastRun:
    return LastRun(
        run_id=row.run_id,
        scheduled_time=row.last_at.replace(microsecond=0),
        outcome=RUN_OUTCOMES[row.outcome] if row.outcome else "Running",
        start_time=row.started_at and row.started_at.replace(microsecond=0),
        completion_time=None if row.is_span else row.ended_at and row.ended_at.replace(microsecond=0),
        reason=row.reason or "",
        message=row.message[:MAX_RUN_MESSAGE],
    )


def _instant(value: JSON) -> datetime | None:
    return None if value is None else parse_instant(str(value))
