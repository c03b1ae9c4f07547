"""The connection to the database: transactions, and foreign errors turned into ours. What only one of the two databases
has lies in `sqlite` and `postgresql`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import Any

import sqlalchemy
from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright_api.errors import Unavailable
from cronwright_api.store import sqlite

POOL_TIMEOUT_SECONDS = 5.0
"""How long a request waits for a connection before it is told to come again."""
TURN_SECONDS = 10.0
"""How long one that adds to the timeline waits for its turn; a runner waits no longer for an answer."""

REACH_SECONDS = 8.0
"""How long it may take to have a connection to PostgreSQL that works: to wait for one that is free, to find that its
server hangs, to make another."""
WRITE_SECONDS = 10.0
"""How long a transaction that writes to PostgreSQL may take in all: many times what the largest post takes."""
CLOSE_SECONDS = 3.0
"""How long a server that is well takes to see its clients off, many times over."""

_TURNS = 6336_0002
"""Any number, the same in every release: the lock in PostgreSQL of those who add to the timeline."""


class StoreUnavailable(Unavailable):
    """The database can't be reached or can't be written."""


class WrongAddress(StoreUnavailable):
    """The database's address can't be read: only a start with another one helps."""


class Database:
    """The engines of one database. `is_sqlite` decides what only one of the two can do."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith("sqlite:")
        self._url = url
        if self.is_sqlite:
            self._writer, self._reader = sqlite.engines(url, POOL_TIMEOUT_SECONDS)
        else:
            # Its driver takes memory and a moment to load, which SQLite need not pay for
            from cronwright_api.store import postgresql

            self._writer = postgresql.engine(url, POOL_TIMEOUT_SECONDS)
            self._reader = postgresql.reading(self._writer)
        self._turns = asyncio.Lock()
        self._held, self._open = "", asyncio.Event()
        self._open.set()

    async def close(self) -> None:
        """Close all connections. Those to a server that does not answer end with the process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.dispose()
                await self._reader.dispose()

    def hold(self, why: str) -> None:
        """Let nobody in but those who migrate; others get the sentence `why`."""
        self._held = why
        self._open.clear()

    def release(self) -> None:
        """Let everybody in."""
        self._held = ""
        self._open.set()

    async def opened(self) -> None:
        """Wait until everybody is let in."""
        await self._open.wait()

    def _check_held(self) -> None:
        if self._held:
            raise StoreUnavailable("store_unavailable", self._held)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block.

        Raises:
            StoreUnavailable: the disk is full, the file is locked or read-only, the server is away. Nothing is
                committed then, unless the server went away at the very end: then it may be.
        """
        self._check_held()
        async with self._turn() if self.is_sqlite else nullcontext(), self._transaction() as connection:
            yield connection

    @asynccontextmanager
    async def appending(self) -> AsyncIterator[AsyncConnection]:
        """A transaction as of `writing`, one at a time over all replicas.

        So rows become visible in the order of their sequence numbers, and who follows them misses none; and what a
        transaction has read of the timeline stands until its end. SQLite has one writer anyhow. PostgreSQL gives the
        numbers out at the insert, and would show a later number before an earlier one.
        """
        self._check_held()
        # Within a process turns are taken ahead of the connection: those who wait hold none that readers need
        async with self._turn(), self._transaction() as connection:
            if not self.is_sqlite:
                from cronwright_api.store import postgresql

                await postgresql.take_turn(connection, _TURNS)
            yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError as error:
            detail = f"the store had no turn to write within {TURN_SECONDS:.0f} s"
            raise StoreUnavailable("store_busy", detail) from error
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        # A thread at work on a file can't be stopped; SQLite's own timeout bounds its waits
        patience = None if self.is_sqlite else WRITE_SECONDS
        with _translated():
            async with asyncio.timeout(patience), self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def migrating(self, key: int) -> AsyncIterator[AsyncConnection]:
        """A transaction as of `writing` for steps of the schema, one at a time over all that use `key`, however long
        it takes."""
        if self.is_sqlite:
            async with self._turn(), self._transaction() as connection:
                yield connection
            return
        from cronwright_api.store import postgresql

        engine = postgresql.engine(self._url, POOL_TIMEOUT_SECONDS, patient=True)
        try:
            with _translated():
                async with engine.begin() as connection:
                    await postgresql.take_turn(connection, key)
                    yield connection
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database. Raises StoreUnavailable as `writing`."""
        self._check_held()
        with _translated():
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(None if self.is_sqlite else REACH_SECONDS):
                    connection = await stack.enter_async_context(self._reader.connect())
                yield connection

    async def size_bytes(self) -> int | None:
        """Return how much room the database takes, without SQLite's WAL; None where it doesn't say."""
        async with self.reading() as connection:
            if self.is_sqlite:
                pages = await connection.scalar(
                    sqlalchemy.text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
                )
            else:
                pages = await connection.scalar(sqlalchemy.text("SELECT pg_database_size(current_database())"))
        return None if pages is None else int(pages)


def insert_missing(connection: AsyncConnection, table: Table) -> Any:
    """Return INSERT … ON CONFLICT DO NOTHING for `table`; both databases have it, SQLAlchemy once for each."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table).on_conflict_do_nothing()


class _translated:
    """A block in which the driver's errors become StoreUnavailable. Mistakes of ours, such as a wrong statement, stay
    what they are."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, PoolTimeoutError):
            detail = f"the store did not answer within {POOL_TIMEOUT_SECONDS:.0f} s"
            raise StoreUnavailable("store_busy", detail) from error
        if isinstance(error, Exception) and _is_of_the_store(error):
            kind = WrongAddress if _is_the_address(error) else StoreUnavailable
            raise kind("store_unavailable", f"the store can't be used: {_said(error)}") from error


def _is_of_the_store(error: Exception) -> bool:
    if isinstance(error, OperationalError | InterfaceError | OSError):
        return True
    if isinstance(error, DBAPIError) and (error.connection_invalidated or "malformed" in str(error.orig)):
        return True
    from cronwright_api.store.postgresql import is_away

    # What goes wrong while a connection to PostgreSQL is made comes as it is
    sqlstate = getattr(error.orig if isinstance(error, DBAPIError) else error, "sqlstate", None)
    return _is_the_address(error) or is_away(sqlstate)


def _is_the_address(error: Exception) -> bool:
    from cronwright_api.store.postgresql import AddressError

    return isinstance(error, AddressError)


def _said(error: Exception) -> str:
    # The driver's own words, without the statement and its values
    own = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(own, TimeoutError):
        return "it did not answer in time"
    said = str(own).splitlines()[0] if str(own) else type(own).__name__
    return said.partition(">: ")[2] or said
