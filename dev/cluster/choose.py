"""Which kind of cluster is meant: what the caller says, what was started before, else what this machine can do."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import base
import cache
import engine
import host
import processes
from cluster import Cluster
from current import Current
from kind import Kind
from local import Local
from progress import Failure, say

KINDS = ("current", "kind", "local")


def decide(wanted: str, started: str | None, can_pull: Callable[[], bool], can_start_containers: bool) -> str:
    """One of KINDS. `wanted` is CLUSTER ("" for no wish), `started` the kind that was decided on before.

    A local cluster that was started stays the answer after a container engine appears, and the other way round, until
    `down --purge`: otherwise two clusters would take turns. Raises Failure where nothing can be done.
    """
    if wanted:
        if wanted not in KINDS:
            raise Failure(f"CLUSTER is {wanted!r}: choose one of {', '.join(KINDS)}.")
        return wanted
    if started in KINDS:
        return started
    if can_pull():
        return "kind"
    if can_start_containers:
        return "local"
    raise Failure(
        "There is no container engine that can pull images, and this is not root on Debian: start Docker "
        "(CLUSTER=kind), run as root on Debian (CLUSTER=local), or name a cluster of yours (CLUSTER=current "
        "CRONWRIGHT_CONTEXT=...)."
    )


def cluster() -> Cluster:
    """The cluster that commands are about. Raises Failure where none is possible."""
    name = cache.cluster_name()
    memory = _memory(name)
    started = cache.read_json(memory).get("kind")
    wanted = os.environ.get("CLUSTER", "")
    kind = decide(
        wanted,
        started if isinstance(started, str) else None,
        _can_pull,
        host.is_root() and host.is_debian(),
    )
    if not wanted and started is None:
        say(f"using CLUSTER={kind}, which is what this machine can do")
    match kind:
        case "current":
            return Current(os.environ)
        case "kind":
            return Kind(name)
        case _:
            return Local(name)


def remember(cluster: Cluster) -> None:
    """Makes the kind of this cluster the answer for the next command that doesn't name one."""
    if cluster.kind != "current" and cache.read_json(_memory(cache.cluster_name())).get("kind") != cluster.kind:
        cache.write_json(_memory(cache.cluster_name()), {"kind": cluster.kind})


def forget() -> None:
    _memory(cache.cluster_name()).unlink(missing_ok=True)


def others_run() -> bool:
    """Whether anything of another cluster in this cache runs."""
    clusters = cache.root() / "clusters"
    return any(processes.running(state) for state in clusters.glob("*") if state.is_dir())


def _memory(name: str) -> Path:
    return cache.root() / "clusters" / f"{name}.json"


def _can_pull() -> bool:
    if shutil.which("docker") is None:
        return False
    found = engine.reachable()
    return found is not None and found.can_have(base.PULLED)
