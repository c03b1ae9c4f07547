"""The connection to the database: engines, transactions, and foreign errors turned into ours.

SQLite runs in WAL mode: readers never wait for the writer, and there is one writer, which takes the lock as its
transaction begins, so that no transaction fails half-way for want of it. `synchronous=NORMAL`: a commit survives
the end of the process at any moment. Only the end of the machine can take the last moments with it, and those the
operator finds out again from Jobs and termination messages; to wait for the disk at every event would cost more
than that is worth.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from hashlib import sha256
from typing import Any

import sqlalchemy
from sqlalchemy import Table, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from cronwright_api.errors import Unavailable

BUSY_TIMEOUT_MS = 5000
"""How long a writer waits for another process's transaction, such as that of a migration or of an API pod that is
ending."""
READERS = 4
"""SQLite connections that read at once; each is a thread, and a small pod has few cores."""
POOL_TIMEOUT_SECONDS = 5.0
"""How long a request waits for a connection before it is told to come again."""


class StoreUnavailable(Unavailable):
    """The database can't be reached or can't be written."""


class Database:
    """The engines of one database. `is_sqlite` decides what only one of the two can do."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite:
            parsed = parsed.set(drivername="sqlite+aiosqlite")
            self._writer = create_async_engine(parsed, pool_size=1, max_overflow=0, pool_timeout=POOL_TIMEOUT_SECONDS)
            self._reader = create_async_engine(
                parsed, pool_size=READERS, max_overflow=0, pool_timeout=POOL_TIMEOUT_SECONDS
            )
            _prepare_sqlite(self._writer, begin="BEGIN IMMEDIATE", pragmas=[*_PRAGMAS, *_WRITER_PRAGMAS])
            _prepare_sqlite(self._reader, begin="BEGIN", pragmas=[*_PRAGMAS, *_READER_PRAGMAS])
            self._one_writer: asyncio.Lock | None = asyncio.Lock()
        else:
            parsed = parsed.set(drivername="postgresql+asyncpg")
            self._writer = self._reader = create_async_engine(
                parsed, pool_pre_ping=True, pool_timeout=POOL_TIMEOUT_SECONDS
            )
            self._one_writer = None

    async def close(self) -> None:
        """Close all connections."""
        await self._writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at the end of the block.

        Raises:
            StoreUnavailable: the disk is full, the file is locked or read-only, the server is away. Nothing is
                committed then.
        """
        async with self._one_writer or nullcontext():
            with _translated():
                async with self._writer.begin() as connection:
                    yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database. Raises StoreUnavailable as `writing`."""
        with _translated():
            async with self._reader.connect() as connection:
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


async def take_turns(connection: AsyncConnection, names: Iterable[str]) -> None:
    """Wait until no other transaction that named one of `names` is under way, and make others wait for this one.

    To be called first in a transaction. In SQLite, with its one writer, there is nothing to wait for.
    """
    if connection.dialect.name == "sqlite":
        return
    # In one order everywhere, or two transactions could wait for each other
    for key in sorted({int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True) for name in names}):
        await connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def insert_missing(connection: AsyncConnection, table: Table) -> Any:
    """Return INSERT … ON CONFLICT DO NOTHING for `table`; both databases have it, SQLAlchemy once for each."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as sqlite_insert

        return sqlite_insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects.postgresql import insert as postgresql_insert

    return postgresql_insert(table).on_conflict_do_nothing()


_PRAGMAS = [
    f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}",
    "PRAGMA synchronous=NORMAL",
    # PostgreSQL's LIKE minds the case; SQLite's would not
    "PRAGMA case_sensitive_like=ON",
]
_WRITER_PRAGMAS = [
    "PRAGMA journal_mode=WAL",
    # A WAL that grew under a long read is cut back to this
    "PRAGMA journal_size_limit=16777216",
]
_READER_PRAGMAS = ["PRAGMA query_only=ON"]


def _prepare_sqlite(engine: AsyncEngine, begin: str, pragmas: list[str]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # Python's driver would begin transactions by rules of its own; "begin" below says when
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql(begin)


class _translated:
    """A block in which the driver's errors become StoreUnavailable. Mistakes of ours, such as a wrong statement, stay
    what they are."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OperationalError | InterfaceError):
            raise StoreUnavailable("store_unavailable", f"the store can't be used: {_said(error)}") from error
        if isinstance(error, DBAPIError) and (error.connection_invalidated or "malformed" in str(error.orig)):
            raise StoreUnavailable("store_unavailable", f"the store can't be used: {_said(error)}") from error
        if isinstance(error, PoolTimeoutError | OSError):
            raise StoreUnavailable(
                "store_busy", f"the store did not answer within {POOL_TIMEOUT_SECONDS:.0f} s"
            ) from error


def _said(error: DBAPIError) -> str:
    # The driver's own words, without the statement and its values
    return str(error.orig).splitlines()[0] if str(error.orig) else type(error.orig).__name__
