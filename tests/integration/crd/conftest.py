"""A cluster for tests with the Task resource of this checkout in it, and a namespace to write Tasks to.

Nothing here needs the operator, and a running operator does no harm.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config, watch

CRD_FILE = Path(__file__).parents[3] / "crds" / "task.yaml"
CRD_NAME = "tasks.cronwright.dev"
OUR_CONTEXTS = ("cronwright-local", "kind-cronwright")
# The client's hand-written modules carry no types.
kube_config: Any = config
kube_watch: Any = watch
ESTABLISHED_WITHIN = 30  # seconds
FIELD_MANAGER = "cronwright-crd-tests"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

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
    """The Tasks of one namespace."""

    custom: client.CustomObjectsApi
    namespace: str

    def create(self, task: dict[str, Any]) -> None:
        """Make the Task."""
        self.custom.create_namespaced_custom_object(*self._where(), task, field_manager=FIELD_MANAGER)

    def try_create(self, task: dict[str, Any]) -> Answer:
        """Answer to a create that is not kept."""
        return self._try(self.custom.create_namespaced_custom_object, task)

    def try_patch(self, name: str, change: dict[str, Any]) -> Answer:
        """Answer to a merge patch that is not kept."""
        merge = {"_content_type": "application/merge-patch+json"}
        return self._try(self.custom.patch_namespaced_custom_object, name, change, **merge)

    def try_status(self, name: str, status: dict[str, Any], accept: str = "application/json") -> Answer:
        """Answer to a merge patch of the status that is not kept."""
        merge = {"_content_type": "application/merge-patch+json", "_headers": {"Accept": accept}}
        return self._try(self.custom.patch_namespaced_custom_object_status, name, {"status": status}, **merge)

    def _where(self) -> tuple[str, str, str, str]:
        return "cronwright.dev", "v1", self.namespace, "tasks"

    def _try(self, call: Any, *arguments: Any, **options: Any) -> Answer:
        try:
            taken = call(
                *self._where(),
                *arguments,
                dry_run="All",
                field_manager=FIELD_MANAGER,
                field_validation="Strict",
                **options,
            )
        except client.ApiException as error:
            status = json.loads(error.body or "{}")
            causes = status.get("details", {}).get("causes") or [status]
            messages = [f"{cause.get('field', '')}: {cause['message']}" for cause in causes]
            return Answer(None, status["message"], tuple(each for each in messages if NOT_CHECKED not in each))
        return Answer(taken)


@pytest.fixture(scope="session")
def api_client() -> Iterator[client.ApiClient]:
    """A client of the current kube context, which must be one of ours or named in CRONWRIGHT_CONTEXT."""
    _, active = kube_config.list_kube_config_contexts()
    name = str(active["name"])
    assert name in {*OUR_CONTEXTS, os.environ.get("CRONWRIGHT_CONTEXT")}, (
        f'the kube context {name!r} is not one of ours; run `make up` and `eval "$(make -s env)"`, '
        "or name the context in CRONWRIGHT_CONTEXT"
    )
    with kube_config.new_client_from_config(context=name) as made:
        yield made


@pytest.fixture(scope="session")
def crd(api_client: client.ApiClient) -> Iterator[dict[str, Any]]:
    """The Task resource of this checkout as the API server holds it.

    Goes away again if it wasn't there before: a resource that the chart didn't make would be in the chart's way.
    """
    definitions = client.ApiextensionsV1Api(api_client)
    present = definitions.list_custom_resource_definition(field_selector=f"metadata.name={CRD_NAME}").items
    definitions.patch_custom_resource_definition(
        CRD_NAME,
        yaml.safe_load(CRD_FILE.read_text()),
        field_manager=FIELD_MANAGER,
        field_validation="Strict",
        force=True,
        _content_type="application/apply-patch+yaml",
    )
    yield _established(definitions)
    if not present:
        definitions.delete_custom_resource_definition(CRD_NAME)


def _established(definitions: client.ApiextensionsV1Api) -> dict[str, Any]:
    for event in kube_watch.Watch().stream(
        definitions.list_custom_resource_definition,
        field_selector=f"metadata.name={CRD_NAME}",
        timeout_seconds=ESTABLISHED_WITHIN,
    ):
        held: dict[str, Any] = event["raw_object"]
        conditions = {each["type"]: each["status"] for each in held.get("status", {}).get("conditions", [])}
        if conditions.get("Established") == "True":
            return held
    raise AssertionError(f"{CRD_NAME} was not established within {ESTABLISHED_WITHIN} s")


@pytest.fixture(scope="session")
def namespace(api_client: client.ApiClient) -> Iterator[str]:
    """A namespace for these tests alone."""
    core = client.CoreV1Api(api_client)
    made = core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(generate_name="cronwright-crd-")))
    assert made.metadata is not None and made.metadata.name is not None
    name = made.metadata.name
    yield name
    core.delete_namespace(name)


@pytest.fixture(scope="session")
def tasks(api_client: client.ApiClient, crd: dict[str, Any], namespace: str) -> TasksAPI:
    """Tasks in that namespace."""
    return TasksAPI(client.CustomObjectsApi(api_client), namespace)
