"""SQLite's engines: one connection that writes and a few that read.

WAL mode: readers never wait for the writer, and there is one writer, which takes the lock as its transaction begins, so
that no transaction fails half-way for want of it. `synchronous=NORMAL`: a commit survives the end of the process at any
moment. Only the end of the machine can take the last moments with it, and those the operator finds out again from Jobs
and termination messages; to wait for the disk at every event would cost more than that is worth.
"""

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 5000
"""How long a writer waits for another process's transaction, such as that of a migration or of an API pod that is
ending."""
READERS = 4
"""Connections that read at once; each is a thread, and a small pod has few cores."""


def engines(url: str, pool_timeout_seconds: float) -> tuple[AsyncEngine, AsyncEngine]:
    """Return the engine that writes and the one that reads the file of `url`."""
    parsed = make_url(url).set(drivername="sqlite+aiosqlite")

    def engine(size: int) -> AsyncEngine:
        return create_async_engine(
            parsed, pool_size=size, max_overflow=0, pool_timeout=pool_timeout_seconds, hide_parameters=True
        )

    writer, reader = engine(1), engine(READERS)
    _prepare(writer, begin="BEGIN IMMEDIATE", pragmas=[*_PRAGMAS, *_WRITER_PRAGMAS])
    _prepare(reader, begin="BEGIN", pragmas=[*_PRAGMAS, *_READER_PRAGMAS])
    return writer, reader


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


def _prepare(engine: AsyncEngine, begin: str, pragmas: list[str]) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # Python's driver would begin transactions by rules of its own; "begin" below says when
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
