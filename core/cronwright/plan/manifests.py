"""The CronJob of a plan, as a manifest. What its pods look like is in `pod`. Nothing is sent from here."""

import hashlib
import json
from collections.abc import Mapping
from typing import cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import (
    API_VERSION,
    FINAL_EXIT_CODE,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MANIFEST_HASH_ANNOTATION,
    RUNNER_CONTAINER,
    TASK_LABEL,
    TASK_UID_LABEL,
)
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.plan.overlay import overlay
from cronwright.plan.pod import RunnerSettings, pod_template
from cronwright.task import Task

LEAST_JOBS_KEPT = 25
"""Finished Jobs of each kind that the CronJob keeps whatever the Task says: evidence for an operator that was away. The
operator trims to the Task's limits."""

START_ALLOWANCE_SECONDS = 600
"""How much longer than its attempts a Job may take, for images, nodes and the end of the pod."""

LOOP_BACKOFF_LIMIT = 2**31 - 1
"""The largest that Kubernetes takes: restarts of a loop's containers count as failures of its Job, and must not end the
window."""

LOOP_ALLOWANCE_SECONDS = 60
"""How much longer than its last tick a window's Job may take to end."""


def cron_job(task: Task, plan: Plan, runner: RunnerSettings) -> dict[str, JSON]:
    """Return the batch/v1 CronJob of `task` under `plan`. The same task, plan and settings make the same manifest.

    That of a loop lacks the loop's start, which `cronwright.plan.loop.manifests` adds.
    """
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
        # The next window's pod comes while this one's still serves its last ticks
        "concurrencyPolicy": "Allow" if plan.windows else task.concurrency_policy,
        "successfulJobsHistoryLimit": max(LEAST_JOBS_KEPT, task.successful_jobs_history_limit),
        "failedJobsHistoryLimit": max(LEAST_JOBS_KEPT, task.failed_jobs_history_limit),
        "jobTemplate": {
            "metadata": {"labels": labels},
            "spec": {**_job(task, plan), "template": pod_template(task, plan, runner, labels)},
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


def _job(task: Task, plan: Plan) -> dict[str, JSON]:
    attempts = task.timeout_seconds * (task.retry.limit + 1) + task.retry.total_pause()
    if plan.windows:
        # The window, what it owns of the next, and a tick that began at its very end
        served = plan.windows.length + int(plan.windows.margin.total_seconds())
        return {
            "backoffLimit": LOOP_BACKOFF_LIMIT,
            "activeDeadlineSeconds": served + attempts + LOOP_ALLOWANCE_SECONDS,
            "podReplacementPolicy": "Failed",
        }
    return {
        "backoffLimit": task.retry.limit,
        "activeDeadlineSeconds": attempts + START_ALLOWANCE_SECONDS,
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
    }


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
