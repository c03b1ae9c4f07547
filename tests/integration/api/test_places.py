"""The order of the timeline: rows become visible in the order of their places, whoever stores them and whatever the
clocks say."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest

from .events import end, span, start

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENTS, WRITERS = 40, 4
"""Of each replica. Its writers wait for one another and for those of the others; with all events at once the last
would wait for 119, and a busy machine gives it no turn in the time that a request has."""


async def rows_behind(database: Database, column: Any, place: Any) -> list[Any]:
    async with database.reading() as connection:
        query = select(column, tables.event.c.id).where(column > place).order_by(column)
        return list(await connection.execute(query))


async def store(database: Database, clock: datetime, pod_uid: str, numbers: Iterable[int]) -> list[Any]:
    """Store the starts of runs one after the other, and return the ids of their rows."""
    return [
        row["id"]
        for number in numbers
        for row in (await ingest(database, [start(number, pod_uid=pod_uid)], clock)).rows
    ]


@pytest.mark.parametrize("name", ["seq", "created_at"])
async def test_who_follows_while_replicas_store_misses_nothing(database: Database, url: str, name: str) -> None:
    column = tables.event.c[name]
    seen: list[Any] = []
    place: Any = 0 if name == "seq" else NOW - 100 * HOUR
    async with AsyncExitStack() as stack:
        others = [Database(url) for _ in range(2)]
        for other in others:
            stack.push_async_callback(other.close)
        # A clock that is an hour behind and one that is an hour ahead
        replicas = [(database, NOW), (others[0], NOW - HOUR), (others[1], NOW + HOUR)]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        storing = [
            group.create_task(store(replica, clock, str(which), range(writer, EVENTS, WRITERS)))
            for writer in range(WRITERS)
            for which, (replica, clock) in enumerate(replicas)
        ]
        while True:
            is_last = all(task.done() for task in storing)
            behind = await rows_behind(database, column, place)
            seen += [row.id for row in behind]
            place = behind[-1][0] if behind else place
            if is_last:
                break
    stored = [identity for task in storing for identity in task.result()]
    assert len(seen) == EVENTS * len(replicas)
    assert set(seen) == set(stored)


async def test_each_row_has_a_place_of_its_own_and_later_ones_are_later(database: Database) -> None:
    batches: list[list[Event | Span]] = [
        [start(number) for number in range(5)],
        [end(0), span(1001, 1003), end(1)],
        [span(1004, 1004), start(7)],
    ]
    for batch, clock in zip(batches, (NOW, NOW - HOUR, NOW), strict=True):
        await ingest(database, batch, clock)
    for table in (tables.event, tables.run):
        async with database.reading() as connection:
            found = await connection.execute(select(table.c.created_at).order_by(table.c.seq))
            places = list(found.scalars())
        assert places == sorted(set(places)), table.name
    assert places[0] == NOW
