"""What the Task resource promises beside its fields: no word from the API server against it, a status from the first
second, a name that stays, and columns that read well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

if TYPE_CHECKING:
    from integration.crd.conftest import TasksAPI

DOCS = Path(__file__).parents[3] / "docs" / "tasks.md"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
# Paused and on request only, so that a running operator has nothing to start.
SPEC = {"schedule": "@manual", "actionName": "command", "isActive": False}
DUE, STARTED, ENDED = "2026-01-05T08:00:00Z", "2026-01-05T08:00:02Z", "2026-01-05T08:00:09Z"
FULL_STATUS: dict[str, Any] = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "InForce",
            "message": "The schedule as written is in force.",
            "lastTransitionTime": DUE,
            "observedGeneration": 1,
        }
    ],
    "plan": {"kind": "cron", "schedule": "0 8 * * *", "timeZone": "Etc/UTC"},
    "nextRunTime": "2099-01-05T08:00:00Z",
    "active": 1,
    "lastRun": {
        "scheduledTime": DUE,
        "startTime": STARTED,
        "completionTime": ENDED,
        "outcome": "Succeeded",
        "reason": "Completed",
        "message": "The action ended without an error.",
        "runID": "6f0c2b0e-9a55-5c0e-8a3b-2f1de1b0c7aa",
    },
    "lastSuccessfulTime": ENDED,
    "lastFailureTime": DUE,
    "consecutiveFailures": 0,
}


def task(resource_name: str, **spec: Any) -> dict[str, Any]:
    """Return a Task manifest."""
    return {"apiVersion": "cronwright.dev/v1", "kind": "Task", "metadata": {"name": resource_name}, "spec": SPEC | spec}


@pytest.fixture(scope="module")
def named(tasks: TasksAPI) -> Iterator[str]:
    """A Task with a spec.name."""
    tasks.create(task("mail-sync", name="mail_sync"))
    yield "mail-sync"


@pytest.fixture(scope="module")
def unnamed(tasks: TasksAPI) -> Iterator[str]:
    """A Task without a spec.name."""
    tasks.create(task("daily-report", asUserEmail="reports@example.com", timeZone="Europe/Berlin"))
    yield "daily-report"


def test_api_server_finds_no_fault_with_the_schema(crd: dict[str, Any]) -> None:
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


def test_the_examples_of_all_fields_make_a_task(tasks: TasksAPI, crd: dict[str, Any]) -> None:
    spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    examples = {name: field["example"] for name, field in spec.items()}
    answer = tasks.try_create(task(examples["name"].replace("_", "-"), **examples))
    assert answer.taken is not None, answer.text


def test_the_api_server_takes_the_tasks_of_the_docs(tasks: TasksAPI) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        manifest = yaml.safe_load(block)
        # The docs' namespace is not there.
        manifest["metadata"].pop("namespace", None)
        answer = tasks.try_create(manifest)
        assert answer.taken is not None, answer.text


def test_the_api_server_refuses_as_the_docs_show(tasks: TasksAPI) -> None:
    [shown] = re.findall(r"spec\.schedule: Invalid value: (.*?)\n```", DOCS.read_text(), re.DOTALL)
    [schedule] = re.findall(r'^"(.*?)"', shown)
    assert " ".join(shown.split()) in tasks.try_create(task("backup", schedule=schedule)).text


def test_a_task_nobody_has_seen_is_not_ready(tasks: TasksAPI) -> None:
    taken = tasks.try_create(task("fresh")).taken
    assert taken is not None
    assert taken["status"] == {"observedGeneration": -1}


def test_defaults(tasks: TasksAPI) -> None:
    manifest = task("defaults", retry={})
    del manifest["spec"]["isActive"]
    taken = tasks.try_create(manifest).taken
    assert taken is not None
    assert taken["spec"] == {
        "schedule": "@manual",
        "actionName": "command",
        "isActive": True,
        "concurrencyPolicy": "Forbid",
        "timeoutSeconds": 3600,
        "retry": {"limit": 0, "backoffSeconds": 10},
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
    }


def test_attributes_come_back_unchanged(tasks: TasksAPI) -> None:
    attributes = {"": 1, "$ref": "$(HOME) $$", "a.b/c": [1, 2.5, {"d": "é"}], "big": 2**53 + 1, "no": False}
    taken = tasks.try_create(task("attributes", attributes=attributes)).taken
    assert taken is not None
    assert taken["spec"]["attributes"] == attributes


class Change(NamedTuple):
    """A merge patch of spec.name (None removes it) for a Task whose spec.name was `before`; `text` "" means taken."""

    why: str
    before: str | None
    after: str | None
    text: str = ""


@pytest.mark.parametrize(
    "change",
    [
        Change("the same name", "mail_sync", "mail_sync"),
        Change("other capitals", "mail_sync", "Mail_Sync", "never changes"),
        Change("another name", "mail_sync", "mail_sync_2", "write name: mail_sync again"),
        Change("no name any more", "mail_sync", None, "never changes"),
        Change("the name that it had by default", None, "daily-report"),
        Change("a name where there was none", None, "daily_report", "which means daily-report"),
    ],
    ids=lambda change: change.why,
)
def test_name_never_changes(tasks: TasksAPI, named: str, unnamed: str, change: Change) -> None:
    answer = tasks.try_patch(named if change.before else unnamed, {"spec": {"name": change.after}})
    assert (answer.taken is None) == bool(change.text)
    assert change.text in answer.text
    assert len(answer.sentences) == bool(change.text), answer.sentences


def test_status_holds_all_that_the_operator_writes(tasks: TasksAPI, named: str) -> None:
    taken = tasks.try_status(named, FULL_STATUS).taken
    assert taken is not None
    assert taken["status"] == FULL_STATUS


@pytest.mark.parametrize("outcome", ["Pending", "Running", "Succeeded", "Failed", "Skipped", "Missed", "Unknown"])
def test_every_outcome_is_known(tasks: TasksAPI, named: str, outcome: str) -> None:
    assert tasks.try_status(named, {"lastRun": {"outcome": outcome}}).sentences == ()


def test_status_refuses_what_nobody_reads(tasks: TasksAPI, named: str) -> None:
    assert 'unknown field "status.cronJobName"' in tasks.try_status(named, {"cronJobName": "x"}).text


def test_columns(tasks: TasksAPI, unnamed: str) -> None:
    table = tasks.try_status(unnamed, FULL_STATUS, accept=TABLE).taken
    assert table is not None
    columns = [column["name"] for column in table["columnDefinitions"]]
    cells = dict(zip(columns, table["rows"][0]["cells"], strict=True))
    # Times that have passed, shown as durations.
    assert {cells.pop("Last")[-1], cells.pop("Age")[-1]} <= set("smhdy")
    assert cells == {
        "Name": "daily-report",
        "Ready": "True",
        "Schedule": "@manual",
        "Next": "2099-01-05T08:00:00Z",
        "Outcome": "Succeeded",
        "Active": False,
        "Running": 1,
        "Zone": "Europe/Berlin",
        "Action": "command",
        "As": "reports@example.com",
        "Reason": "InForce",
    }


@pytest.mark.parametrize(
    ("options", "columns"),
    [
        ([], "NAME READY SCHEDULE NEXT LAST OUTCOME ACTIVE RUNNING AGE"),
        (["-o", "wide"], "NAME READY SCHEDULE NEXT LAST OUTCOME ACTIVE RUNNING AGE ZONE ACTION AS REASON"),
    ],
    ids=["ordinary", "wide"],
)
def test_columns_as_kubectl_prints_them(tasks: TasksAPI, unnamed: str, options: list[str], columns: str) -> None:
    printed = tasks.cluster.kubectl("get", "cwt", unnamed, "--namespace", tasks.namespace, *options).stdout
    assert printed.splitlines()[0].split() == columns.split()
