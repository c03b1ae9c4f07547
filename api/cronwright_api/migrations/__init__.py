"""The database's schema, step by step (Alembic). A released step is never changed; a new one is added."""

from typing import Any

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from cronwright_api.store.database import Database

HEAD = "0005"
"""The newest step. Where the database has it, Alembic need not be loaded at the start; a test holds it against the
steps."""


async def migrate(database: Database) -> None:
    """Bring the database to the newest step. Of several processes at once one does it and the others find it done.

    Raises:
        StoreUnavailable: the database can't be reached or written.
        UnknownStep: a newer release has written the database.
    """
    async with database.migrating(_LOCK) as connection:
        await connection.run_sync(upgrade, HEAD)


class UnknownStep(Exception):
    """The database is at a step that this release doesn't know."""


def upgrade(connection: Connection, step: str) -> None:
    """Go up to `step` on a connection whose transaction the caller commits. Raises UnknownStep."""
    current = _current(connection)
    if current == step:
        return
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    configuration = _configuration(connection)
    if current is not None:
        try:
            ScriptDirectory.from_config(configuration).get_revision(current)
        except CommandError as error:
            raise UnknownStep(
                f"the database is at step {current}, unknown to this release; run the one that wrote it, or a newer"
            ) from error
    command.upgrade(configuration, step)


def downgrade(connection: Connection, step: str) -> None:
    """Go down to `step`, or to nothing with `base`, on a connection whose transaction the caller commits."""
    from alembic import command

    command.downgrade(_configuration(connection), step)


# Any number, the same in every release: PostgreSQL's lock that migrations take.
_LOCK = 6336_0001


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    step = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return None if step is None else str(step)


def _configuration(connection: Connection) -> Any:
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", "cronwright_api:migrations")
    configuration.set_main_option("path_separator", "os")
    configuration.attributes["connection"] = connection
    return configuration
