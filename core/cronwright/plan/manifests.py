"""The CronJob of a plan, as a manifest. Nothing is sent from here."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import (
    API_VERSION,
    AS_USER_ANNOTATION,
    DOCUMENT_PATH,
    FINAL_EXIT_CODE,
    JOB_NAME_LABEL,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MANIFEST_HASH_ANNOTATION,
    RUNNER_CONTAINER,
    SCHEDULED_TIME_ANNOTATION,
    TASK_ANNOTATION,
    TASK_LABEL,
    TASK_UID_LABEL,
    TOKEN_AUDIENCE,
    TOKEN_PATH,
)
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.plan.overlay import overlay
from cronwright.run.document import dump_document
from cronwright.task import Task

LEAST_JOBS_KEPT = 25
"""Finished Jobs of each kind that the CronJob keeps whatever the Task says: evidence for an operator that was away. The
operator trims to the Task's limits."""

START_ALLOWANCE_SECONDS = 600
"""How much longer than its attempts a Job may take, for images, nodes and the end of the pod."""

GRACE_PERIOD_SECONDS = 30
TOKEN_LIFETIME_SECONDS = 3600
RUN_USER = 10001

_CONTROLLER_UID_LABEL = "batch.kubernetes.io/controller-uid"
_DOCUMENT_DIRECTORY, _, _DOCUMENT_FILE = DOCUMENT_PATH.rpartition("/")
_TOKEN_DIRECTORY, _, _TOKEN_FILE = TOKEN_PATH.rpartition("/")
_DOCUMENT_VOLUME, _TOKEN_VOLUME, _TMP_VOLUME = "cronwright-document", "cronwright-token", "tmp"


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """What the chart says of runs. `api_url` is the timeline's base URL as pods reach it; None means no timeline."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    image_pull_secrets: tuple[str, ...] = ()
    api_url: str | None = None
    resources: JSONObject = field(
        default_factory=lambda: {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
    )


def cron_job(task: Task, plan: Plan, runner: RunnerSettings) -> dict[str, JSON]:
    """Return the batch/v1 CronJob of `task` under `plan`. The same task, plan and settings make the same manifest."""
    labels: JSONObject = {
        "app.kubernetes.io/name": "cronwright",
        "app.kubernetes.io/component": "run",
        MANAGED_BY_LABEL: MANAGED_BY,
        TASK_LABEL: task.resource_name,
        TASK_UID_LABEL: task.uid,
    }
    spec: dict[str, JSON] = {
        "schedule": plan.schedule,
        "suspend": plan.suspend,
        "concurrencyPolicy": task.concurrency_policy,
        "successfulJobsHistoryLimit": max(LEAST_JOBS_KEPT, task.successful_jobs_history_limit),
        "failedJobsHistoryLimit": max(LEAST_JOBS_KEPT, task.failed_jobs_history_limit),
        "jobTemplate": {
            "metadata": {"labels": labels},
            "spec": {
                "backoffLimit": task.retry.limit,
                "activeDeadlineSeconds": task.timeout_seconds * (task.retry.limit + 1)
                + task.retry.total_pause()
                + START_ALLOWANCE_SECONDS,
                # a pod on a lost node may still run: no second one before the first has certainly ended
                "podReplacementPolicy": "Failed",
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "FailJob",
                            "onExitCodes": {
                                "containerName": RUNNER_CONTAINER,
                                "operator": "In",
                                "values": [FINAL_EXIT_CODE],
                            },
                        }
                    ]
                },
                "template": _pod_template(task, plan, runner, labels),
            },
        },
    }
    if plan.time_zone is not None:
        spec["timeZone"] = plan.time_zone
    manifest: dict[str, JSON] = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {
            "name": task.resource_name,
            "namespace": task.namespace,
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "name": task.resource_name,
                    "uid": task.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": spec,
    }
    digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    cast(dict[str, JSON], manifest["metadata"])["annotations"] = {MANIFEST_HASH_ANNOTATION: digest}
    return manifest


def written_over(manifest: Mapping[str, JSON], observed: CronJobFacts) -> dict[str, JSON]:
    """Return `manifest` with the labels, annotations and finalizers that others gave the `observed` CronJob.

    The spec is ours alone; what a team or a deployment tool notes on the object is theirs.
    """
    metadata = cast(JSONObject, manifest["metadata"])
    theirs: dict[str, JSON] = {"labels": observed.labels, "annotations": observed.annotations}
    if observed.finalizers:
        theirs["finalizers"] = observed.finalizers
    return {**manifest, "metadata": overlay(theirs, metadata)}


def manifest_hash(manifest: Mapping[str, JSON]) -> str:
    """Return the digest that `cron_job` put on `manifest`."""
    metadata = cast(Mapping[str, Mapping[str, str]], manifest["metadata"])
    return metadata["annotations"][MANIFEST_HASH_ANNOTATION]


def _pod_template(task: Task, plan: Plan, runner: RunnerSettings, labels: JSONObject) -> dict[str, JSON]:
    template = overlay(_defaults(runner), task.template or {})
    grace = cast(Mapping[str, JSON], template["spec"]).get("terminationGracePeriodSeconds")
    if grace is None:
        template = overlay(template, {"spec": {"terminationGracePeriodSeconds": GRACE_PERIOD_SECONDS}})
        grace = GRACE_PERIOD_SECONDS
    return overlay(template, _required(task, plan, runner, labels, grace))


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
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
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
                    "env": [
                        *([{"name": "CRONWRIGHT_API_URL", "value": runner.api_url}] if runner.api_url else []),
                        {"name": "CRONWRIGHT_GRACE_SECONDS", "value": str(grace)},
                        _field_env("POD_NAME", "metadata.name"),
                        _field_env("POD_UID", "metadata.uid"),
                        _field_env("NODE_NAME", "spec.nodeName"),
                    ],
                    "volumeMounts": [
                        {"name": _DOCUMENT_VOLUME, "mountPath": _DOCUMENT_DIRECTORY, "readOnly": True},
                        {"name": _TOKEN_VOLUME, "mountPath": _TOKEN_DIRECTORY, "readOnly": True},
                        {"name": _TMP_VOLUME, "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [
                {
                    "name": _DOCUMENT_VOLUME,
                    "downwardAPI": {
                        "items": [
                            _field_file(_DOCUMENT_FILE, f"metadata.annotations['{TASK_ANNOTATION}']"),
                            _field_file("job-name", f"metadata.labels['{JOB_NAME_LABEL}']"),
                            _field_file("job-uid", f"metadata.labels['{_CONTROLLER_UID_LABEL}']"),
                            _field_file("scheduled-time", f"metadata.annotations['{SCHEDULED_TIME_ANNOTATION}']"),
                        ]
                    },
                },
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


def _field_env(name: str, path: str) -> JSON:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _field_file(path: str, field_path: str) -> JSON:
    return {"path": path, "fieldRef": {"fieldPath": field_path}}
