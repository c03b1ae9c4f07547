"""Retention in real databases: by age and by number, whole batches, runs with their last event."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from cronwright_api.store import retention, tables
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest
from cronwright_api.store.retention import Deleted, Limits, apply_retention

from .events import end, place_of, start

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


async def left(database: Database) -> tuple[list[str], list[str]]:
    async with database.reading() as connection:
        events = await connection.scalars(select(tables.event.c.title).order_by(tables.event.c.seq))
        kept = [title.removeprefix("run ") for title in events]
        runs = await connection.scalars(select(tables.run.c.title).order_by(tables.run.c.seq))
        return kept, [title.removeprefix("run ") for title in runs]


async def fill(database: Database) -> None:
    """Five runs, one a day, the last one now; run 0 ends as late as run 4 starts."""
    for number in range(5):
        await ingest(database, [start(number)], NOW - (4 - number) * DAY)
    await ingest(database, [end(0)], NOW)


@pytest.mark.parametrize(
    ("name", "limits", "events", "runs"),
    [
        ("within both limits nothing goes", Limits(90, 1000), "012340", "01234"),
        ("what is older than so many days goes", Limits(2, 1000), "2340", "0234"),
        ("of more than so many rows the oldest go", Limits(90, 2), "40", "04"),
        ("the stricter limit counts", Limits(1, 2), "40", "04"),
        ("a run stays as long as it has an event, and no longer", Limits(90, 1), "0", "0"),
    ],
)
async def test_what_goes(database: Database, name: str, limits: Limits, events: str, runs: str) -> None:
    await fill(database)
    await apply_retention(database, limits, NOW)
    assert tuple("".join(one) for one in await left(database)) == (events, runs), name


async def test_an_empty_store(database: Database) -> None:
    assert await apply_retention(database, Limits(90, 1), NOW) == Deleted(0, 0)


async def test_all_of_it_is_too_old(database: Database) -> None:
    await fill(database)
    assert await apply_retention(database, Limits(90, 1000), NOW + 100 * DAY) == Deleted(6, 5)


async def test_writers_get_their_turn_between_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    await ingest(database, [start(number) for number in range(500)], NOW - 100 * DAY)
    deleting = asyncio.create_task(apply_retention(database, Limits(90, 1000), NOW))
    posted_meanwhile = 0
    while not deleting.done():
        await ingest(database, [start(1000 + posted_meanwhile)], NOW)
        posted_meanwhile += 1
    assert (await deleting) == Deleted(500, 500)
    assert posted_meanwhile > 5
    assert len((await left(database))[0]) == posted_meanwhile


async def test_the_sequence_never_returns(database: Database) -> None:
    await ingest(database, [start()], NOW - 100 * DAY)
    before = await place_of(database, start().id)
    await apply_retention(database, Limits(90, 1000), NOW)
    await ingest(database, [start()], NOW)
    assert await place_of(database, start().id) > before
