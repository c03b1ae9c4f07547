"""The machine and the cluster in general terms, so that a reader knows what absolute numbers are worth."""

import os
import platform
from pathlib import Path

from support.cluster import Cluster


def describe(cluster: Cluster) -> str:
    """Return one line: cores, memory, Kubernetes, nodes, Python."""
    nodes = len(cluster.items("/api/v1/nodes"))
    kubernetes = cluster.get("/version")["gitVersion"].removeprefix("v")
    return (
        f"{os.cpu_count()} cores, {_memory_gib():.0f} GiB of memory; Kubernetes {kubernetes}, "
        f"{'a single node' if nodes == 1 else f'{nodes} nodes'}, with the control plane, the operator and the "
        f"benchmark on the same cores; Python {platform.python_version()}"
    )


def _memory_gib() -> float:
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:"))
    return int(line.split()[1]) / 2**20
