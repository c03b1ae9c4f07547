"""Fills a store with the events of many runs, past ingest: quickly, and as ingest would leave it.

The first runs are made here; the others are copies of them within the database, with ids of their own and later times.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Integer, Table, bindparam, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.fold import fold
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.rows import row_of_event, values_of_run
from cronwright_api.store.tables import Instant

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TASKS = 100
RARE = "rare"
"""A Task of which there is one run in five thousand, alone in a namespace of that name."""
NAMESPACES = 10
MADE = 5_000
"""Runs that are made here."""
BATCH = 1_000
MESSAGE = "exported 1,204 rows of orders in 3.1 s"
LOG_TAIL = "2026-01-01T00:00:00Z INFO export: wrote a part of the table, 200 rows\n" * 6

_OF_TASK = UUID("0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11")
_INDEXES = [index for table in (tables.event, tables.run) for index in table.indexes]
_KEY = 6336_0009
_IDS = ("id", "run_id")
_TIMES = ("created_at", "updated_at", "scheduled_at", "started_at", "finished_at")


def run_events(number: int) -> tuple[Event, Event]:
    """Return the start and the end of the run with that number, one a second."""
    is_rare = number % MADE == MADE // 2
    task = RARE if is_rare else f"task-{number % TASKS}"
    due = FIRST + timedelta(seconds=number)
    values: dict[str, Any] = {
        "run_id": uuid5(_OF_TASK, str(number)),
        "pod_uid": str(uuid5(_OF_TASK, f"pod {number}")),
        "attempt": 1,
        "reported_by": "runner",
        "task": task,
        "namespace": RARE if is_rare else f"bench-{number % NAMESPACES}",
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


async def fill(database: Database, runs: int) -> None:
    """Fill an empty store with that many runs, a multiple of MADE, two events each, in the order of their times."""
    async with database.appending() as connection:
        if database.is_sqlite:
            await connection.execute(text("PRAGMA cache_size = -1000000"))
        # In one go at the end they cost a tenth
        for index in _INDEXES:
            await connection.run_sync(index.drop)
    for events, folded in _batches():
        async with database.appending() as connection:
            await connection.execute(insert(tables.event), events)
            await connection.execute(insert(tables.run), folded)
    for copy in range(1, runs // MADE):
        async with database.appending() as connection:
            for table in (tables.event, tables.run):
                await _copy(connection, table, copy)
    async with database.migrating(_KEY) as connection:
        for index in _INDEXES:
            await connection.run_sync(index.create)


def _batches() -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    for begin in range(0, MADE, BATCH):
        events: list[dict[str, Any]] = []
        folded: list[dict[str, Any]] = []
        for number in range(begin, begin + BATCH):
            both = run_events(number)
            at = FIRST + timedelta(seconds=number)
            events += [row_of_event(event, at + timedelta(microseconds=index)) for index, event in enumerate(both)]
            times = {"id": both[0].run_id, "created_at": at, "updated_at": at}
            folded.append(values_of_run(fold(both)) | times)
        yield events, folded


async def _copy(connection: AsyncConnection, table: Table, copy: int) -> None:
    """Store the rows that were made once more, so many times MADE seconds later."""
    forms = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    names = [column.name for column in table.c if column.name != "seq"]
    shown = [forms.get(name, '"{}"').format(name) for name in names]
    into = ", ".join(f'"{name}"' for name in names)
    statement = text(
        f"INSERT INTO {table.name} ({into}) SELECT {', '.join(shown)} FROM {table.name} WHERE created_at < :end "
        "ORDER BY seq"
    ).bindparams(bindparam("end", type_=Instant), bindparam("copy", type_=Integer), bindparam("later", type_=Integer))
    await connection.execute(statement, {"copy": copy, "later": copy * MADE, "end": FIRST + timedelta(seconds=MADE)})


# An id keeps the random part that it begins with, so that it lands anywhere in an index, as one of ingest does
_SQLITE = dict.fromkeys(_IDS, "substr({0}, 1, 24) || printf('%08x', :copy)") | dict.fromkeys(
    _TIMES, "strftime('%Y-%m-%d %H:%M:%S', {0}, '+' || :later || ' seconds') || substr({0}, 20)"
)
_POSTGRESQL = dict.fromkeys(
    _IDS, "(left(replace(CAST({0} AS text), '-', ''), 24) || lpad(to_hex(:copy), 8, '0'))::uuid"
) | dict.fromkeys(_TIMES, "{0} + make_interval(secs => :later)")
