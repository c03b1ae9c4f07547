"""The pods of a Task's runs, and of its loop's windows, as a template. Nothing is sent from here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import (
    API_CA_ANNOTATION,
    API_CA_PATH,
    AS_USER_ANNOTATION,
    CONTROLLER_UID_LABEL,
    DOCUMENT_PATH,
    END_ANNOTATION,
    END_PATH,
    JOB_NAME_LABEL,
    JOB_NAME_PATH,
    JOB_UID_PATH,
    LOOP_DIRECTORY,
    LOOP_START_ANNOTATION,
    LOOP_START_PATH,
    RUNNER_CONTAINER,
    SCHEDULED_TIME_ANNOTATION,
    SCHEDULED_TIME_PATH,
    TASK_ANNOTATION,
    TICKER_CONTAINER,
    TOKEN_AUDIENCE,
    TOKEN_PATH,
)
from cronwright.plan.choose import Plan
from cronwright.plan.overlay import overlay
from cronwright.run.document import dump_document
from cronwright.task import Task

GRACE_PERIOD_SECONDS = 30
TOKEN_LIFETIME_SECONDS = 3600
RUN_USER = 10001

TICKER_RESOURCES: JSONObject = {"requests": {"cpu": "10m", "memory": "24Mi"}, "limits": {"memory": "64Mi"}}
"""The limit holds the ticker and a full spool, which is memory of its container."""

_DOCUMENT_DIRECTORY, _, _DOCUMENT_FILE = DOCUMENT_PATH.rpartition("/")
_TOKEN_DIRECTORY, _, _TOKEN_FILE = TOKEN_PATH.rpartition("/")
_DOCUMENT_VOLUME, _TOKEN_VOLUME, _TMP_VOLUME, _LOOP_VOLUME = (
    "cronwright-document",
    "cronwright-token",
    "tmp",
    "cronwright-loop",
)
_MOUNTS: tuple[JSON, ...] = (
    {"name": _DOCUMENT_VOLUME, "mountPath": _DOCUMENT_DIRECTORY, "readOnly": True},
    {"name": _TOKEN_VOLUME, "mountPath": _TOKEN_DIRECTORY, "readOnly": True},
)
_CONTAINER_SECURITY: JSONObject = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
_DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"
"""Whose log kubectl shows where none is named."""


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """What the chart says of runs. `api_url` is the timeline's base URL as pods reach it; None means no timeline.

    `api_ca` are the certificates (PEM) that an https one is checked against; None means those of the runner's image.
    """

    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    api_url: str | None = None
    api_ca: str | None = None
    resources: JSONObject = field(
        default_factory=lambda: {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
    )


def pod_template(task: Task, plan: Plan, runner: RunnerSettings, labels: JSONObject) -> dict[str, JSON]:
    """Return the pod template of a run of `task`, or of a window of its loop.

    Over the defaults lies the Task's own template, and over both what the runner needs.
    """
    template = overlay(_defaults(runner), task.template or {})
    grace = cast(Mapping[str, JSON], template["spec"]).get("terminationGracePeriodSeconds")
    if grace is None:
        template = overlay(template, {"spec": {"terminationGracePeriodSeconds": GRACE_PERIOD_SECONDS}})
        grace = GRACE_PERIOD_SECONDS
    template = overlay(template, _required(task, plan, runner, labels, grace))
    return overlay(template, _loop(template, runner, grace)) if plan.windows else template


def _defaults(runner: RunnerSettings) -> JSONObject:
    """What a Task's template may change."""
    return {
        "spec": {
            "terminationGracePeriodSeconds": GRACE_PERIOD_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": RUN_USER,
                "runAsGroup": RUN_USER,
                "fsGroup": RUN_USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **(
                {"imagePullSecrets": [{"name": name} for name in runner.image_pull_secrets]}
                if runner.image_pull_secrets
                else {}
            ),
            "containers": [
                {
                    "name": RUNNER_CONTAINER,
                    "image": runner.image,
                    "imagePullPolicy": runner.image_pull_policy,
                    "resources": runner.resources,
                    "securityContext": _CONTAINER_SECURITY,
                }
            ],
            "volumes": [{"name": _TMP_VOLUME, "emptyDir": {}}],
        }
    }


