"""Spans among the events, and what finds them and the runs beside them by their fire times."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INSTANT = sa.DateTime(timezone=True)
_ONLY_SPANS = sa.text("last_at IS NOT NULL")


def upgrade() -> None:
    """Add the columns that only spans have, and the indexes."""
    op.add_column("event", sa.Column("first_at", _INSTANT, nullable=True))
    op.add_column("event", sa.Column("last_at", _INSTANT, nullable=True))
    op.add_column("event", sa.Column("count", sa.BigInteger(), nullable=True))
    op.add_column("event", sa.Column("schedule", sa.String(), nullable=True))
    op.add_column("event", sa.Column("time_zone", sa.String(), nullable=True))
    op.create_index(
        op.f("ix_event_task_uid_last_at"),
        "event",
        ["task_uid", "last_at"],
        sqlite_where=_ONLY_SPANS,
        postgresql_where=_ONLY_SPANS,
    )
    op.create_index(op.f("ix_run_task_uid_scheduled_at"), "run", ["task_uid", "scheduled_at"])


def downgrade() -> None:
    """Drop them, and the spans with them: a release without the columns would show rows that say nothing."""
    op.execute("DELETE FROM event WHERE kind = 'span'")
    op.drop_index(op.f("ix_run_task_uid_scheduled_at"), "run")
    op.drop_index(op.f("ix_event_task_uid_last_at"), "event")
    for column in ("time_zone", "schedule", "count", "last_at", "first_at"):
        op.drop_column("event", column)
