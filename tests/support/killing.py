"""Killing processes in containers, from the node: no container can kill its own first process.

A privileged pod looks through the node's processes for those of a container, by its control group, and kills no other.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from support.cluster import CORE, Cluster, wait_for

_PROGRAM = """
import json, os, signal, sys

container, whom = sys.argv[1:]

def status(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\\n").split(":\\t", 1) for line in file if ":\\t" in line)

found = {}
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        with open(f"/proc/{pid}/cgroup") as file:
            if container in file.read():
                found[int(pid)] = status(pid)
    except (FileNotFoundError, ProcessLookupError):
        pass
firsts = [pid for pid, fields in found.items() if fields["NSpid"].split()[-1] == "1"]
children = [pid for pid, fields in found.items() if int(fields["PPid"]) in firsts]
grandchildren = [pid for pid, fields in found.items() if int(fields["PPid"]) in children]
chosen = {"first": firsts, "children": children, "grandchildren": grandchildren}[whom]
killed = []
for pid in chosen:
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        killed.append(found[pid]["Name"])
    except ProcessLookupError:
        pass
with open("/proc/self/mountinfo") as file:
    version = 2 if any(" - cgroup2 " in line and " /sys/fs/cgroup " in line for line in file) else 1
print(json.dumps({"killed": killed, "cgroup": version}))
"""


class Killer:
    """The hand that kills, in a namespace of its own."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace

    def through(self, cluster: Cluster) -> "Killer":
        """Return the same hand, moved through other connections."""
        return Killer(cluster, self._namespace)

    def kill_container(self, pod: Mapping[str, Any], container: str) -> None:
        """Kill the first process of a pod's container, and with it the container, by SIGKILL."""
        assert self._kill(pod, container, "first") != [], f"{container} of {pod['metadata']['name']} did not run"

    def kill_children(self, pod: Mapping[str, Any], container: str) -> None:
        """Kill the processes that the first process of a container has started."""
        assert self._kill(pod, container, "children") != [], f"{container} of {pod['metadata']['name']} has no children"

    def kill_grandchildren(self, pod: Mapping[str, Any], container: str) -> None:
        """Kill the processes that those have started: of a loop's runner, the actions under way."""
        assert self._kill(pod, container, "grandchildren") != [], f"nothing is under way in {pod['metadata']['name']}"

    def cgroup_version(self) -> int:
        """Return 1 or 2: which control groups the node has, and so whom it kills when memory is short."""
        return int(self._run("no-such-container", "first")["cgroup"])

    def _kill(self, pod: Mapping[str, Any], container: str, whom: str) -> list[str]:
        return list(self._run(container_id(pod, container), whom)["killed"])

    def _run(self, container: str, whom: str) -> dict[str, Any]:
        done = self._cluster.kubectl(
            "exec", "-n", self._namespace, "killer", "--", "python3", "-c", _PROGRAM, container, whom, check=False
        )
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def container_id(pod: Mapping[str, Any], container: str) -> str:
    """Return the id of a pod's container, as control groups have it in their name."""
    status = pod["status"]
    statuses = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    found = next(entry["containerID"] for entry in statuses if entry["name"] == container)
    return str(found.rpartition("/")[2])


@contextmanager
def killer_on(cluster: Cluster, image: str, node: str) -> Iterator[Killer]:
    """Start the killer on a node, in a container of the runner's image."""
    namespace = f"killer-{uuid4().hex[:6]}"
    cluster.create(
        f"{CORE}/namespaces",
        {"metadata": {"name": namespace, "labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
    )
    wait_for(
        "the default service account", lambda: cluster.find(f"{CORE}/namespaces/{namespace}/serviceaccounts/default")
    )
    container = {
        "name": "killer",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["sleep", "infinity"],
        "securityContext": {"privileged": True, "runAsUser": 0},
    }
    pods = f"{CORE}/namespaces/{namespace}/pods"
    spec = {"nodeName": node, "hostPID": True, "containers": [container], "terminationGracePeriodSeconds": 0}
    cluster.create(pods, {"metadata": {"name": "killer"}, "spec": spec})
    wait_for("the killer", lambda: cluster.get(f"{pods}/killer")["status"]["phase"] == "Running", 60)
    try:
        yield Killer(cluster, namespace)
    finally:
        cluster.delete(f"{CORE}/namespaces/{namespace}")
