"""The schema's steps: up, down, up again, and nothing in them that the tables don't say."""

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from cronwright_api.migrations import HEAD, UnknownStep, downgrade, migrate, upgrade
from cronwright_api.store.database import Database, StoreUnavailable
from cronwright_api.store.ingest import ingest
from cronwright_api.store.tables import metadata

from .events import span, start

pytestmark = pytest.mark.anyio


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def differences(connection: Connection) -> list[object]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


async def test_up_down_and_up_again(database: Database) -> None:
    for turn in range(2):
        async with database.writing() as connection:
            assert await connection.run_sync(tables) == {"alembic_version", "event", "run", "probe"}, turn
            await connection.run_sync(downgrade, "base")
        async with database.writing() as connection:
            assert await connection.run_sync(tables) == {"alembic_version"}
            await connection.run_sync(upgrade, HEAD)


async def test_the_timeline_of_an_older_release_is_kept_and_one_that_goes_back_loses_its_spans(
    database: Database,
) -> None:
    now = datetime(2027, 1, 4, 9, tzinfo=UTC)
    await ingest(database, [start(), span(1, 3)], now)
    async with database.writing() as connection:
        await connection.run_sync(downgrade, "0001")
        kinds = await connection.scalars(text("SELECT kind FROM event"))
        assert list(kinds) == ["start"]
    await migrate(database)
    stored = await ingest(database, [start(), span(1, 3)], now)
    assert (stored.rows[0]["count"], stored.rows[1]["count"]) == (None, 3)


async def test_the_steps_make_what_the_tables_say(database: Database) -> None:
    async with database.writing() as connection:
        assert await connection.run_sync(differences) == []


def test_the_newest_step_is_the_one_that_the_start_looks_for() -> None:
    assert ScriptDirectory("api/cronwright_api/migrations").get_current_head() == HEAD


async def test_a_second_start_changes_nothing(database: Database) -> None:
    await migrate(database)


async def test_several_at_once(empty_url: str) -> None:
    several = [Database(empty_url) for _ in range(4)]
    await asyncio.gather(*(migrate(one) for one in several))
    async with several[0].reading() as connection:
        assert "event" in await connection.run_sync(tables)
    for one in several:
        await one.close()


async def test_a_database_of_a_newer_release_is_left_alone(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnknownStep, match="the database is at step 9999, unknown to this release"):
        await migrate(database)


async def test_a_step_that_fails_leaves_nothing(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE run (id)")
    connection.commit()
    database = Database(f"sqlite:///{file}")
    with pytest.raises(StoreUnavailable, match="table run already exists"):
        await migrate(database)
    await database.close()
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    assert [name for (name,) in names] == ["run"]
    connection.close()
