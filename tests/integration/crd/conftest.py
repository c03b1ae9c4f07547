"""The Task resource of this checkout on the cluster, and a namespace to try Tasks in.

Nothing here needs the operator, and a running operator does no harm.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support.cluster import Cluster, namespace_in, tasks_path, wait_for

CRD_FILE = Path(__file__).parents[3] / "crds" / "task.yaml"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRD_PATH = f"{DEFINITIONS}/tasks.cronwright.dev"
FIELD_MANAGER = "cronwright-crd-tests"

# Kubernetes adds this to every refusal by the plain schema; it names no fault of its own.
NOT_CHECKED = "some validation rules were not checked because the object was invalid"


@dataclass(frozen=True)
class Answer:
    """What the API server says to a Task: the object (or the table) that it would keep, or its refusal.

    `text` is all of a refusal, as kubectl shows it; `sentences` has one for each fault, after the field. Both are empty
    for a Task taken.
    """

    taken: dict[str, Any] | None
    text: str = ""
    sentences: tuple[str, ...] = ()


@dataclass(frozen=True)
class TasksAPI:
    """The Tasks of one namespace, which no try changes."""

    cluster: Cluster
    namespace: str

    def create(self, task: dict[str, Any]) -> None:
        """Make the Task."""
        self.cluster.create(tasks_path(self.namespace), task)

    def try_create(self, task: dict[str, Any]) -> Answer:
        """Answer to a create."""
        return self._try("POST", tasks_path(self.namespace), task)

    def try_patch(self, name: str, change: dict[str, Any]) -> Answer:
        """Answer to a merge patch."""
        return self._try("PATCH", tasks_path(self.namespace, name), change)

    def try_status(self, name: str, status: dict[str, Any], accept: str = "application/json") -> Answer:
        """Answer to a merge patch of the status."""
        return self._try("PATCH", tasks_path(self.namespace, name) + "/status", {"status": status}, accept)

    def _try(self, method: str, path: str, body: dict[str, Any], accept: str = "application/json") -> Answer:
        response = self.cluster.http.request(
            method,
            path,
            json=body,
            params={"dryRun": "All", "fieldValidation": "Strict", "fieldManager": FIELD_MANAGER},
            headers={"Accept": accept}
            | ({"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}),
        )
        answer = response.json()
        if response.is_success:
            return Answer(answer)
        causes = answer.get("details", {}).get("causes") or [answer]
        messages = [f"{cause.get('field', '')}: {cause['message']}" for cause in causes]
        return Answer(None, answer["message"], tuple(each for each in messages if NOT_CHECKED not in each))


@pytest.fixture(scope="session")
def crd(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """The Task resource of this checkout as the API server holds it.

    Where the chart has put it there it is only looked at, where it is missing it is there for these tests alone: fields
    that tests own would be in the way of the chart's next upgrade.
    """
    manifest = yaml.safe_load(CRD_FILE.read_text())
    held = cluster.find(CRD_PATH)
    if held is None:
        cluster.create(DEFINITIONS, manifest)
    else:
        params = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true", "dryRun": "All"}
        headers = {"Content-Type": "application/apply-patch+yaml"}
        applied = cluster.http.patch(CRD_PATH, json=manifest, params=params, headers=headers)
        assert applied.is_success, applied.text
        assert applied.json()["spec"] == held["spec"], "the cluster has another version of crds/task.yaml; run: make up"
    yield wait_for("the Task resource is established", lambda: _established(cluster))
    if held is None:
        cluster.delete(CRD_PATH)


def _established(cluster: Cluster) -> dict[str, Any] | None:
    held: dict[str, Any] = cluster.get(CRD_PATH)
    conditions = {each["type"]: each["status"] for each in held.get("status", {}).get("conditions") or []}
    return held if conditions.get("Established") == "True" else None


@pytest.fixture(scope="session")
def tasks(cluster: Cluster, crd: dict[str, Any]) -> Iterator[TasksAPI]:
    """Tasks in a namespace for these tests alone."""
    with namespace_in(cluster, "crd") as namespace:
        # The new schema is in force a moment after it is established.
        wait_for("Tasks are served", lambda: _serves(cluster, namespace))
        yield TasksAPI(cluster, namespace)


def _serves(cluster: Cluster, namespace: str) -> bool:
    response: httpx.Response = cluster.http.get(tasks_path(namespace))
    return response.is_success
