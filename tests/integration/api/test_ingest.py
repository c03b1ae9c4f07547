"""Events into real databases: once each, whole batches or nothing, their runs folded with them."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright_api.store import tables
from cronwright_api.store.database import Database, StoreUnavailable
from cronwright_api.store.ingest import ingest
from cronwright_api.store.rows import Row, event_of_row

from .events import end, place_of, run_id, start

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


async def count(database: Database, table: Any = tables.event) -> int:
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


async def run_of(database: Database, number: int = 0) -> Row:
    async with database.reading() as connection:
        return (await connection.execute(select(tables.run).where(tables.run.c.id == run_id(number)))).mappings().one()


async def test_an_event_comes_back_as_it_was_posted(database: Database) -> None:
    event = end(
        duration_ms=8000,
        retry_at=NOW,
        message="tēst ✓ \U0001f600",
        action_name="export",
        entity_name="world",
        as_user_email="a@example.com",
        requested_by="jane",
        pod="p",
        node="n",
        log_tail="line\n" * 1000,
        payload={"rows": 3, "nested": [1, 2.5, None, {"ok": True}], "large": 2**70},
    )
    stored = await ingest(database, [event], NOW)
    assert event_of_row(stored.rows[0]) == event
    assert (stored.rows[0]["id"], stored.rows[0]["created_at"], stored.rows[0]["event_type"]) == (event.id, NOW, "task")


async def test_the_same_event_again_is_the_row_that_is_there(database: Database) -> None:
    first = await ingest(database, [start()], NOW)
    place = await place_of(database, start().id)
    again = await ingest(database, [start(), end()], NOW + timedelta(seconds=5))
    assert list(again.created) == [end()]
    assert dict(again.rows[0]) == {**first.rows[0], "seq": place}
    assert await count(database) == 2


async def test_twice_in_one_batch_is_one_row_and_two_answers(database: Database) -> None:
    stored = await ingest(database, [start(), start()], NOW)
    assert (len(stored.rows), len(stored.created), await count(database)) == (2, 1, 1)


async def test_the_same_event_from_ten_at_once_is_one_row(database: Database) -> None:
    stored = await asyncio.gather(*(ingest(database, [start(), end()], NOW) for _ in range(10)))
    assert sum(len(one.created) for one in stored) == 2
    assert (await count(database), await count(database, tables.run)) == (2, 1)


async def test_the_same_event_from_two_processes_at_once_is_one_row(database: Database, url: str) -> None:
    other = Database(url)
    batches = [[start(number), end(number)] for number in range(20)]
    await asyncio.gather(*(ingest(one, batch, NOW) for batch in batches for one in (database, other)))
    await other.close()
    assert (await count(database), await count(database, tables.run)) == (40, 20)


async def test_a_run_follows_its_events(database: Database) -> None:
    await ingest(database, [start()], NOW)
    running = await run_of(database)
    assert (running["state"], running["outcome"], running["created_at"]) == ("running", None, NOW)
    later = NOW + timedelta(seconds=9)
    await ingest(database, [end()], later)
    ended = await run_of(database)
    assert (ended["state"], ended["outcome"], ended["created_at"], ended["updated_at"]) == (
        "ended",
        "succeeded",
        NOW,
        later,
    )
    assert ended["seq"] == running["seq"]


async def test_a_repeated_event_does_not_touch_its_run(database: Database) -> None:
    await ingest(database, [start(), end()], NOW)
    await ingest(database, [start(), end()], NOW + timedelta(hours=1))
    assert (await run_of(database))["updated_at"] == NOW


INFERRED = {"reported_by": "operator", "reason": Reason.POD_LOST, "message": "gone"}


@pytest.mark.parametrize(
    ("name", "batches", "outcome", "notes", "reporters"),
    [
        (
            "the runner's own end takes the place of what the operator inferred under the same id",
            [[start()], [end(0, Outcome.FAILED, **INFERRED)], [end()]],
            "succeeded",
            1,
            ["runner", "runner"],
        ),
        (
            "in one batch, too",
            [[end(0, Outcome.FAILED, **INFERRED), start(), end()]],
            "succeeded",
            0,
            ["runner", "runner"],
        ),
        (
            "the other way round the runner's stays",
            [[start()], [end()], [end(0, Outcome.FAILED, **INFERRED)]],
            "succeeded",
            0,
            ["runner", "runner"],
        ),
        (
            "for the Job as a whole the operator's end is a row of its own",
            [[start()], [end(0, Outcome.FAILED, **INFERRED, pod_uid="job")], [end()]],
            "succeeded",
            1,
            ["runner", "operator", "runner"],
        ),
    ],
)
async def test_the_runners_word(
    database: Database,
    name: str,
    batches: Sequence[Sequence[Event]],
    outcome: str,
    notes: int,
    reporters: Sequence[str],
) -> None:
    for batch in batches:
        await ingest(database, batch, NOW)
    run = await run_of(database)
    async with database.reading() as connection:
        found = await connection.scalars(select(tables.event.c.reported_by).order_by(tables.event.c.seq))
    assert (run["outcome"], len(run["notes"]), list(found)) == (outcome, notes, reporters), name


async def test_who_follows_the_sequence_sees_the_end_that_took_a_place(database: Database) -> None:
    inferred = await ingest(database, [start(), end(0, Outcome.FAILED, **INFERRED)], NOW)
    before = await place_of(database, end().id)
    own = await ingest(database, [end()], NOW)
    assert own.rows[0]["id"] == inferred.rows[1]["id"]
    assert await place_of(database, end().id) > before


async def test_a_batch_is_stored_whole_or_not_at_all(database: Database) -> None:
    class Broken(Exception):
        pass

    with pytest.raises(Broken):
        async with database.writing() as connection:
            await connection.execute(tables.probe.insert().values(id=1, written_at=NOW))
            raise Broken
    assert await count(database, tables.probe) == 0
    await ingest(database, [start(number) for number in range(1000)], NOW)
    assert await count(database) == 1000


async def test_readers_go_on_while_a_writer_is_at_work(database: Database) -> None:
    await ingest(database, [start()], NOW)
    async with database.writing() as connection:
        await connection.execute(tables.probe.insert().values(id=1, written_at=NOW))
        assert await count(database) == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    with pytest.raises(StoreUnavailable, match=r"read-?only"):
        async with database.reading() as connection:
            await connection.execute(tables.probe.insert().values(id=1, written_at=NOW))


async def test_a_store_that_cannot_be_written_says_so_and_stores_nothing(sqlite: Database) -> None:
    async with sqlite.writing() as connection:
        await connection.exec_driver_sql("PRAGMA max_page_count=40")
    with pytest.raises(StoreUnavailable, match="the store can't be used: database or disk is full") as caught:
        await ingest(sqlite, [start(number, log_tail="x" * 8000) for number in range(100)], NOW)
    assert caught.value.headers["Retry-After"] == "5"
    assert await count(sqlite) == 0


async def test_a_store_that_another_holds_is_busy_not_broken(
    sqlite: Database, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    async with sqlite.reading():
        pass
    monkeypatch.setattr("cronwright_api.store.sqlite._PRAGMAS", ["PRAGMA busy_timeout=50"])
    impatient = Database(f"sqlite:///{file}")
    with pytest.raises(StoreUnavailable, match="the store can't be used: database is locked"):
        await ingest(impatient, [start()], NOW)
    holder.execute("ROLLBACK")
    holder.close()
    await ingest(impatient, [start()], NOW)
    await impatient.close()
    assert await count(sqlite) == 1
