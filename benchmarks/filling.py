"""Fills a store with the events of many runs, past ingest: quickly, and as ingest would leave it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import insert

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.fold import fold
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.rows import row_of_event, values_of_run

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = 100
RARE = "rare"
"""A Task of which there is one run in ten thousand."""
NAMESPACES = 10
BATCH = 1000
MESSAGE = "exported 1,204 rows of orders in 3.1 s"
LOG_TAIL = "2026-01-01T00:00:00Z INFO export: wrote a part of the table, 200 rows\n" * 6

_OF_TASK = UUID("0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11")


def run_events(number: int) -> tuple[Event, Event]:
    """Return the start and the end of the run with that number, one a second."""
    task = RARE if number % 10_000 == 5_000 else f"task-{number % TASKS}"
    due = FIRST + timedelta(seconds=number)
    values: dict[str, Any] = {
        "run_id": uuid5(_OF_TASK, str(number)),
        "pod_uid": str(uuid5(_OF_TASK, f"pod {number}")),
        "attempt": 1,
        "reported_by": "runner",
        "task": task,
        "namespace": f"bench-{number % NAMESPACES}",
        "task_uid": str(uuid5(_OF_TASK, task)),
        "title": task,
        "trigger": "schedule",
        "scheduled_at": due,
        "started_at": due + timedelta(milliseconds=1200),
        "action_name": "export",
        "entity_name": "orders",
        "pod": f"{task}-{number}",
        "node": "node-1",
    }
    start = Event(kind="start", **values)
    end = Event(
        kind="end",
        outcome=Outcome.FAILED if number % 20 == 0 else Outcome.SUCCEEDED,
        reason=Reason.COMPLETED,
        finished_at=due + timedelta(milliseconds=4300),
        duration_ms=3100,
        message=MESSAGE,
        log_tail=LOG_TAIL,
        **values,
    )
    return start, end


async def fill(database: Database, first: int, runs: int) -> None:
    """Store the runs from the number `first` on, two events each, in the order of their times."""
    for events, folded in _batches(first, runs):
        async with database.appending() as connection:
            await connection.execute(insert(tables.event), events)
            await connection.execute(insert(tables.run), folded)


def _batches(first: int, runs: int) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    for begin in range(first, first + runs, BATCH):
        events: list[dict[str, Any]] = []
        folded: list[dict[str, Any]] = []
        for number in range(begin, min(begin + BATCH, first + runs)):
            both = run_events(number)
            at = FIRST + timedelta(seconds=number)
            events += [row_of_event(event, at + timedelta(microseconds=index)) for index, event in enumerate(both)]
            times = {"id": both[0].run_id, "created_at": at, "updated_at": at}
            folded.append(values_of_run(fold(both)) | times)
        yield events, folded
