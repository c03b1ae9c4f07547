"""A store in a real SQLite file and in a real PostgreSQL, and the API as a process of its own against the real
cluster."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cronwright_api.migrations import migrate
from cronwright_api.store.database import Database
from support.cluster import Cluster, namespace_in
from support.postgres import Postgres

from .people import API_RULES, LIST_TASKS, WRITE_TASKS, account, allow, disallow, kubeconfig_as, token
from .served import Served


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the API runs on."""
    return "asyncio"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the test's database is."""
    return tmp_path / "timeline.db"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests."""
    with Postgres() as server:
        yield server


@pytest.fixture
def postgresql_url(postgres: Postgres) -> Iterator[str]:
    """An empty database in PostgreSQL."""
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, file: Path) -> str:
    """Where the test's database is: each test runs on both."""
    return f"sqlite:///{file}" if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))


@asynccontextmanager
async def _migrated(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    await migrate(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A database with the newest schema and nothing in it."""
    async with _migrated(url) as opened:
        yield opened


@pytest.fixture
async def sqlite(file: Path) -> AsyncIterator[Database]:
    """As `database`, for what only SQLite does."""
    async with _migrated(f"sqlite:///{file}") as opened:
        yield opened


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
