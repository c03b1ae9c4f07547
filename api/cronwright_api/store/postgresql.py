"""PostgreSQL's engine, the lock by which those who add to the timeline take turns, and what its errors mean.

The address goes to the driver as it is, so that it may say what PostgreSQL's own programs understand: `sslmode`,
`sslrootcert`, several hosts with `target_session_attrs`. It may hold a password, so nothing here shows it.
"""

import asyncio
import socket
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

CONNECTIONS = 8
"""Connections of one replica at most; a server takes a hundred by default."""
CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 20.0
"""How long a statement may take before its server counts as gone: far more than any but that of a server that has
left without a word."""
SILENCE_SECONDS = 5
"""How long what was sent may go unacknowledged, or a connection at rest unanswered, before the server counts as gone. A
machine or a network that vanishes closes nothing, and the operating system would try for a quarter of an hour."""
REST_SECONDS = 10
"""How long a connection is at rest before its server is asked whether it is there."""
LOCK_WAIT_MS = 5000
"""How long a writer waits for others, as in SQLite."""


class AddressError(ValueError):
    """The address of the database can't be read. Says why without showing it."""


def engine(url: str, pool_timeout_seconds: float, *, patient: bool = False) -> AsyncEngine:
    """Return an engine for the database of `url`; a `patient` one waits for as long as a statement or a lock takes."""
    settings = {
        "application_name": "cronwright-api",
        # Statements here take milliseconds; to compile one takes longer
        "jit": "off",
        "lock_timeout": "0" if patient else str(LOCK_WAIT_MS),
    }

    async def connected() -> Any:
        try:
            return await asyncpg.connect(  # type: ignore[no-untyped-call]
                url,
                timeout=CONNECT_SECONDS,
                command_timeout=None if patient else COMMAND_SECONDS,
                server_settings=settings,
                connection_class=_Watched,
            )
        except (ValueError, OverflowError) as error:
            raise AddressError(f"the database's address can't be used ({type(error).__name__})") from None

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connected,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=pool_timeout_seconds,
        # A connection that a restart of the server has cut is found before a request meets it
        pool_pre_ping=True,
        hide_parameters=True,
        # Whatever the server's own default is: each statement must see what others have committed before it
        isolation_level="READ COMMITTED",
    )


class _Watched(asyncpg.Connection):
    """A connection whose server is missed soon after it has vanished."""

    def __init__(self, protocol: Any, transport: asyncio.BaseTransport, *others: Any, **named: Any) -> None:
        super().__init__(protocol, transport, *others, **named)
        end = transport.get_extra_info("socket")
        # Not over a socket in the file system; and only Linux has all of these
        if end.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENCE_SECONDS * 1000)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, REST_SECONDS)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENCE_SECONDS)


def reading(writer: AsyncEngine) -> AsyncEngine:
    """Return `writer`'s connections for transactions that see one state of the database and change nothing."""
    return writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


async def take_turn(connection: AsyncConnection, key: int) -> None:
    """Wait until no other transaction that took a turn by `key` is under way; it ends with the transaction.

    Raises a driver's error where that takes longer than LOCK_WAIT_MS.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def is_away(sqlstate: str | None) -> bool:
    """Whether an error of that code is the server's or the machine's, and not of what was asked.

    Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    return sqlstate is not None and (sqlstate[:2] in _CLASSES or sqlstate in _CODES)


_CLASSES = {
    "08",  # the connection
    "28",  # the password or pg_hba.conf
    "53",  # no disk, memory or connection left
    "57",  # the server is stopped, starts, or an operator cancelled it
    "58",  # the operating system
    "XX",  # a damaged file
}
_CODES = {
    "25006",  # a standby, read-only
    "3D000",  # the database is not there
    "40001",  # another transaction came between
    "40P01",
    "42501",  # a right was taken away
    "55P03",  # the lock was not to be had in time
}
