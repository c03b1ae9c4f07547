"""Loops that are measured: their Tasks with an action of the benchmark's own, their pods' logs, and what the kubelet
counts of them.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from cleanup import RUNS, namespace_for

from cronwright.names import RUNNER_CONTAINER, TASK_LABEL, TICKER_CONTAINER
from cronwright.plan.windows import windows_of
from support.cluster import CORE, Cluster, is_ready, task_manifest, tasks_path, wait_for
from support.loops import Account, Ledger

ACTIONS = "probe-action"
FOLDER = "/probe"
PACKAGE = "probe_action-1.0.dist-info"
PATHS = {"probe_action.py": "probe_action.py"} | {
    name: f"{PACKAGE}/{name}" for name in ("METADATA", "entry_points.txt")
}
ENTRY_POINTS = "[cronwright.actions]\nprobe = probe_action:run\nnothing = probe_action:nothing\n"
READY_SECONDS = 60
TOLD_SECONDS = 60
"""How long the timeline may take to have each tick."""

CONTAINERS = (RUNNER_CONTAINER, TICKER_CONTAINER)


@contextmanager
def namespace(cluster: Cluster) -> Iterator[str]:
    """Make a namespace with the measured actions in it, as a package on its way into a pod; delete it afterwards."""
    with namespace_for(cluster, *RUNS) as name:
        cluster.create(
            f"{CORE}/namespaces/{name}/configmaps",
            {
                "metadata": {"name": ACTIONS},
                "data": {
                    "probe_action.py": (Path(__file__).parent / "probe_action.py").read_text(),
                    "METADATA": "Metadata-Version: 2.1\nName: probe-action\nVersion: 1.0\n",
                    "entry_points.txt": ENTRY_POINTS,
                },
            },
        )
        yield name


def make(cluster: Cluster, namespace: str, name: str, schedule: str, action: str, **spec: Any) -> dict[str, Any]:
    """Make a Task with one of the measured actions, and return it once it is Ready; `spec` are further fields."""
    items = [{"key": key, "path": path} for key, path in PATHS.items()]
    template = {
        "spec": {
            "containers": [
                {
                    "name": RUNNER_CONTAINER,
                    "env": [{"name": "PYTHONPATH", "value": FOLDER}],
                    "volumeMounts": [{"name": "probe", "mountPath": FOLDER, "readOnly": True}],
                }
            ],
            "volumes": [{"name": "probe", "configMap": {"name": ACTIONS, "items": items}}],
        }
    }
    fields = {"timeoutSeconds": 30, "successfulJobsHistoryLimit": 20, "template": template, **spec}
    cluster.create(tasks_path(namespace), task_manifest(namespace, name, schedule, action, **fields))
    return _ready(cluster, namespace, name)


def make_within_one_window(
    cluster: Cluster, namespace: str, name: str, schedule: str, action: str, seconds: int
) -> dict[str, Any]:
    """Make a Task as `make` does, but none whose next window opens within so many `seconds`: when it opens follows from
    the uid that it gets. Those that will not do stay paused, and have no pod.
    """
    for number in count(1):
        task = make(cluster, namespace, f"{name}-{number}", schedule, action, isActive=False)
        windows, now = windows_of(task["metadata"]["uid"]), datetime.now(UTC)
        if windows.opened_at_or_before(now + timedelta(seconds=seconds)) <= now:
            break
    cluster.patch(tasks_path(namespace, task["metadata"]["name"]), {"spec": {"isActive": True}})
    return _ready(cluster, namespace, task["metadata"]["name"])


def _ready(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    def ready() -> dict[str, Any] | None:
        task: dict[str, Any] = cluster.get(tasks_path(namespace, name))
        return task if is_ready(task) else None

    return wait_for(f"{name} to be Ready", ready, READY_SECONDS)


def pods(cluster: Cluster, namespace: str, name: str) -> list[str]:
    """Return the names of the pods of a Task, also of those that have ended."""
    found = cluster.items(f"{CORE}/namespaces/{namespace}/pods", f"{TASK_LABEL}={name}")
    return [pod["metadata"]["name"] for pod in found]


def logs(cluster: Cluster, namespace: str, name: str) -> str:
    """Return what the runners of a Task's pods have written."""
    texts = []
    for pod in pods(cluster, namespace, name):
        answer = cluster.http.get(
            f"{CORE}/namespaces/{namespace}/pods/{pod}/log", params={"container": RUNNER_CONTAINER}
        )
        texts.append(answer.text if answer.is_success else "")
    return "\n".join(texts)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used: processor time in seconds since its start, and memory in bytes, as working set."""

    seconds: float
    working_set: int


def usage(cluster: Cluster, namespace: str, name: str) -> dict[str, Usage]:
    """Return, by container, what the one pod of a Task uses by the kubelet's count, which is what `kubectl top` shows
    and what it evicts by.
    """
    (pod,) = pods(cluster, namespace, name)
    node = cluster.get(f"{CORE}/namespaces/{namespace}/pods/{pod}")["spec"]["nodeName"]
    summary = cluster.get(f"{CORE}/nodes/{node}/proxy/stats/summary?only_cpu_and_memory=true")
    found = next(each for each in summary["pods"] if each["podRef"]["name"] == pod)
    return {
        container["name"]: Usage(container["cpu"]["usageCoreNanoSeconds"] / 1e9, container["memory"]["workingSetBytes"])
        for container in found["containers"]
        if container["name"] in CONTAINERS
    }


@dataclass(frozen=True, slots=True)
class Timeline:
    """The installed API as the benchmark reads it."""

    http: httpx.Client

    def settled(self, task: Mapping[str, Any], first: datetime, last: datetime) -> Account:
        """Return what the timeline has of the ticks of `task` from `first` to `last`, once each has ended."""
        return self.ledger(task).settled(first, last, TOLD_SECONDS)

    def ledger(self, task: Mapping[str, Any]) -> Ledger:
        """Return the timeline's rows of `task`."""
        metadata = task["metadata"]
        return Ledger(self.http, metadata["namespace"], metadata["uid"], task["spec"]["schedule"])


def timeline() -> Timeline:
    """Return the API of `make -s env`."""
    url, token = (os.environ.get(name, "") for name in ("CRONWRIGHT_URL", "CRONWRIGHT_TOKEN"))
    if not url or not token:
        raise RuntimeError('CRONWRIGHT_URL or CRONWRIGHT_TOKEN is not set; run: eval "$(make -s env)"')
    return Timeline(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30))


def wait_until(instant: float) -> None:
    """Return at this Unix time: what is measured takes its time."""
    time.sleep(max(0.0, instant - time.time()))


def say(what: str) -> None:
    """Say how the measuring goes."""
    print(f"  {what}", file=sys.stderr, flush=True)
