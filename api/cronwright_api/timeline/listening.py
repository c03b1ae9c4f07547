"""One listener of the timeline: what it asks for, what it may see at each moment, and where it is.

What it is told is what a list would show it: rights are asked for again with each row, from the same answers, kept for
as long, as lists go by.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from cronwright.instants import format_instant
from cronwright.timeline.query import Condition
from cronwright_api.auth.readers import Readers, Visible
from cronwright_api.errors import BadRequest, Problem
from cronwright_api.jsonapi.documents import text_of_one, text_of_problems
from cronwright_api.jsonapi.lists import ListRequest
from cronwright_api.store import following
from cronwright_api.store.conditions import where
from cronwright_api.store.database import Database, StoreUnavailable
from cronwright_api.store.rows import Row
from cronwright_api.streaming import HEARTBEAT, frame, place
from cronwright_api.tasks.matching import matches
from cronwright_api.timeline.columns import TIMELINE
from cronwright_api.timeline.feed import MAX_FORMS, Feed, Told
from cronwright_api.timeline.listing import seen, visible_among, visible_to

HEARTBEAT_SECONDS = 15.0
"""Proxies end connections that are silent for a minute or less. That the right to listen, or the token, has ended is
found out as often, whatever is told meanwhile."""
BATCH = 200
"""Rows read from the store at a time, on the way to what the feed has."""

_BEGINNING = f"{UUID(int=0)}@{format_instant(datetime.min.replace(tzinfo=UTC))}"
"""The place ahead of all rows."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Someone who listens: token, question, and scheme and host as the caller wrote them."""

    database: Database
    feed: Feed
    readers: Readers
    token: str
    asked: ListRequest
    base: str

    async def begin(self, parameter: str) -> tuple[int, str]:
        """Return the sequence number to go on behind, and the place that stands for it. `parameter` is what named the
        row to go on behind.

        Raises:
            Forbidden: as for a list.
            BadRequest: there is no such row.
            Unavailable: Kubernetes or the store is away, or too many listen.
        """
        self.feed.check_room()
        reader = await self.readers.of(self.token)
        condition = seen(TIMELINE.table, await visible_to(self.database, reader, self.asked.namespace))
        async with self.database.reading() as connection:
            if self.asked.after is None:
                row = await following.newest_row(connection, condition)
                return await following.newest(connection), _BEGINNING if row is None else _place(row)
            number = await following.number_of(connection, condition, self.asked.after, self.asked.seen_at)
        if number is None:
            detail = f"there is no row {self.asked.after} any more; begin again without {parameter}"
            raise BadRequest("page_unknown", detail, parameter=parameter)
        return number, ""

    async def frames(self, number: int, at: str) -> AsyncGenerator[bytes, None]:
        """Yield what is told behind `number`, until the feed is closed or the listener may not listen any more."""
        try:
            async with self.feed.listening():
                yield place(at) if at else HEARTBEAT
                due = time.monotonic() + HEARTBEAT_SECONDS
                while not self.feed.is_closed:
                    told = self.feed.behind(number)
                    if told is None:
                        rows, number = await self._from_store(number)
                        for row in rows:
                            yield self._frame(row)
                    elif told:
                        for chunk in await self._from_feed(told):
                            yield chunk
                        number = told[-1].number
                    else:
                        await self.feed.wait(number, due - time.monotonic())
                    if time.monotonic() >= due:
                        await self._check_rights()
                        yield HEARTBEAT
                        due = time.monotonic() + HEARTBEAT_SECONDS
        except Problem as problem:
            # The answer has begun, so what a request would get as an error comes as the last event
            yield frame(text_of_problems([problem]), name="problem")

    async def _check_rights(self) -> None:
        """Check that a list would still be given. Raises as `begin`."""
        reader = await self.readers.of(self.token)
        with contextlib.suppress(StoreUnavailable):
            # A store that is away has nothing to tell; the stream goes on once it is back
            await visible_to(self.database, reader, self.asked.namespace)

    async def _from_store(self, number: int) -> tuple[Sequence[Row], int]:
        reader = await self.readers.of(self.token)
        condition = seen(TIMELINE.table, await visible_to(self.database, reader, self.asked.namespace))
        async with self.database.reading() as connection:
            found = await following.behind(
                connection, number, [condition, *where(TIMELINE.table, self._conditions())], BATCH
            )
        return found.rows, found.until

    async def _from_feed(self, told: Sequence[Told]) -> Sequence[bytes]:
        conditions = self._conditions()
        wanted = [one for one in told if all(matches(condition, one.row[condition.column]) for condition in conditions)]
        visible = await self._visible(one.row["namespace"] for one in wanted)
        return [self._text(one) for one in wanted if visible.shows(one.row["namespace"])]

    async def _visible(self, namespaces: Iterable[str]) -> Visible:
        reader = await self.readers.of(self.token)
        return await visible_among(reader, self.asked.namespace, sorted(set(namespaces)))

    def _conditions(self) -> Sequence[Condition]:
        return [replace(condition, column=TIMELINE.names[condition.column]) for condition in self.asked.conditions]

    def _text(self, told: Told) -> bytes:
        key = (self.base, self.asked.fields)
        text = told.texts.get(key)
        if text is None:
            text = self._frame(told.row)
            if len(told.texts) < MAX_FORMS:
                told.texts[key] = text
        return text

    def _frame(self, row: Row) -> bytes:
        return frame(text_of_one(TIMELINE.resource(row, self.asked.fields), self.base), _place(row))


def _place(row: Row) -> str:
    return f"{row['id']}@{format_instant(row['created_at'])}"
