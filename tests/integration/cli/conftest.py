"""Accounts on the real cluster, and one real API process for all tests of the CLI."""

from collections.abc import Iterator

import pytest

from integration.cli.program import Accounts, Api, free_port, serving
from support.cluster import CORE, Cluster, namespace_in


@pytest.fixture(scope="session")
def accounts(cluster: Cluster) -> Iterator[Accounts]:
    """The accounts, in a namespace of their own."""
    with namespace_in(cluster, "cli") as namespace:
        for name in ("reporter", "reader", "stranger"):
            cluster.create(f"{CORE}/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
        cluster.kubectl("create", "role", "reader", "-n", namespace, "--verb=list", "--resource=tasks.cronwright.dev")
        cluster.kubectl(
            "create", "rolebinding", "reader", "-n", namespace, "--role=reader", f"--serviceaccount={namespace}:reader"
        )
        yield Accounts(
            namespace,
            reporter=cluster.kubectl("create", "token", "reporter", "-n", namespace, "--audience=cronwright").stdout,
            reader=cluster.kubectl("create", "token", "reader", "-n", namespace).stdout,
            stranger=cluster.kubectl("create", "token", "stranger", "-n", namespace).stdout,
        )


@pytest.fixture(scope="session")
def api(cluster: Cluster, accounts: Accounts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One API for all tests; each takes Tasks of its own names."""
    with serving(cluster, accounts, tmp_path_factory.mktemp("api"), free_port()) as running:
        yield running
