"""Rows and what they stand for: events and runs as they are in the tables, and back."""

from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.fold import Run

EVENT_TYPE = "task"
"""Daptin's word for what a row of the timeline is about."""

Row = RowMapping
"""A row by column name. The tables say what is in it."""

_EVENT_FIELDS = [field.name for field in fields(Event)]
_RUN_FIELDS = [field.name for field in fields(Run) if field.name != "run_id"]


def row_of_event(event: Event, created_at: datetime) -> dict[str, Any]:
    """Return the row of `event`, without the sequence number that the database gives."""
    values = {name: getattr(event, name) for name in _EVENT_FIELDS}
    return {"id": event.id, "created_at": created_at, "event_type": EVENT_TYPE, **values}


def event_of_row(row: Row) -> Event:
    """Return the event of a row that was read with the columns of an event."""
    values = {name: row[name] for name in _EVENT_FIELDS if name in row.keys()}  # noqa: SIM118 - `in` asks for values
    values["outcome"] = None if values["outcome"] is None else Outcome(values["outcome"])
    values["reason"] = None if values["reason"] is None else Reason(values["reason"])
    return Event(**values)


def values_of_run(run: Run) -> dict[str, Any]:
    """Return the columns of `run` that follow from its events."""
    return {name: getattr(run, name) for name in _RUN_FIELDS} | {"notes": list(run.notes)}
