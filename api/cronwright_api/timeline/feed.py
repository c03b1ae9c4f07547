"""The feed: what is new on the timeline, read once for all who listen, and kept for as long as most take to send it on.

It asks the store for what lies behind the last row, at once after this process has stored something and several times a
second for what other replicas have stored. PostgreSQL's NOTIFY would need a connection of its own whose loss must be
noticed, which poolers don't pass on; and so a look every now and then beside it. The look alone costs a tenth of a
millisecond, and only while somebody listens.

A listener has nothing but a number of its own here. Who is slow falls behind what is kept, and reads from the store.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from cronwright_api.errors import Unavailable
from cronwright_api.store.database import Database
from cronwright_api.store.following import behind, newest
from cronwright_api.store.rows import Row

POLL_SECONDS = 0.1
AWAY_SECONDS = 1.0
"""How long a store that is away is left alone."""
BATCH = 500
KEPT_ROWS = 1000
KEPT_CHARACTERS = 8_000_000
"""Of log tails and messages, which make the size of a row; a payload counts as what it may have at most."""
MAX_LISTENERS = 1000
"""Each takes a connection and some tens of KiB; more need another replica."""
MAX_FORMS = 16
"""Texts kept of one row: one for each set of fields and each host that listeners ask by."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Told:
    """A row, with the texts that were made of it."""

    number: int
    row: Row
    size: int
    texts: dict[object, bytes] = field(default_factory=dict)


class Feed:
    """What is new on the timeline. `run` keeps it going."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: deque[Told] = deque()
        self._size = 0
        # All rows behind `_since` up to `_newest` are kept
        self._since = self._newest = 0
        self._beginning = asyncio.Lock()
        self._somebody, self._stored, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.listeners = 0
        self.is_closed = False

    @property
    def newest(self) -> int:
        """The sequence number up to which everything is known."""
        return self._newest

    def check_room(self) -> None:
        """Check that one more may listen. Raises Unavailable."""
        if self.listeners >= MAX_LISTENERS:
            raise Unavailable("too_many_listeners", f"{MAX_LISTENERS} listen to this replica already")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep the feed going while the block lasts.

        Raises:
            Unavailable: the store is away, or too many listen.
        """
        self.check_room()
        self.listeners += 1
        try:
            async with self._beginning:
                if not self._somebody.is_set():
                    async with self._database.reading() as connection:
                        self._since = self._newest = await newest(connection)
                    self._kept.clear()
                    self._size = 0
                    self._somebody.set()
            yield
        finally:
            self.listeners -= 1
            if not self.listeners:
                self._somebody.clear()

    def behind(self, number: int) -> Sequence[Told] | None:
        """Return what is known behind `number`, None where that reaches further back than what is kept."""
        if number < self._since:
            return None
        told: list[Told] = []
        for one in reversed(self._kept):
            if one.number <= number:
                break
            told.append(one)
        return told[::-1]

    async def wait(self, number: int, seconds: float) -> None:
        """Wait until there is something behind `number`, for so long at most."""
        if self._newest > number or self.is_closed:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    def stored(self) -> None:
        """Look at once: this process has stored something."""
        self._stored.set()

    def close(self) -> None:
        """Let all who listen end."""
        self.is_closed = True
        self._tell()

    async def run(self) -> None:
        """Look for what is new while somebody listens, until cancelled."""
        was_away = False
        while True:
            await self._somebody.wait()
            try:
                more = await self._look()
            except Unavailable as error:
                if not was_away:
                    _log.warning("the timeline can't be followed", detail=error.detail)
                was_away = True
                await asyncio.sleep(AWAY_SECONDS)
                continue
            was_away = False
            if not more:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._stored.wait()
        except TimeoutError:
            return

    async def _look(self) -> bool:
        """Take in what is new, and return whether there may be more."""
        self._stored.clear()
        before = self._newest
        async with self._database.reading() as connection:
            found = await behind(connection, before, [], BATCH)
        if self._newest != before or not found.rows:
            # Another beginning came between
            return False
        for row in found.rows:
            told = Told(int(row["seq"]), row, _size(row))
            self._kept.append(told)
            self._size += told.size
        self._newest = found.until
        while len(self._kept) > KEPT_ROWS or (self._size > KEPT_CHARACTERS and len(self._kept) > 1):
            gone = self._kept.popleft()
            self._since, self._size = gone.number, self._size - gone.size
        self._tell()
        return len(found.rows) == BATCH

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


def _size(row: Row) -> int:
    return len(row["log_tail"]) + len(row["message"]) + (64_000 if row["payload"] is not None else 0) + 1_000
