"""The Job of a run that was asked for: that of its CronJob, but for what was asked."""

from typing import Any

import pytest

from cronwright.instants import format_seconds
from cronwright.names import SCHEDULED_TIME_ANNOTATION, TASK_ANNOTATION
from cronwright.plan.requested import is_of, requested_job
from cronwright.run.document import Requested, load_document
from cronwright.run.requests import RunRequest, requested_job_name
from support.facts import DUE, a_cron_job, a_task

CRON_JOB = a_cron_job(a_task(attributes={"own": 1}, asUserEmail="reports@example.com"))
LOOP = a_cron_job(a_task("@every 5s"), start=DUE)


@pytest.mark.parametrize("cron_job", [CRON_JOB, LOOP], ids=["of a CronJob", "of a loop"])
def test_it_is_what_the_controller_would_make(cron_job: dict[str, Any]) -> None:
    template = cron_job["spec"]["jobTemplate"]
    job: Any = requested_job(cron_job, RunRequest("1"))
    assert job["metadata"] == {
        "name": requested_job_name("backup", RunRequest("1")),
        "namespace": "shop",
        "labels": template["metadata"]["labels"],
        "annotations": {"cronwright.dev/run-request": "1"},
        "ownerReferences": [
            {"apiVersion": "batch/v1", "kind": "CronJob", "name": "backup", "uid": "cron-job-uid"}
        ],
    }  # fmt: skip
    pod, own = job["spec"].pop("template"), template["spec"]["template"]
    assert job["spec"] == {
        **{key: value for key, value in template["spec"].items() if key != "template"},
        "ttlSecondsAfterFinished": 3600,
    }
    assert pod["spec"] == own["spec"]
    assert pod["metadata"]["labels"] == own["metadata"]["labels"]
    annotations, before = pod["metadata"]["annotations"], own["metadata"]["annotations"]
    document = load_document(annotations.pop(TASK_ANNOTATION))
    assert document == load_document(before[TASK_ANNOTATION])._replace(requested=Requested("1", ""))
    assert annotations == {key: value for key, value in before.items() if key != TASK_ANNOTATION}


def test_what_was_asked_for_is_in_it() -> None:
    job: Any = requested_job(CRON_JOB, RunRequest("1", {"other": [2]}, DUE, "jane@example.com", DUE))
    annotations = job["spec"]["template"]["metadata"]["annotations"]
    document = load_document(annotations[TASK_ANNOTATION])
    assert document.attributes == {"other": [2]}
    assert document.requested == Requested("1", "jane@example.com")
    assert document.as_user_email == "reports@example.com"
    assert annotations[SCHEDULED_TIME_ANNOTATION] == format_seconds(DUE)


def test_empty_attributes_are_attributes_of_its_own() -> None:
    job: Any = requested_job(CRON_JOB, RunRequest("1", {}))
    assert load_document(job["spec"]["template"]["metadata"]["annotations"][TASK_ANNOTATION]).attributes == {}


def test_a_job_of_its_name_is_known_by_request_and_owner() -> None:
    job = requested_job(CRON_JOB, RunRequest("1"))
    assert is_of(job, job)
    assert not is_of(requested_job(CRON_JOB, RunRequest("2")), job)
    assert not is_of({"metadata": {"name": "by-hand"}}, job)
    replaced = {**CRON_JOB, "metadata": {**CRON_JOB["metadata"], "uid": "another"}}
    assert not is_of(requested_job(replaced, RunRequest("1")), job)
