"""The tables. `migrations/` makes them; a test holds the two against each other."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    text,
)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC with microseconds in a form that sorts: timestamptz, or text of one length in
    SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        # SQLAlchemy's own takes four times as long, for each of six times of an event
        return _sqlite_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _sqlite_text(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _sequence() -> "Column[int]":
    # SQLite counts only in a column of this very type
    return Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True)


# By code points, as SQLite compares; PostgreSQL would sort by the rules of some language, its database's
_STRING = String().with_variant(String(collation="C"), "postgresql")
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

EVENT_TYPE = "task"
"""Daptin's word for what a row of the timeline is about."""
ONLY_SPANS = "last_at IS NOT NULL"
ONLY_ENDS = "outcome IS NOT NULL"

event = Table(
    "event",
    metadata,
    # Grows with each row and never returns, so that a follower of the timeline misses nothing
    _sequence(),
    Column("id", Uuid, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("event_type", _STRING, nullable=False),
    Column("title", _TEXT, nullable=False),
    Column("task", _STRING, nullable=False),
    Column("namespace", _STRING, nullable=False),
    Column("task_uid", _STRING, nullable=False),
    Column("run_id", Uuid, nullable=False),
    Column("pod_uid", _STRING, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("kind", _STRING, nullable=False),
    Column("reported_by", _STRING, nullable=False),
    Column("trigger", _STRING, nullable=False),
    Column("scheduled_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("duration_ms", BigInteger),
    Column("retry_at", Instant),
    Column("outcome", _STRING),
    Column("reason", _STRING),
    Column("message", _TEXT, nullable=False),
    Column("action_name", _STRING, nullable=False),
    Column("entity_name", _STRING, nullable=False),
    Column("as_user_email", _STRING),
    Column("requested_by", _STRING),
    Column("pod", _STRING, nullable=False),
    Column("node", _STRING, nullable=False),
    Column("log_tail", _TEXT, nullable=False),
    Column("payload", JSON(none_as_null=True)),
    Column("first_at", Instant),
    Column("last_at", Instant),
    Column("count", BigInteger),
    Column("schedule", _STRING),
    Column("time_zone", _STRING),
    Index(None, "created_at", "seq"),
    # What a count asks for comes last, so that it takes a look at the index alone
    Index(None, "namespace", "created_at", "seq", "kind", "outcome"),
    Index(None, "task_uid", "created_at", "seq"),
    Index(None, "run_id", "seq"),
    Index(None, "task", "created_at", "seq", "namespace", "kind", "outcome"),
    Index(None, "kind", "created_at", "seq", "namespace"),
    Index(
        None,
        "outcome",
        "created_at",
        "seq",
        "namespace",
        sqlite_where=text(ONLY_ENDS),
        postgresql_where=text(ONLY_ENDS),
    ),
    # Only spans are in it, so that an event costs it nothing
    Index(None, "task_uid", "last_at", sqlite_where=text(ONLY_SPANS), postgresql_where=text(ONLY_SPANS)),
    sqlite_autoincrement=True,
)
"""One row an event, under the id of its key (`cronwright.run.ids.event_id`), or a span, whose `scheduled_at` is its
first fire time and whose `run_id` its own id."""

run = Table(
    "run",
    metadata,
    _sequence(),
    Column("id", Uuid, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("title", _TEXT, nullable=False),
    Column("task", _STRING, nullable=False),
    Column("namespace", _STRING, nullable=False),
    Column("task_uid", _STRING, nullable=False),
    Column("trigger", _STRING, nullable=False),
    Column("state", _STRING, nullable=False),
    Column("attempt", BigInteger, nullable=False),
    Column("scheduled_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
    Column("retry_at", Instant),
    Column("duration_ms", BigInteger),
    Column("outcome", _STRING),
    Column("reason", _STRING),
    Column("message", _TEXT, nullable=False),
    Column("action_name", _STRING, nullable=False),
    Column("entity_name", _STRING, nullable=False),
    Column("as_user_email", _STRING),
    Column("requested_by", _STRING),
    Column("pod", _STRING, nullable=False),
    Column("node", _STRING, nullable=False),
    Column("notes", JSON, nullable=False),
    Index(None, "created_at", "seq"),
    Index(None, "namespace", "created_at", "seq"),
    Index(None, "task_uid", "created_at", "seq"),
    Index(None, "task_uid", "scheduled_at"),
    Index(None, "task", "created_at", "seq", "namespace"),
    Index(None, "updated_at"),
    sqlite_autoincrement=True,
)
"""One row a run, folded from its events in the transaction that brings them."""

probe = Table(
    "probe",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("written_at", Instant, nullable=False),
)
"""One row, written by the readiness check: only a write tells that a disk is full or read-only."""
