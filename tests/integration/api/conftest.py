"""A store in a real SQLite file, and the API as a process of its own against the real cluster."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cronwright_api.migrations import migrate
from cronwright_api.store.database import Database
from support.cluster import Cluster, namespace_in

from .people import API_RULES, LIST_TASKS, account, allow, disallow, kubeconfig_as, token
from .served import Served


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


@dataclass(frozen=True, repr=False)
class World:
    """The API, and who comes to it. `left` and `right` are namespaces; tokens are named for what they may do."""

    api: Served
    cluster: Cluster
    left: str
    right: str
    operator: str
    reads_all: str
    reads_left: str
    reads_none: str


@pytest.fixture(scope="session")
def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The API in a process of its own, under an account that may do what it needs and no more."""
    folder = tmp_path_factory.mktemp("api")
    with ExitStack() as stack:
        left = stack.enter_context(namespace_in(cluster, "api-left"))
        right = stack.enter_context(namespace_in(cluster, "api-right"))
        for name in ("api", "operator", "reads-all", "reads-left", "reads-none"):
            account(cluster, left, name)
        for name, rules in (("api", API_RULES), ("reads-all", LIST_TASKS)):
            stack.callback(disallow, cluster, allow(cluster, left, name, rules, everywhere=True))
        allow(cluster, left, "reads-left", LIST_TASKS, everywhere=False)
        kubeconfig = kubeconfig_as(cluster, folder / "kubeconfig", token(cluster, left, "api"))
        api = stack.enter_context(Served(folder, kubeconfig, operator_account=f"system:serviceaccount:{left}:operator"))
        yield World(
            api=api,
            cluster=cluster,
            left=left,
            right=right,
            operator=token(cluster, left, "operator", "cronwright"),
            reads_all=token(cluster, left, "reads-all"),
            reads_left=token(cluster, left, "reads-left"),
            reads_none=token(cluster, left, "reads-none"),
        )
