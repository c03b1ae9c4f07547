"""The Job of a run that was asked for, as a manifest made from its CronJob. Nothing is sent from here."""

from collections.abc import Mapping
from typing import cast

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import RUN_REQUEST_ANNOTATION, SCHEDULED_TIME_ANNOTATION, TASK_ANNOTATION
from cronwright.plan.overlay import overlay
from cronwright.run.document import Requested, dump_document, load_document
from cronwright.run.requests import RunRequest, requested_job_name

KEPT_SECONDS = 3600
"""How long Kubernetes keeps the Job after its end: its log for who asked, and evidence for an operator that was away.
The CronJob's history limits are not about it.
"""


def requested_job(cron_job: Mapping[str, JSON], request: RunRequest) -> dict[str, JSON]:
    """Return the batch/v1 Job for `request`, made from the `cron_job` as the API server holds it.

    The CronJob is its owner, so that both go with the Task, but not its controller: the CronJob controller counts a Job
    that it controls and did not make as an unexpected one.

    Raises:
        ValueError: the CronJob's pod template has no run document.
    """
    metadata = cast(Mapping[str, str], cron_job["metadata"])
    template = cast(Mapping[str, JSONObject], cast(JSONObject, cron_job["spec"])["jobTemplate"])
    own: JSONObject = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": requested_job_name(metadata["name"], request),
            "namespace": metadata["namespace"],
            "annotations": {RUN_REQUEST_ANNOTATION: request.id},
            "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": metadata["uid"]}
            ],
        },
        "spec": {
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"annotations": _annotations(template["spec"], request)}},
        },
    }
    labelled = {key: value for key, value in template["metadata"].items() if key in ("labels", "annotations")}
    return overlay({"metadata": labelled, "spec": template["spec"]}, own)


def is_of(job: Mapping[str, JSON], manifest: Mapping[str, JSON]) -> bool:
    """Return whether `job`, as the API server holds it, is the one that `manifest` was to make."""
    return _mark(job) == _mark(manifest)


def _mark(job: Mapping[str, JSON]) -> tuple[JSON, list[str]]:
    metadata = cast(Mapping[str, JSON], job["metadata"])
    annotations = cast(Mapping[str, JSON], metadata.get("annotations") or {})
    owners = cast(list[Mapping[str, str]], metadata.get("ownerReferences") or [])
    return annotations.get(RUN_REQUEST_ANNOTATION), [owner["uid"] for owner in owners]


def _annotations(job_spec: JSONObject, request: RunRequest) -> JSONObject:
    pod = cast(Mapping[str, Mapping[str, Mapping[str, str]]], job_spec["template"])
    document = load_document(pod["metadata"]["annotations"].get(TASK_ANNOTATION, ""))
    asked = document._replace(
        attributes=document.attributes if request.attributes is None else request.attributes,
        requested=Requested(request.id, request.requested_by),
    )
    annotations: dict[str, JSON] = {TASK_ANNOTATION: dump_document(asked)}
    if request.scheduled_time is not None:
        annotations[SCHEDULED_TIME_ANNOTATION] = format_seconds(request.scheduled_time)
    return annotations
