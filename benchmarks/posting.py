"""How fast the timeline takes events over HTTP, held against bare inserts of the very rows that it stores.

Both write into a database with the schema's own indexes, as durably, a batch of a hundred events in one transaction.
They take turns, and their databases grow alike.
"""

import http.client
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import asyncpg
from figures import Figure
from filling import run_events
from served import People, api, people
from sqlalchemy import func, select

from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.fold import fold
from cronwright_api.migrations import migrate
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.rows import row_of_event, values_of_run
from integration.api.served import MEDIA_TYPE, Served
from support.cluster import Cluster
from support.postgres import Postgres

BATCH = 100
POSTERS = 4
"""Connections that post at once: pods and the operator come each with their own."""
ROUNDS = 7
GOAL = 0.5

Rows = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]
"""What a batch leaves: rows of events and of runs."""

_TABLES = (tables.event, tables.run)
_EVENT = [column.name for column in tables.event.c if column.name != "seq"]
_RUN = [column.name for column in tables.run.c if column.name != "seq"]


@dataclass(frozen=True, slots=True)
class Bare:
    """A driver without anything of ours: a value as it takes it, and the insertion, which returns its seconds."""

    value: Callable[[Any], Any]
    insert: Callable[[str, Sequence[Rows]], float]


def measure(cluster: Cluster, events: int) -> Iterator[Figure]:
    """Yield the figures for so many events a round, on SQLite and on PostgreSQL."""
    batches = max(POSTERS, events // BATCH)
    with people(cluster) as coming, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cronwright-bench-")))
        files = [f"sqlite:///{folder}/{name}.db" for name in ("timeline", "bare")]
        yield from _figures("SQLite", coming, files, _SQLITE, batches)
        postgres = stack.enter_context(Postgres(durable=True))
        yield from _figures("PostgreSQL", coming, [postgres.database(), postgres.database()], _POSTGRESQL, batches)


def _figures(name: str, coming: People, urls: Sequence[str], bare: Bare, batches: int) -> Iterator[Figure]:
    ours, least = urls
    anyio.run(_migrate, least)
    posted: list[float] = []
    inserted: list[float] = []
    with api(coming, ours) as served:
        for turn in range(ROUNDS + 1):
            first = turn * batches * BATCH // 2
            made = [_events(first + number * BATCH // 2) for number in range(batches)]
            rows = [_rows(events, bare.value) for events in made]
            seconds = _post(served, coming.operator, made), bare.insert(least, rows)
            if turn:  # the first one is for connections and caches
                posted.append(batches * BATCH / seconds[0])
                inserted.append(batches * BATCH / seconds[1])
                print(f"  {name}: {posted[-1]:,.0f}/s and {inserted[-1]:,.0f}/s", file=sys.stderr, flush=True)
    anyio.run(_check_alike, ours, least)
    ratios = [rate / bound for rate, bound in zip(posted, inserted, strict=True)]
    ratio = statistics.median(ratios)
    yield Figure(f"events posted in batches of {BATCH}, {name}", _rates(posted))
    yield Figure(f"the same rows inserted, {name}", _rates(inserted))
    yield Figure(
        f"ratio of posting to inserting, {name}",
        f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        f"≥ {GOAL}",
        ratio >= GOAL,
    )


def _rates(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):,.0f}/s ({min(rates):,.0f} to {max(rates):,.0f})"


def _events(first: int) -> list[Event]:
    return [event for number in range(first, first + BATCH // 2) for event in run_events(number)]


# Over HTTP


def _post(served: Served, token: str, batches: Sequence[Sequence[Event]]) -> float:
    """Post the batches over POSTERS connections, and return how many seconds that took."""
    bodies = [
        json.dumps({"data": [{"type": "timeline", "attributes": dump_event(event)} for event in events]}).encode()
        for events in batches
    ]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": MEDIA_TYPE}

    def post(mine: Sequence[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        for body in mine:
            connection.request("POST", "/api/timeline", body, headers)
            response = connection.getresponse()
            answer = response.read()
            if response.status != 201:
                raise RuntimeError(f"{response.status}: {answer[:500]!r}")
        connection.close()

    with ThreadPoolExecutor(POSTERS) as posters:
        began = time.perf_counter()
        for done in [posters.submit(post, bodies[each::POSTERS]) for each in range(POSTERS)]:
            done.result()
        return time.perf_counter() - began


# Past it


def _rows(events: Sequence[Event], value: Callable[[Any], Any]) -> Rows:
    """Return the rows as the driver takes them: in the columns' order, without those that an event leaves unset."""
    now = datetime.now(UTC)
    at = [now + timedelta(microseconds=step) for step in range(len(events))]
    stored = [row_of_event(event, when) for event, when in zip(events, at, strict=True)]
    folded = []
    for index in range(0, len(events), 2):
        run_id, both = events[index].run_id, events[index : index + 2]
        folded.append(values_of_run(fold(both)) | {"id": run_id, "created_at": at[index // 2], "updated_at": now})
    return (
        [tuple(value(row[name]) for name in _EVENT) for row in stored],
        [tuple(value(row[name]) for name in _RUN) for row in folded],
    )


def _statements(mark: Callable[[int], str]) -> tuple[str, str]:
    event, run = (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(map(mark, range(1, len(names) + 1)))})"
        for table, names in (("event", _EVENT), ("run", _RUN))
    )
    return event, run


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return json.dumps(value) if isinstance(value, list) else value


def _insert_into_sqlite(url: str, batches: Sequence[Rows]) -> float:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    event, run = _statements(lambda _: "?")
    began = time.perf_counter()
    for events, runs in batches:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(event, events)
        connection.executemany(run, runs)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


def _postgresql_value(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list) else value


def _insert_into_postgresql(url: str, batches: Sequence[Rows]) -> float:
    async def insert() -> float:
        connection = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
        event, run = _statements(lambda number: f"${number}")
        began = time.perf_counter()
        for events, runs in batches:
            async with connection.transaction():
                await connection.executemany(event, events)
                await connection.executemany(run, runs)
        seconds = time.perf_counter() - began
        await connection.close()
        return seconds

    return anyio.run(insert)


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


async def _check_alike(url: str, bare: str) -> None:
    """Check that both have stored as much."""
    counts = []
    for each in (url, bare):
        database = Database(each)
        async with database.reading() as connection:
            counts.append([await connection.scalar(select(func.count()).select_from(table)) for table in _TABLES])
        await database.close()
    if counts[0] != counts[1]:
        raise RuntimeError(f"posting stored {counts[0]} events and runs, inserting {counts[1]}")


_SQLITE = Bare(_sqlite_value, _insert_into_sqlite)
_POSTGRESQL = Bare(_postgresql_value, _insert_into_postgresql)
