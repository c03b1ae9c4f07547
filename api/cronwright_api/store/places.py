"""Times of creation as places in the timeline: each row has one of its own, later than that of any row before it.

So the order of `created_at` is the order in which rows became visible, whichever replica stored them and whatever its
clock says, and who follows by it goes on exactly behind what was seen last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright_api.store import tables

STEP = timedelta(microseconds=1)
"""The least that both databases tell apart."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one transaction: of its rows in the timeline, and of its runs among the runs."""

    began: datetime
    of_events: Iterator[datetime]
    of_runs: Iterator[datetime]


async def places(connection: AsyncConnection, now: datetime) -> Places:
    """Return the places from `now` on, or from the newest row on where a clock was ahead. To be asked for in a
    transaction that appends (`Database.appending`)."""
    newest = await connection.execute(
        select(
            select(func.max(tables.event.c.created_at)).scalar_subquery(),
            select(func.max(tables.run.c.created_at)).scalar_subquery(),
        )
    )
    began = max([now, *(known + STEP for known in newest.one() if known is not None)])
    return Places(began, (began + STEP * step for step in count()), (began + STEP * step for step in count()))
