"""Objects as the API server holds them, to write tables of cases with: a Task, its CronJob, a Job of it, its pod."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cronwright.instants import format_seconds
from cronwright.names import END_ANNOTATION, LOOP_START_ANNOTATION, TASK_ANNOTATION
from cronwright.plan.choose import choose
from cronwright.plan.loop.manifests import closed, opened
from cronwright.plan.manifests import cron_job
from cronwright.plan.pod import RunnerSettings
from cronwright.reasons import Outcome, Reason
from cronwright.run.document import dump_document
from cronwright.run.ids import job_name, scheduled_run_id
from cronwright.run.termination import Termination, dump_termination
from cronwright.task import parse_task
from support.cluster import task_manifest

DUE = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
"""The fire time that the cases are about."""

TASK_UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
RUNNER = RunnerSettings(image="cronwright/runner:1.0.0")
WITH_TIMELINE = RunnerSettings(image="cronwright/runner:1.0.0", api_url="http://cronwright-api.cronwright-system:6336")


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after `DUE`."""
    return DUE + timedelta(seconds=seconds)


def a_task(schedule: str = "* * * * *", status: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return Task shop/backup, of generation 1, as the API server holds it."""
    manifest = task_manifest("shop", "backup", schedule, **spec)
    manifest["metadata"] |= {"uid": TASK_UID, "generation": 1, "resourceVersion": "1"}
    return {**manifest, "status": status or {"observedGeneration": -1}}


def a_cron_job(
    task: Mapping[str, Any],
    remembered: datetime | None = None,
    *,
    start: datetime | None = None,
    suspend: bool = False,
    **metadata: Any,
) -> dict[str, Any]:
    """Return the CronJob that the operator made of `task`; `metadata` is laid over its own.

    With the `start` of a loop it is open, or closed where it is to `suspend`.
    """
    parsed = parse_task(task)
    manifest = cron_job(parsed, choose(parsed), RUNNER)
    if start is not None:
        manifest = closed(manifest, start) if suspend else opened(manifest, start)
    own: Any = manifest["metadata"]
    wrote = {"manager": "cronwright", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    seen = {"uid": "cron-job-uid", "resourceVersion": "5", "managedFields": [wrote]}
    status = {"lastScheduleTime": format_seconds(remembered)} if remembered else {}
    return {**manifest, "metadata": {**own, **seen, **metadata}, "status": status}


def a_job(
    task: Mapping[str, Any],
    due: datetime | None = DUE,
    *,
    ended: str | None = None,
    reason: str = "",
    message: str = "",
    ended_at: datetime | None = None,
    made: float = 0,
    start: datetime | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    """Return the Job of the fire time `due`, or one made by hand where that is None, as it was `made` seconds later.

    With the `start` of a loop it is the Job of the window that opens at `due`.
    """
    document = dump_document(choose(parse_task(task)).document)
    name = job_name("backup", due) if due else "by-hand"
    conditions = [
        {
            "type": ended,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": format_seconds(ended_at or at(20)),
        }
    ]
    owner = {"kind": "CronJob", "name": "backup", "uid": "cron-job-uid", "controller": True}
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-of-{name}",
            "resourceVersion": "7",
            "creationTimestamp": format_seconds((due or DUE) + timedelta(seconds=made)),
            "labels": {"cronwright.dev/task": "backup", "cronwright.dev/task-uid": TASK_UID},
            "ownerReferences": [owner] if due else [],
            **metadata,
        },
        "spec": {
            "activeDeadlineSeconds": 4200,
            "template": {
                "metadata": {
                    "annotations": {
                        TASK_ANNOTATION: document,
                        **({LOOP_START_ANNOTATION: format_seconds(start)} if start else {}),
                    }
                }
            },
        },
        "status": {"conditions": conditions if ended else []},
    }


def a_pod(
    job: Mapping[str, Any], state: Mapping[str, Any] | None = None, *, end: str = "", **status: Any
) -> dict[str, Any]:
    """Return the pod of `job`, made a second after it, with its runner's container in `state`; `end` is the request to
    end that was made of it.
    """
    metadata = job["metadata"]
    containers = [{"name": "runner", "state": state}] if state is not None else []
    created = datetime.fromisoformat(metadata["creationTimestamp"]) + timedelta(seconds=1)
    return {
        "metadata": {
            "name": f"{metadata['name']}-x2x4z",
            "namespace": "shop",
            "uid": "pod-uid",
            "annotations": {END_ANNOTATION: end} if end else {},
            "resourceVersion": "9",
            "creationTimestamp": format_seconds(created),
            "labels": {**metadata["labels"], "batch.kubernetes.io/job-name": metadata["name"]},
            "ownerReferences": [{"kind": "Job", "name": metadata["name"], "uid": metadata["uid"], "controller": True}],
        },
        "spec": {"nodeName": "node-one"},
        "status": {"phase": "Pending", "containerStatuses": containers, **status},
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    """Return the state of a container that waits."""
    return {"waiting": {"reason": reason, "message": message}}


def running(since: float = 2) -> dict[str, Any]:
    """Return the state of a container that has run since so many seconds after `DUE`."""
    return {"running": {"startedAt": format_seconds(at(since))}}


def terminated(exit_code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    """Return the state of a container that ended after ten seconds; `message` is its termination message."""
    times = {"startedAt": format_seconds(at(2)), "finishedAt": format_seconds(at(10))}
    return {"terminated": {"exitCode": exit_code, "reason": reason, "message": message, **times}}


def a_word(
    outcome: Outcome = Outcome.FAILED,
    reason: Reason = Reason.ACTION_FAILED,
    message: str = "exit code 3",
    delivered: bool = True,
    due: datetime = DUE,
) -> str:
    """Return a runner's own word about the run of `due`."""
    word = Termination(
        run_id=scheduled_run_id(TASK_UID, due),
        attempt=1,
        outcome=outcome,
        reason=reason,
        message=message,
        scheduled_time=due,
        started_at=due + timedelta(seconds=3),
        finished_at=due + timedelta(seconds=9),
        delivered=delivered,
    )
    return dump_termination(word)


def some_uuid(number: int) -> UUID:
    """Return a UUID that stands for nothing."""
    return UUID(int=number)
