"""The installed operator as a pod with other settings: it reaches the timeline, as no process outside can."""

import copy
from typing import Any
from uuid import uuid4

from support.cluster import Cluster, wait_for
from support.operators import DEPLOYMENT

_PODS = "/api/v1/namespaces/cronwright-system/pods"


class OperatorPod:
    """An operator for one namespace, while the installed one rests. `settings` are environment variables."""

    def __init__(self, cluster: Cluster, namespace: str, **settings: str) -> None:
        self._cluster = cluster
        self._manifest = _pod(cluster.get(DEPLOYMENT), {"CRONWRIGHT_NAMESPACES": namespace, **settings})
        self._name = ""

    def start(self) -> None:
        """Start it, and return once it works."""
        self._name = f"operator-of-tests-{uuid4().hex[:6]}"
        self._cluster.create(_PODS, {**self._manifest, "metadata": {"name": self._name}})
        wait_for("the operator of the tests", self._is_ready, 60)

    def stop(self) -> None:
        """End it, and return once it is gone; one that is gone is fine."""
        if self._name:
            self._cluster.delete(f"{_PODS}/{self._name}")
            wait_for("the operator of the tests to be gone", lambda: self._find() is None, 60)

    def log(self) -> str:
        """Return what it has logged."""
        return self._cluster.http.get(f"{_PODS}/{self._name}/log").text

    def _find(self) -> Any | None:
        return self._cluster.find(f"{_PODS}/{self._name}")

    def _is_ready(self) -> bool:
        found = self._find()
        statuses = (found or {}).get("status", {}).get("containerStatuses") or ()
        for status in statuses:
            ended = status.get("lastState", {}).get("terminated") or status["state"].get("terminated")
            assert not ended, f"the operator of the tests ended with {ended['exitCode']}:\n{self.log()[-3000:]}"
        return bool(statuses) and all(status["ready"] for status in statuses)


def _pod(deployment: Any, settings: dict[str, str]) -> dict[str, Any]:
    # Without the deployment's labels, or its ReplicaSet would take the pod for a surplus one and delete it
    spec = copy.deepcopy(deployment["spec"]["template"]["spec"])
    container = spec["containers"][0]
    kept = [entry for entry in container["env"] if entry["name"] not in settings]
    container["env"] = [*kept, *({"name": name, "value": value} for name, value in settings.items())]
    container["readinessProbe"]["periodSeconds"] = 1
    return {"spec": spec}
