"""A store in a real SQLite file, and the API as a process of its own against the real cluster."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cronwright_api.migrations import migrate
from cronwright_api.store.database import Database


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the API runs on."""
    return "asyncio"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the test's database is."""
    return tmp_path / "timeline.db"


@pytest.fixture
async def database(file: Path) -> AsyncIterator[Database]:
    """A database with the newest schema and nothing in it."""
    opened = Database(f"sqlite:///{file}")
    await migrate(opened)
    yield opened
    await opened.close()
