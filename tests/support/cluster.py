"""The cluster that tests run on: found through KUBECONFIG, refused where it is not one of the project's own."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import yaml

OWN_CONTEXTS = ("cronwright-local", "kind-cronwright")
TASKS = "/apis/cronwright.dev/v1"
BATCH = "/apis/batch/v1"
CORE = "/api/v1"

Found = TypeVar("Found")


class NotOurClusterError(Exception):
    """KUBECONFIG points at a cluster that the tests must not touch."""


class Cluster:
    """The API server as raw HTTP: paths in, JSON out. Close it when done."""

    def __init__(self, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        self.context: str = document["current-context"]
        if self.context not in (*OWN_CONTEXTS, os.environ.get("CRONWRIGHT_CONTEXT")):
            raise NotOurClusterError(
                f"context {self.context} of {kubeconfig} is none of the project's; "
                'run: eval "$(make -s env)", or name it in CRONWRIGHT_CONTEXT'
            )
        self.kubeconfig = kubeconfig
        context = _named(document["contexts"], self.context)["context"]
        cluster = _named(document["clusters"], context["cluster"])["cluster"]
        user = _named(document["users"], context["user"])["user"]
        headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        with (
            _material(cluster, "certificate-authority") as authority,
            _material(user, "client-certificate") as certificate,
            _material(user, "client-key") as key,
        ):
            self.http = httpx.Client(
                base_url=cluster["server"],
                verify=_context(authority, certificate, key),
                headers=headers,
                timeout=30,
                limits=httpx.Limits(max_connections=64),
            )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def get(self, path: str) -> Any:
        """Return the object or list at `path`; a missing one is an HTTPStatusError."""
        return self._ok(self.http.get(path)).json()

    def find(self, path: str) -> Any | None:
        """Return the object at `path`, or None where there is none."""
        response = self.http.get(path)
        return None if response.status_code == 404 else self._ok(response).json()

    def items(self, path: str, selector: str = "") -> list[Any]:
        """Return the items of the list at `path`."""
        return list(
            self._ok(self.http.get(path, params={"labelSelector": selector} if selector else {})).json()["items"]
        )

    def create(self, path: str, manifest: Mapping[str, Any]) -> Any:
        """POST `manifest`."""
        return self._ok(self.http.post(path, json=manifest)).json()

    def patch(self, path: str, patch: Mapping[str, Any], manager: str = "tests") -> Any:
        """Merge `patch` into the object at `path` as field manager `manager`."""
        headers = {"Content-Type": "application/merge-patch+json"}
        return self._ok(self.http.patch(path, json=patch, headers=headers, params={"fieldManager": manager})).json()

    def delete(self, path: str, propagation: str = "Background") -> None:
        """DELETE the object at `path`; one that is gone is fine."""
        response = self.http.request("DELETE", path, json={"propagationPolicy": propagation})
        if response.status_code != 404:
            self._ok(response)

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl against this cluster."""
        return subprocess.run(
            ["kubectl", "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=check,
        )

    @staticmethod
    def _ok(response: httpx.Response) -> httpx.Response:
        if response.is_error:
            raise httpx.HTTPStatusError(
                f"{response.status_code}: {response.text}", request=response.request, response=response
            )
        return response


def task_manifest(namespace: str, name: str, schedule: str, action: str = "command", **spec: Any) -> dict[str, Any]:
    """Return a Task; `spec` lays further fields over it."""
    return {
        "apiVersion": "cronwright.dev/v1",
        "kind": "Task",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedule": schedule, "actionName": action, **spec},
    }


def tasks_path(namespace: str, name: str | None = None) -> str:
    """Return the path of a namespace's Tasks, or of one."""
    return f"{TASKS}/namespaces/{namespace}/tasks" + (f"/{name}" if name else "")


def cron_jobs_path(namespace: str, name: str | None = None) -> str:
    """Return the path of a namespace's CronJobs, or of one."""
    return f"{BATCH}/namespaces/{namespace}/cronjobs" + (f"/{name}" if name else "")


def jobs_path(namespace: str, name: str | None = None) -> str:
    """Return the path of a namespace's Jobs, or of one."""
    return f"{BATCH}/namespaces/{namespace}/jobs" + (f"/{name}" if name else "")


def condition(task: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the Task's condition of `kind`, empty where it has none."""
    conditions: list[Mapping[str, Any]] = (task.get("status") or {}).get("conditions") or []
    return next((found for found in conditions if found["type"] == kind), {})


def is_ready(task: Mapping[str, Any]) -> bool:
    """Return whether the Task's present generation is in force."""
    ready = condition(task, "Ready")
    return ready.get("status") == "True" and ready.get("observedGeneration") == task["metadata"]["generation"]


def wait_for(what: str, look: Callable[[], Found | None], seconds: float = 30, pause: float = 0.2) -> Found:
    """Return the first true answer of `look`; fail with `what` after so many `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(pause)  # the poll of a condition; nothing depends on its length


@contextmanager
def namespace_in(cluster: Cluster, prefix: str) -> Iterator[str]:
    """Make a namespace for one test, and delete it afterwards without waiting."""
    name = f"{prefix}-{uuid4().hex[:6]}"
    cluster.create(f"{CORE}/namespaces", {"metadata": {"name": name}})
    # the controller manager makes it; pods made before it are refused
    wait_for("the default service account", lambda: cluster.find(f"{CORE}/namespaces/{name}/serviceaccounts/default"))
    try:
        yield name
    finally:
        cluster.delete(f"{CORE}/namespaces/{name}")


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


@contextmanager
def _material(entry: Mapping[str, Any], key: str) -> Iterator[str | None]:
    """The file of a kubeconfig's `key`, be it named or inline."""
    import base64

    if key in entry:
        yield entry[key]
    elif f"{key}-data" in entry:
        with NamedTemporaryFile() as file:
            file.write(base64.b64decode(entry[f"{key}-data"]))
            file.flush()
            yield file.name
    else:
        yield None


def _context(authority: str | None, certificate: str | None, key: str | None) -> Any:
    import ssl

    context = ssl.create_default_context(cafile=authority)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context
