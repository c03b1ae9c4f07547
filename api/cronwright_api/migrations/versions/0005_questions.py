"""Indexes that answer what lists are asked most, and count what they show, without a look at the rows themselves.

An index by `event_type` goes: it has one value, which the store answers for without asking (`store.conditions`).
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ENDS = sa.text("outcome IS NOT NULL")
_BEFORE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("event", ("event_type", "created_at", "seq", "namespace")),
    ("event", ("namespace", "created_at", "seq")),
    ("event", ("task", "created_at", "seq", "namespace")),
)
_AFTER: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("event", ("namespace", "created_at", "seq", "kind", "outcome")),
    ("event", ("task", "created_at", "seq", "namespace", "kind", "outcome")),
)
_OUTCOME = ("outcome", "created_at", "seq", "namespace")


def upgrade() -> None:
    """Take away the indexes that others replace, and make those."""
    for table, columns in _BEFORE:
        op.drop_index(_name(table, columns), table)
    for table, columns in _AFTER:
        op.create_index(_name(table, columns), table, list(columns))
    # An event without an outcome costs it nothing
    op.create_index(_name("event", _OUTCOME), "event", list(_OUTCOME), sqlite_where=_ENDS, postgresql_where=_ENDS)


def downgrade() -> None:
    """Give the former indexes back."""
    op.drop_index(_name("event", _OUTCOME), "event")
    for table, columns in _AFTER:
        op.drop_index(_name(table, columns), table)
    for table, columns in _BEFORE:
        op.create_index(_name(table, columns), table, list(columns))


def _name(table: str, columns: tuple[str, ...]) -> str:
    return op.f(f"ix_{table}_{'_'.join(columns)}")
