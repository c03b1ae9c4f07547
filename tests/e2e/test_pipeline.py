"""The whole path on the installed product: a Task is applied, its run is on the timeline, its status tells of it."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from support.cluster import Cluster, condition, is_ready, jobs_path, task_manifest, tasks_path, wait_for

EVERY_MINUTE = "* * * * *"
FIRST_RUN_SECONDS = 120


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    """The timeline as a developer reaches it."""
    headers = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=headers, timeout=30) as client:
        yield client


def rows(api: httpx.Client, collection: str, namespace: str, **parameters: str) -> list[dict[str, Any]]:
    """Return the attributes of all rows of a namespace, oldest first."""
    answer = api.get(f"/api/{collection}", params={"filter[namespace]": namespace, "page[size]": "100", **parameters})
    assert answer.status_code == 200, answer.text
    return [{"id": row["id"], **row["attributes"]} for row in reversed(answer.json()["data"])]


def first_ended_runs(api: httpx.Client, namespace: str, tasks: set[str]) -> dict[str, dict[str, Any]]:
    """Return the first ended run of each of `tasks`, once each has one."""

    def look() -> dict[str, dict[str, Any]] | None:
        ended: dict[str, dict[str, Any]] = {}
        for run in rows(api, "run", namespace):
            if run["outcome"]:
                ended.setdefault(run["task"], run)
        return ended if set(ended) >= tasks else None

    return wait_for(f"a run of each of {sorted(tasks)}", look, FIRST_RUN_SECONDS, pause=1)


TASKS: dict[str, dict[str, Any]] = {
    "greets": {
        "attributes": {"command": ["sh", "-c", "echo hello from $CRONWRIGHT_TASK; echo '$$5 $(HOME)'"]},
        "asUserEmail": "reports@example.com",
        "entityName": "world",
    },
    "asks": {
        "action": "http",
        "attributes": {"url": "https://cronwright-api.cronwright-system.svc:6336/healthz"},
    },
    "fails": {"attributes": {"command": ["sh", "-c", "echo out of paper >&2; exit 3"]}},
    "tries-again": {
        "name": "tries_again",
        "attributes": {"command": ["sh", "-c", "test -e /tmp/tried || { touch /tmp/tried; exit 1; }"]},
        "retry": {"limit": 2, "backoffSeconds": 1},
    },
    "hangs": {"attributes": {"command": ["sleep", "600"]}, "timeoutSeconds": 2},
    "unheard-of": {"action": "make_coffee"},
    "mistyped": {"attributes": {"comand": ["true"]}},
}
EXPECTED = {
    "greets": ("succeeded", "Completed"),
    "asks": ("succeeded", "Completed"),
    "fails": ("failed", "ActionFailed"),
    "tries-again": ("succeeded", "Completed"),
    "hangs": ("failed", "TimedOut"),
    "unheard-of": ("failed", "UnknownAction"),
    "mistyped": ("failed", "InvalidAttributes"),
}


def test_a_run_of_every_kind_reaches_the_timeline(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    for name, spec in TASKS.items():
        fields = dict(spec)
        action, own_name = fields.pop("action", "command"), fields.pop("name", name)
        manifest = task_manifest(namespace, name, EVERY_MINUTE, action, **fields)
        manifest["spec"]["name"] = own_name
        cluster.create(tasks_path(namespace), manifest)
    runs = first_ended_runs(api, namespace, set(TASKS))

    assert {name: (run["outcome"], run["reason"]) for name, run in runs.items()} == EXPECTED
    assert "exit code 3" in runs["fails"]["message"]
    assert "command, http" in runs["unheard-of"]["message"]
    assert "comand" in runs["mistyped"]["message"]
    assert runs["greets"]["as_user_email"] == "reports@example.com"
    assert all(run["trigger"] == "schedule" for run in runs.values())

    events = rows(api, "timeline", namespace)
    assert {event["event_type"] for event in events} == {"task"}
    of_greeting = [event for event in events if event["run_id"] == runs["greets"]["id"]]
    assert [event["kind"] for event in of_greeting] == ["start", "end"]
    assert "hello from greets" in of_greeting[1]["log_tail"]
    assert "$$5 $(HOME)" in of_greeting[1]["log_tail"]
    assert {event["as_user_email"] for event in of_greeting} == {"reports@example.com"}
    attempts = [event for event in events if event["run_id"] == runs["tries-again"]["id"] and event["kind"] == "end"]
    assert [(event["attempt"], event["outcome"]) for event in attempts] == [(1, "failed"), (2, "succeeded")]

    # The status follows: what `kubectl get` and `kubectl describe` show.
    def told(name: str) -> Callable[[], dict[str, Any] | None]:
        def look() -> dict[str, Any] | None:
            task: dict[str, Any] = cluster.get(tasks_path(namespace, name))
            last = (task.get("status") or {}).get("lastRun", {})
            return task if last.get("outcome") in ("Succeeded", "Failed") else None

        return look

    failing = wait_for("the end of the failed run on its Task", told("fails"))
    assert condition(failing, "Healthy")["reason"] == "ActionFailed"
    assert condition(failing, "Ready")["status"] == "True"
    assert failing["status"]["consecutiveFailures"] >= 1
    described = cluster.kubectl("describe", "cwt", "fails", "-n", namespace).stdout
    assert "exit code 3" in described
    assert "Warning" in described
    table = cluster.kubectl("get", "cwt", "-n", namespace).stdout
    assert "Succeeded" in table
    assert "Failed" in table


def test_a_job_made_from_the_cronjob_is_a_manual_run(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    spec: dict[str, Any] = {"attributes": {"command": ["true"]}}
    cluster.create(tasks_path(namespace), task_manifest(namespace, "on-request", "@manual", **spec))
    wait_for("the Task to be Ready", lambda: is_ready(cluster.get(tasks_path(namespace, "on-request"))))
    for name in ("first", "second"):
        cluster.kubectl("create", "job", name, "-n", namespace, "--from=cronjob/on-request")

    def both() -> list[dict[str, Any]] | None:
        runs = rows(api, "run", namespace)
        return runs if len(runs) == 2 and all(run["outcome"] for run in runs) else None

    runs = wait_for("two manual runs", both, 60)
    assert [run["trigger"] for run in runs] == ["manual", "manual"]
    assert [run["scheduled_at"] for run in runs] == [None, None]
    assert {run["outcome"] for run in runs} == {"succeeded"}


def test_what_is_left_of_old_runs(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    """With history limit 0 the operator deletes a Job once its end is on the timeline."""
    limits = {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0}
    spec: dict[str, Any] = {"attributes": {"command": ["true"]}, **limits}
    cluster.create(tasks_path(namespace), task_manifest(namespace, "forgets", EVERY_MINUTE, **spec))
    first_ended_runs(api, namespace, {"forgets"})
    wait_for("the Job to be gone", lambda: not cluster.items(jobs_path(namespace)), 30)
    task = cluster.get(tasks_path(namespace, "forgets"))
    assert task["status"]["lastRun"]["outcome"] == "Succeeded"


def test_the_curl_line_of_the_documents_works(api: httpx.Client, namespace: str) -> None:
    query = '[{"column":"event_type","operator":"is","value":"task"}]'
    line = ["curl", "-gsS", f"{api.base_url}/api/timeline?query={query}".replace("//api", "/api")]
    answer = subprocess.run(
        [*line, "-H", f"Authorization: {api.headers['Authorization']}"], capture_output=True, text=True, check=True
    )
    document = json.loads(answer.stdout)
    assert document["jsonapi"]["version"] == "1.1"
    assert all(row["attributes"]["event_type"] == "task" for row in document["data"])


def test_nobody_reads_the_timeline_without_a_token(api: httpx.Client) -> None:
    answer = httpx.get(f"{api.base_url}/api/timeline")
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_next_run_time_is_in_the_future(cluster: Cluster, namespace: str) -> None:
    cluster.create(tasks_path(namespace), task_manifest(namespace, "soon", "@every 90s", "http"))
    task = wait_for(
        "the Task to be Ready",
        lambda: task if is_ready(task := cluster.get(tasks_path(namespace, "soon"))) else None,
    )
    fire_time = datetime.fromisoformat(task["status"]["nextRunTime"])
    assert 0 < (fire_time - datetime.now(UTC)).total_seconds() <= 90
    assert fire_time.timestamp() % 90 == 0
