"""Rows and what they stand for: events, spans and runs as they are in the tables, and back."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.fold import Run
from cronwright.timeline.span import KIND, Span
from cronwright_api.store.tables import EVENT_TYPE
from cronwright_api.store.tables import event as event_table

Row = RowMapping | Mapping[str, Any]
"""A row by column name. The tables say what is in it."""

_EVENT_FIELDS = [field.name for field in fields(Event)]
_SPAN_FIELDS = [field.name for field in fields(Span)]
_NO_SPAN: dict[str, None] = {
    column.name: None
    for column in event_table.c
    if column.name not in ("seq", "id", "created_at", "event_type", *_EVENT_FIELDS)
}
"""What of a row only spans have."""
_RUN_FIELDS = [field.name for field in fields(Run) if field.name != "run_id"]


def row_of_event(event: Event, created_at: datetime, identity: UUID | None = None) -> dict[str, Any]:
    """Return the row of `event`, without the sequence number that the database gives. `identity` is the event's id, for
    who has worked it out already."""
    values = {name: getattr(event, name) for name in _EVENT_FIELDS}
    return {"id": identity or event.id, "created_at": created_at, "event_type": EVENT_TYPE, **values, **_NO_SPAN}


def event_of_row(row: Row) -> Event:
    """Return the event of a row that was read with the columns of an event."""
    names = frozenset(row.keys())  # asked of the row itself, each `in` would make a list of them
    values = {name: row[name] for name in _EVENT_FIELDS if name in names}
    values["outcome"] = None if values["outcome"] is None else Outcome(values["outcome"])
    values["reason"] = None if values["reason"] is None else Reason(values["reason"])
    return Event(**values)


def row_of_span(span: Span, created_at: datetime) -> dict[str, Any]:
    """Return the row of `span`, without the sequence number that the database gives."""
    unset = {column.name: None for column in event_table.c if column.nullable}
    values = {name: getattr(span, name) for name in _SPAN_FIELDS}
    key = {"id": span.id, "run_id": span.id, "kind": KIND, "attempt": 0, "trigger": "schedule", "log_tail": ""}
    said = {"outcome": span.outcome, "scheduled_at": span.first_at}
    return unset | key | said | {"created_at": created_at, "event_type": EVENT_TYPE} | values


def span_of_row(row: Row) -> Span:
    """Return the span of a row that was read with the columns of a span."""
    return Span(**{name: row[name] for name in _SPAN_FIELDS} | {"reason": Reason(row["reason"])})


SPAN_COLUMNS = [event_table.c[name] for name in _SPAN_FIELDS]
"""What of a row `span_of_row` reads."""


def values_of_run(run: Run) -> dict[str, Any]:
    """Return the columns of `run` that follow from its events."""
    return {name: getattr(run, name) for name in _RUN_FIELDS} | {"notes": list(run.notes)}
