"""Tests of the operator on a real cluster: each runs operators of its own, for its own namespace, while the installed
one rests.
"""

from collections.abc import Iterator

import pytest

from support import operators
from support.cluster import Cluster


@pytest.fixture(scope="module")
def runner_image(cluster: Cluster) -> Iterator[str]:
    """The image of runs that the chart uses. While it is in use, the installed operator rests."""
    if cluster.find(operators.DEPLOYMENT) is None:
        pytest.fail("Cronwright is not installed on the cluster; run: make up")
    with operators.installed_operator_resting(cluster) as image:
        yield image
