"""The timeline in the order of its places, for who follows it. The sequence numbers say that order: rows become visible
in it (`Database.appending`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright_api.store.rows import Row
from cronwright_api.store.tables import event


@dataclass(frozen=True, slots=True)
class Behind:
    """Rows in their order, and up to which sequence number there are no others."""

    rows: Sequence[Row]
    until: int


async def newest(connection: AsyncConnection) -> int:
    """Return the sequence number of the newest row, 0 where there is none."""
    return await connection.scalar(select(func.max(event.c.seq))) or 0


async def newest_row(connection: AsyncConnection, seen: ColumnElement[bool]) -> Row | None:
    """Return the newest of the rows that may be seen."""
    found = await connection.execute(
        select(event).where(seen).order_by(event.c.created_at.desc(), event.c.seq.desc()).limit(1)
    )
    return found.mappings().one_or_none()


async def number_of(
    connection: AsyncConnection, seen: ColumnElement[bool], identity: UUID, seen_at: datetime | None
) -> int | None:
    """Return the sequence number behind which what follows the row of that id begins, None where it is not among the
    rows that may be seen.

    `seen_at` is the row's place, its time of creation when it was read: where the row has moved or gone since, its
    place still says what came before it.
    """
    found = await connection.execute(select(event.c.seq, event.c.created_at).where(event.c.id == identity, seen))
    row = found.one_or_none()
    if row is not None and (seen_at is None or row.created_at == seen_at):
        return int(row.seq)
    if seen_at is None:
        return None
    ahead = select(event.c.seq).where(event.c.created_at < seen_at)
    return await connection.scalar(ahead.order_by(event.c.created_at.desc(), event.c.seq.desc()).limit(1)) or 0


async def behind(
    connection: AsyncConnection, number: int, conditions: Sequence[ColumnElement[bool]], limit: int
) -> Behind:
    """Return the rows behind that sequence number that meet `conditions`, at most `limit`."""
    last = max(number, await newest(connection))
    found = await connection.execute(
        select(event).where(event.c.seq > number, *conditions).order_by(event.c.seq).limit(limit)
    )
    rows = list(found.mappings())
    return Behind(rows, int(rows[-1]["seq"]) if len(rows) == limit else last)
