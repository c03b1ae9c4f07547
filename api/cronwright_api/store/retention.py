"""Retention: deletes what is too old or too much, in small transactions that take turns with those that add to the
timeline, so that no event waits long, and none is stored beside a run that goes."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select

from cronwright_api.store.database import Database
from cronwright_api.store.tables import event, run

BATCH = 500
"""Rows deleted in one transaction: some milliseconds in SQLite."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how many events are kept."""

    days: int
    rows: int


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many rows went."""

    events: int
    runs: int


async def apply_retention(database: Database, limits: Limits, now: datetime) -> Deleted:
    """Delete the events beyond `limits`, and the runs that have no events any more. `now` is aware.

    Cut short at any moment it has deleted whole batches, and the next time goes on.

    Raises:
        StoreUnavailable: the store can't be read or written.
    """
    oldest = now - timedelta(days=limits.days)
    async with database.reading() as connection:
        too_old = await connection.scalar(
            select(event.c.seq).where(event.c.created_at < oldest).order_by(event.c.created_at.desc()).limit(1)
        )
        too_many = await connection.scalar(
            select(event.c.seq).order_by(event.c.seq.desc()).limit(1).offset(limits.rows)
        )
    last = max(too_old or 0, too_many or 0)
    events = runs = 0
    while gone := await _delete_events(database, last):
        events += gone
        await asyncio.sleep(0)
    async with database.reading() as connection:
        kept_from = await connection.scalar(
            select(event.c.created_at).order_by(event.c.created_at, event.c.seq).limit(1)
        )
    while gone := await _delete_runs(database, kept_from or oldest):
        runs += gone
        await asyncio.sleep(0)
    return Deleted(events, runs)


async def _delete_events(database: Database, last: int) -> int:
    batch = select(event.c.seq).where(event.c.seq <= last).order_by(event.c.seq).limit(BATCH).scalar_subquery()
    async with database.appending() as connection:
        return (await connection.execute(delete(event).where(event.c.seq.in_(batch)))).rowcount


async def _delete_runs(database: Database, before: datetime) -> int:
    # A run's last event came when the run was last written; so the time finds them quickly, and the events decide
    without_events = ~exists().where(event.c.run_id == run.c.id)
    found = select(run.c.seq).where(run.c.updated_at < before, without_events).order_by(run.c.updated_at)
    batch = found.limit(BATCH).scalar_subquery()
    async with database.appending() as connection:
        return (await connection.execute(delete(run).where(run.c.seq.in_(batch)))).rowcount
