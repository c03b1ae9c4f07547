"""A store in a real SQLite file and in a real PostgreSQL, and the API as a process of its own against the real
cluster."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cronwright_api.migrations import migrate
from cronwright_api.store.database import Database
from support.cluster import Cluster, namespace_in
from support.postgres import Postgres

from .people import API_RULES, LIST_TASKS, WRITE_TASKS, account, allow, disallow, kubeconfig_as, token
from .served import Served


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that the API runs on."""
    return "asyncio"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the test's database is; nothing is there yet."""
    return tmp_path / "timeline.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests."""
    with Postgres() as server:
        yield server


@pytest.fixture
def empty_postgresql_url(postgres: Postgres) -> Iterator[str]:
    """A database in PostgreSQL with nothing in it, not even a schema."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, file: Path) -> str:
    """Where a database without a schema is: each test runs on both."""
    return f"sqlite:///{file}" if request.param == "sqlite" else str(request.getfixturevalue("empty_postgresql_url"))


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the newest schema, to be copied: the steps take longer than most tests."""
    file = tmp_path_factory.mktemp("migrated") / "timeline.db"
    asyncio.run(_migrate(f"sqlite:///{file}"))
    return file


@pytest.fixture(scope="session")
def migrated_postgresql(postgres: Postgres) -> str:
    """As `migrated_file`, the name of a database in PostgreSQL."""
    name = "migrated"
    asyncio.run(_migrate(postgres.database(name)))
    return name


@pytest.fixture
def sqlite_url(file: Path, migrated_file: Path) -> str:
    """An SQLite file with the newest schema and no rows."""
    shutil.copy(migrated_file, file)
    return f"sqlite:///{file}"


@pytest.fixture
def postgresql_url(postgres: Postgres, migrated_postgresql: str) -> Iterator[str]:
    """A database in PostgreSQL with the newest schema and no rows."""
    url = postgres.database(like=migrated_postgresql)
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Where the test's database is, with the newest schema and no rows: each test runs on both."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """The database at `url`."""
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def sqlite(sqlite_url: str) -> AsyncIterator[Database]:
    """As `database`, for what only SQLite does."""
    opened = Database(sqlite_url)
    yield opened
    await opened.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
async def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Postgres
) -> AsyncIterator[Database]:
    """A database for all tests of a module that only read what one fixture of theirs has stored: each runs on both."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('shared') / 'timeline.db'}"
    else:
        url = postgres.database()
    await _migrate(url)
    opened = Database(url)
    yield opened
    await opened.close()


@dataclass(frozen=True, repr=False)
class World:
    """The API, and who comes to it; tokens are named for what they may do.

    `home` is the namespace of the accounts and of what tests write; `left` and `right` are for the tests that read.
    """

    api: Served
    cluster: Cluster
    home: str
    left: str
    right: str
    operator: str
    reads_all: str
    reads_left: str
    reads_none: str
    writes_all: str
    writes_left: str
    writes_right: str


@pytest.fixture(scope="session")
def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The API in a process of its own, under an account that may do what it needs and no more."""
    folder = tmp_path_factory.mktemp("api")
    with ExitStack() as stack:
        home, left, right = (
            stack.enter_context(namespace_in(cluster, f"api-{name}")) for name in ("home", "left", "right")
        )
        names = (
            "api",
            "operator",
            "reads-all",
            "reads-left",
            "reads-none",
            "writes-all",
            "writes-left",
            "writes-right",
        )
        for name in names:
            account(cluster, home, name)
        for name, rules in (("api", API_RULES), ("reads-all", LIST_TASKS), ("writes-all", WRITE_TASKS)):
            stack.callback(disallow, cluster, allow(cluster, home, name, rules))
        allow(cluster, home, "reads-left", LIST_TASKS, where=left)
        allow(cluster, home, "writes-left", WRITE_TASKS, where=left)
        allow(cluster, home, "writes-right", WRITE_TASKS, where=right)
        kubeconfig = kubeconfig_as(cluster, folder / "kubeconfig", token(cluster, home, "api"))
        api = stack.enter_context(Served(folder, kubeconfig, operator_account=f"system:serviceaccount:{home}:operator"))
        yield World(
            api=api,
            cluster=cluster,
            home=home,
            left=left,
            right=right,
            operator=token(cluster, home, "operator", "cronwright"),
            reads_all=token(cluster, home, "reads-all"),
            reads_left=token(cluster, home, "reads-left"),
            reads_none=token(cluster, home, "reads-none"),
            writes_all=token(cluster, home, "writes-all"),
            writes_left=token(cluster, home, "writes-left"),
            writes_right=token(cluster, home, "writes-right"),
        )
