"""A loop as it ticks: how punctual it is, in `lateness`, and what a tick and its pod cost, in `tick_costs`."""

from collections.abc import Iterator

import lateness
import loops
import tick_costs
from figures import Figure

from programs import installed_runner_image
from support.cluster import Cluster


def measure(cluster: Cluster) -> Iterator[Figure]:
    """Yield the figures. It takes ten minutes, most of them spent on waiting for ticks."""
    image, timeline = installed_runner_image(cluster), loops.timeline()
    yield from lateness.measure(cluster, image, timeline)
    yield from tick_costs.measure(cluster, image, timeline)
