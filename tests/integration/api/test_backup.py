"""The backups that docs/store.md describes, tried: taken while events are stored, and served from afterwards."""

import asyncio
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from cronwright_api.migrations import migrate
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest
from support.postgres import Postgres

from .events import end, place_of, span, start

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
PAGE = (Path(__file__).parents[3] / "docs" / "store.md").read_text()


async def fill(database: Database, first: int, runs: int) -> None:
    for number in range(first, first + runs):
        await ingest(database, [start(number), end(number), span(1001, 1001 + number)], NOW + timedelta(seconds=number))


async def check(url: str, least: int) -> None:
    """Hold a restored database against what was stored before the backup began, and go on with it."""
    database = Database(url)
    await migrate(database)
    async with database.reading() as connection:
        events = list((await connection.scalars(select(tables.event.c.kind).order_by(tables.event.c.seq))).all())
        runs = list((await connection.execute(select(tables.run.c.state))).scalars())
        newest = (await connection.execute(select(tables.event).order_by(tables.event.c.seq.desc()))).mappings().first()
    assert newest is not None
    assert len(runs) >= least
    # Whole transactions: each run with both its events, and the one span
    assert (set(runs), len(events)) == ({"ended"}, 2 * len(runs) + 1)
    again = await ingest(database, [start(0), start(10_000)], NOW)
    assert (len(again.created), await place_of(database, start(10_000).id) > newest["seq"]) == (1, True)
    assert again.rows[1]["created_at"] > newest["created_at"]
    await database.close()


async def test_of_sqlite(sqlite: Database, file: Path, tmp_path: Path) -> None:
    (said,) = re.findall(r"python3 -c \"(.*)\"", PAGE)
    backup = tmp_path / "backup.db"
    code = said.replace("/var/lib/cronwright/timeline.db", str(file)).replace("/tmp/backup.db", str(backup))
    await fill(sqlite, 0, 20)
    storing = asyncio.create_task(fill(sqlite, 20, 40))
    taken = await asyncio.create_subprocess_exec("python3", "-c", code)
    assert await taken.wait() == 0
    await storing
    connection = sqlite3.connect(backup)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    await check(f"sqlite:///{backup}", 20)


async def test_of_postgresql(postgres: Postgres, postgresql_url: str, tmp_path: Path) -> None:
    assert "pg_dump --format=custom" in PAGE
    assert "pg_restore --no-owner --dbname=" in PAGE
    database = Database(postgresql_url)
    await migrate(database)
    await fill(database, 0, 20)
    storing = asyncio.create_task(fill(database, 20, 40))
    backup = tmp_path / "backup.dump"
    name = postgresql_url.rpartition("/")[2]
    await asyncio.to_thread(postgres.program, "pg_dump", "--format=custom", f"--file={backup}", name)
    await storing
    await database.close()
    restored = postgres.database()
    postgres.program("pg_restore", "--no-owner", f"--dbname={restored.rpartition('/')[2]}", str(backup))
    await check(restored, 20)
    postgres.drop(restored)
