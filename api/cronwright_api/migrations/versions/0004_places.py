"""What lets both databases answer alike and quickly: text compared by code points, and indexes for the questions that
lists are asked most."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = {
    "event": (
        ("event_type", "VARCHAR"),
        ("title", "TEXT"),
        ("task", "VARCHAR"),
        ("namespace", "VARCHAR"),
        ("task_uid", "VARCHAR"),
        ("pod_uid", "VARCHAR"),
        ("kind", "VARCHAR"),
        ("reported_by", "VARCHAR"),
        ("trigger", "VARCHAR"),
        ("outcome", "VARCHAR"),
        ("reason", "VARCHAR"),
        ("message", "TEXT"),
        ("action_name", "VARCHAR"),
        ("entity_name", "VARCHAR"),
        ("as_user_email", "VARCHAR"),
        ("requested_by", "VARCHAR"),
        ("pod", "VARCHAR"),
        ("node", "VARCHAR"),
        ("log_tail", "TEXT"),
        ("schedule", "VARCHAR"),
        ("time_zone", "VARCHAR"),
    ),
    "run": (
        ("title", "TEXT"),
        ("task", "VARCHAR"),
        ("namespace", "VARCHAR"),
        ("task_uid", "VARCHAR"),
        ("trigger", "VARCHAR"),
        ("state", "VARCHAR"),
        ("outcome", "VARCHAR"),
        ("reason", "VARCHAR"),
        ("message", "TEXT"),
        ("action_name", "VARCHAR"),
        ("entity_name", "VARCHAR"),
        ("as_user_email", "VARCHAR"),
        ("requested_by", "VARCHAR"),
        ("pod", "VARCHAR"),
        ("node", "VARCHAR"),
    ),
}


_INDEXES = (("event", "task"), ("event", "event_type"), ("event", "kind"), ("run", "task"))


def upgrade() -> None:
    """Set PostgreSQL's collations, and add the indexes."""
    _collate("C")
    for table, column in _INDEXES:
        op.create_index(_name(table, column), table, [column, "created_at", "seq", "namespace"])


def downgrade() -> None:
    """Drop the indexes, and give the collations back."""
    for table, column in _INDEXES:
        op.drop_index(_name(table, column), table)
    _collate("default")


def _name(table: str, column: str) -> str:
    return op.f(f"ix_{table}_{column}_created_at_seq_namespace")


def _collate(collation: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _TEXT.items():
        # One statement, so that the table is written anew once
        changes = ", ".join(f'ALTER "{name}" TYPE {kind} COLLATE "{collation}"' for name, kind in columns)
        op.execute(sa.text(f'ALTER TABLE "{table}" {changes}'))
