"""Fixtures of every kind of test. Those that need the cluster fail where there is none: it is never imitated."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster, namespace_in


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster that KUBECONFIG points at."""
    kubeconfig = os.environ.get("KUBECONFIG")
    if not kubeconfig:
        pytest.fail('KUBECONFIG is not set; run: make up && eval "$(make -s env)"')
    found = Cluster(Path(kubeconfig))
    yield found
    found.close()


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    stem = request.node.name.partition("[")[0].removeprefix("test_").replace("_", "-")[:40].strip("-")
    with namespace_in(cluster, stem) as name:
        yield name
