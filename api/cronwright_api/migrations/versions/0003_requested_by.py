"""Who asked for a run on request."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = ("event", "run")


def upgrade() -> None:
    """Add the column."""
    for table in _TABLES:
        op.add_column(table, sa.Column("requested_by", sa.String(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    for table in _TABLES:
        op.drop_column(table, "requested_by")
