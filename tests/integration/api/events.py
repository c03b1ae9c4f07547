"""Events of many runs, and spans of a Task that fires every five seconds, to fill a store with."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.timeline import row_by_id

TASK_UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
DUE = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=5)


async def place_of(database: Database, identity: UUID) -> int:
    """Return the sequence number of the event or span of that id."""
    async with database.reading() as connection:
        row = await row_by_id(connection, tables.event, identity)
    assert row is not None
    return int(row["seq"])


def run_id(number: int) -> UUID:
    """Return the id of the run with that number."""
    return uuid5(UUID(TASK_UID), str(number))


def start(number: int = 0, **changes: Any) -> Event:
    """Return the start of the run with that number, which is due so many minutes after DUE."""
    due = DUE + timedelta(minutes=number)
    values: dict[str, Any] = {
        "run_id": run_id(number),
        "pod_uid": f"pod-{number}",
        "attempt": 1,
        "kind": "start",
        "reported_by": "runner",
        "task": "backup",
        "namespace": "shop",
        "task_uid": TASK_UID,
        "title": f"run {number}",
        "trigger": "schedule",
        "scheduled_at": due,
        "started_at": due + timedelta(seconds=1),
    }
    return Event(**(values | changes))


def end(number: int = 0, outcome: Outcome = Outcome.SUCCEEDED, **changes: Any) -> Event:
    """Return the end of the run with that number."""
    finished = DUE + timedelta(minutes=number, seconds=9)
    values = {"kind": "end", "outcome": outcome, "reason": Reason.COMPLETED, "finished_at": finished}
    return start(number, **(values | changes))


def tick(number: int) -> datetime:
    """Return the fire time of that number of a Task that fires every five seconds."""
    return DUE + number * INTERVAL


def span(first: int, last: int, reason: Reason = Reason.POD_LATE, **changes: Any) -> Span:
    """Return a claim of pod b for the fire times from one to another."""
    values: dict[str, Any] = {
        "reported_by": "runner",
        "task": "backup",
        "namespace": "shop",
        "task_uid": TASK_UID,
        "title": "backup",
        "reason": reason,
        "schedule": "@every 5s",
        "time_zone": "Etc/UTC",
        "first_at": tick(first),
        "last_at": tick(last),
        "count": last - first + 1,
        "pod_uid": "uid-b",
        "pod": "backup-b",
    }
    return Span(**(values | changes))
