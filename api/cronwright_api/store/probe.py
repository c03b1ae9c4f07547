"""Whether the store takes writes now: a committed write of one row, since nothing less meets a full or a read-only
disk."""

from datetime import datetime

from sqlalchemy import insert, update

from cronwright_api.store import tables
from cronwright_api.store.database import Database


async def write_probe(database: Database, now: datetime) -> None:
    """Write the probe's row.

    Raises:
        StoreUnavailable: it can't be written.
    """
    async with database.writing() as connection:
        written = await connection.execute(update(tables.probe).values(written_at=now))
        if written.rowcount == 0:
            await connection.execute(insert(tables.probe).values(id=1, written_at=now))