def _required(task: Task, plan: Plan, runner: RunnerSettings, labels: JSONObject, grace: JSON) -> JSONObject:
    """What the runner needs, and so wins over a Task's template."""
    annotations: dict[str, JSON] = {TASK_ANNOTATION: dump_document(plan.document)}
    if task.as_user_email:
        annotations[AS_USER_ANNOTATION] = task.as_user_email
    if runner.api_ca:
        annotations[API_CA_ANNOTATION] = runner.api_ca
    return {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": RUNNER_CONTAINER,
                    "command": ["cronwright-runner"],
                    "args": [],
                    "env": _env(runner, grace),
                    "volumeMounts": [*_MOUNTS, {"name": _TMP_VOLUME, "mountPath": "/tmp"}],
                }
            ],
            "volumes": [
                _document_volume(*_authority(runner)),
                {
                    "name": _TOKEN_VOLUME,
                    "projected": {
                        "sources": [
                            {
                                "serviceAccountToken": {
                                    "audience": TOKEN_AUDIENCE,
                                    "expirationSeconds": TOKEN_LIFETIME_SECONDS,
                                    "path": _TOKEN_FILE,
                                }
                            }
                        ]
                    },
                },
            ],
        },
    }


def _loop(template: JSONObject, settings: RunnerSettings, grace: JSON) -> JSONObject:
    """What a window's pod has besides: the ticker, and what joins it and the runner."""
    spec = cast(Mapping[str, JSON], template["spec"])
    containers = cast(Sequence[Mapping[str, JSON]], spec["containers"])
    runner = next(container for container in containers if container["name"] == RUNNER_CONTAINER)
    shared: JSON = {"name": _LOOP_VOLUME, "mountPath": LOOP_DIRECTORY}
    ticker = {
        # Ticker and runner speak to each other, so they are of one image
        "name": TICKER_CONTAINER,
        "image": runner["image"],
        "imagePullPolicy": runner["imagePullPolicy"],
        "command": ["cronwright-ticker"],
        "args": [],
        # Kubernetes keeps it running beside the runner, and ends it after it
        "restartPolicy": "Always",
        "resources": TICKER_RESOURCES,
        "securityContext": _CONTAINER_SECURITY,
        "env": _env(settings, grace),
        "volumeMounts": [shared, *_MOUNTS],
    }
    return {
        "metadata": {"annotations": {_DEFAULT_CONTAINER_ANNOTATION: RUNNER_CONTAINER}},
        "spec": {
            # A runner that dies is started again beside its ticker
            "restartPolicy": "OnFailure",
            "initContainers": [ticker],
            "containers": [{"name": RUNNER_CONTAINER, "volumeMounts": [shared]}],
            "volumes": [
                {"name": _LOOP_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
                _document_volume(
                    *_authority(settings),
                    _field_file(_name_of(LOOP_START_PATH), f"metadata.annotations['{LOOP_START_ANNOTATION}']"),
                    _field_file(_name_of(END_PATH), f"metadata.annotations['{END_ANNOTATION}']"),
                ),
            ],
        },
    }


def _env(runner: RunnerSettings, grace: JSON) -> list[JSON]:
    return [
        *([{"name": "CRONWRIGHT_API_URL", "value": runner.api_url}] if runner.api_url else []),
        *([{"name": "CRONWRIGHT_CA_FILE", "value": API_CA_PATH}] if runner.api_ca else []),
        {"name": "CRONWRIGHT_GRACE_SECONDS", "value": str(grace)},
        _field_env("POD_NAME", "metadata.name"),
        _field_env("POD_UID", "metadata.uid"),
        _field_env("NODE_NAME", "spec.nodeName"),
    ]


def _authority(runner: RunnerSettings) -> list[JSON]:
    """The file with the certificates that the timeline's is checked against: in the pod itself, since no Secret or
    ConfigMap of ours is in its namespace."""
    if not runner.api_ca:
        return []
    return [_field_file(_name_of(API_CA_PATH), f"metadata.annotations['{API_CA_ANNOTATION}']")]


def _document_volume(*more: JSON) -> JSONObject:
    return {
        "name": _DOCUMENT_VOLUME,
        "downwardAPI": {
            "items": [
                _field_file(_DOCUMENT_FILE, f"metadata.annotations['{TASK_ANNOTATION}']"),
                _field_file(_name_of(JOB_NAME_PATH), f"metadata.labels['{JOB_NAME_LABEL}']"),
                _field_file(_name_of(JOB_UID_PATH), f"metadata.labels['{CONTROLLER_UID_LABEL}']"),
                _field_file(_name_of(SCHEDULED_TIME_PATH), f"metadata.annotations['{SCHEDULED_TIME_ANNOTATION}']"),
                *more,
            ]
        },
    }


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]


def _field_env(name: str, path: str) -> JSON:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _field_file(path: str, field_path: str) -> JSON:
    return {"path": path, "fieldRef": {"fieldPath": field_path}}
