"""Runs that people ask for, through the API and by `kubectl annotate`, on the installed product: each is one run by
hand, with the user who asked, whatever the Task's schedule says meanwhile.
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cronwright.instants import format_instant, format_seconds
from cronwright.names import RUN_REQUEST_ANNOTATION, RUN_REQUESTED_ANNOTATION
from cronwright.run.ids import requested_run_id, scheduled_run_id
from support.cluster import CORE, Cluster, condition, is_ready, jobs_path, task_manifest, tasks_path, wait_for

NEW_YEAR = "0 0 1 1 *"
"""Of a Task that does not run by itself while the tests look."""

TASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "yearly": (NEW_YEAR, {}),
    "paused": ("* * * * *", {"isActive": False}),
    "on-request": ("@manual", {}),
    "loop": ("@every 20s", {}),
    "paused-loop": ("@every 20s", {"isActive": False}),
}


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    """The API as a developer reaches it."""
    headers = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=headers, timeout=30) as client:
        yield client


def says(word: str) -> dict[str, Any]:
    """Return attributes of a run that says `word`."""
    return {"command": ["echo", f"says {word}"]}


def make(cluster: Cluster, namespace: str, name: str, schedule: str, **spec: Any) -> str:
    """Create a Task that says "own", and return its uid once it is in force."""
    manifest = task_manifest(namespace, name, schedule, **{"attributes": says("own"), **spec})
    created = cluster.create(tasks_path(namespace), manifest)
    wait_for(f"{name} to be in force", lambda: is_ready(cluster.get(tasks_path(namespace, name))))
    return str(created["metadata"]["uid"])


def ask(api: httpx.Client, uid: str, **attributes: Any) -> Mapping[str, Any]:
    """Ask for a run, and return what the answer says of it."""
    answer = api.post(f"/api/task/{uid}/run", json=attributes)
    assert answer.status_code == 202, answer.text
    return {"id": answer.json()["data"]["id"], **answer.json()["data"]["attributes"]}


def annotate(cluster: Cluster, namespace: str, task: str, *requests: Mapping[str, Any]) -> None:
    """Ask for runs as a person does with kubectl."""
    wanted = f"{RUN_REQUESTED_ANNOTATION}={json.dumps(requests)}"
    cluster.kubectl("annotate", "--overwrite", "cwt", task, "-n", namespace, wanted)


def ended(api: httpx.Client, run_id: str) -> Mapping[str, Any]:
    """Return the run of this id, once it has ended, with what it logged as `log_tail`."""

    def look() -> Mapping[str, Any] | None:
        answer = api.get(f"/api/run/{run_id}")
        if answer.status_code == 404:
            return None
        run: dict[str, Any] = answer.json()["data"]["attributes"]
        return run if run["state"] == "ended" else None

    run = wait_for(f"the end of run {run_id}", look, 60)
    query = json.dumps([{"column": "run_id", "operator": "is", "value": run_id}])
    rows = api.get("/api/timeline", params={"query": query}).json()["data"]
    ends = [row["attributes"] for row in rows if row["attributes"]["kind"] == "end"]
    assert len(ends) == 1
    return {**run, "log_tail": ends[0]["log_tail"]}


def jobs_asked_for(cluster: Cluster, namespace: str, task: str) -> list[Any]:
    """Return the Jobs of a Task's requests."""
    jobs = cluster.items(jobs_path(namespace), f"cronwright.dev/task={task}")
    return [job for job in jobs if RUN_REQUEST_ANNOTATION in (job["metadata"].get("annotations") or {})]


def events_of(cluster: Cluster, namespace: str, task: str) -> list[tuple[str, str]]:
    """Return reason and message of the Kubernetes Events about a Task."""
    events = cluster.items(f"{CORE}/namespaces/{namespace}/events")
    return [(event["reason"], event["message"]) for event in events if event["involvedObject"]["name"] == task]


def handled(cluster: Cluster, namespace: str, task: str) -> list[str]:
    """Return the ids of the Task's requests that were handled."""
    return list(cluster.get(tasks_path(namespace, task))["status"].get("handledRunRequests", []))


@pytest.mark.parametrize("name", TASKS)
def test_two_requests_at_once_are_two_runs(cluster: Cluster, namespace: str, api: httpx.Client, name: str) -> None:
    schedule, spec = TASKS[name]
    uid = make(cluster, namespace, name, schedule, **spec)
    with ThreadPoolExecutor() as pool:
        plain, other = pool.map(lambda attributes: ask(api, uid, **attributes), [{}, {"attributes": says("other")}])
    assert plain["id"] != other["id"]
    for asked, word in ((plain, "own"), (other, "other")):
        run = ended(api, asked["id"])
        assert (run["trigger"], run["outcome"], run["scheduled_at"]) == ("manual", "succeeded", None)
        assert run["requested_by"] == asked["requested_by"]
        assert f"says {word}" in run["log_tail"]
    assert "system:serviceaccount:" in plain["requested_by"]
    assert len(jobs_asked_for(cluster, namespace, name)) == 2
    assert len(handled(cluster, namespace, name)) == 2


def test_a_request_by_kubectl(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    uid = make(cluster, namespace, "yearly", NEW_YEAR)
    annotate(cluster, namespace, "yearly", {"id": "one"}, {"id": "two", "attributes": says("other")})
    for request, word in (("one", "own"), ("two", "other")):
        run = ended(api, str(requested_run_id(uid, request)))
        assert (run["trigger"], run["outcome"], run["requested_by"]) == ("manual", "succeeded", None)
        assert f"says {word}" in run["log_tail"]
    (job, _) = jobs_asked_for(cluster, namespace, "yearly")
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner.get("controller")) == ("CronJob", "yearly", None)
    assert job["spec"]["ttlSecondsAfterFinished"] == 3600

    # The next one stands beside what was handled, or in its place
    annotate(cluster, namespace, "yearly", {"id": "two"}, {"id": "three"})
    ended(api, str(requested_run_id(uid, "three")))
    assert handled(cluster, namespace, "yearly") == ["one", "two", "three"]
    assert len(jobs_asked_for(cluster, namespace, "yearly")) == 3


def test_a_fire_time_that_was_missed_is_made_up_for_once(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    """However late it is: its gate would skip a run of the schedule."""
    uid = make(cluster, namespace, "minutely", "* * * * *", isActive=False)
    missed = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=1)
    run_id = str(scheduled_run_id(uid, missed))
    asked = ask(api, uid, scheduled_at=format_seconds(missed))
    assert asked["id"] == run_id
    run = ended(api, run_id)
    assert (run["trigger"], run["outcome"]) == ("manual", "succeeded")
    assert run["scheduled_at"] == format_instant(missed)

    # Its Job's end, and its absence, change nothing about that
    cluster.kubectl("delete", "jobs", "--all", "-n", namespace)
    annotate(cluster, namespace, "minutely", {"id": "again", "scheduledTime": format_seconds(missed)})
    expect_refusal(cluster, namespace, "minutely", "again", "has started already, and a fire time runs once")


def test_what_is_no_fire_time_to_make_up_for(cluster: Cluster, namespace: str) -> None:
    make(cluster, namespace, "hourly", "0 * * * *")
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    requests = {
        "future": (hour + timedelta(hours=1), "is still to come"),
        "between": (hour - timedelta(minutes=7), "is no fire time of 0 * * * * in Etc/UTC"),
    }
    annotate(
        cluster,
        namespace,
        "hourly",
        *({"id": name, "scheduledTime": format_seconds(time)} for name, (time, _) in requests.items()),
    )
    for name, (_, sentence) in requests.items():
        expect_refusal(cluster, namespace, "hourly", name, sentence)
    assert jobs_asked_for(cluster, namespace, "hourly") == []


def expect_refusal(cluster: Cluster, namespace: str, task: str, request: str, sentence: str) -> None:
    """Check that a request is refused with the sentence, and that it is done with."""

    def look() -> bool:
        return any(
            reason == "RunRefused" and f"'{request}' is refused" in message and sentence in message
            for reason, message in events_of(cluster, namespace, task)
        )

    wait_for(f"the refusal of {request}", look)
    wait_for(f"{request} to be handled", lambda: request in handled(cluster, namespace, task))


def test_a_malformed_annotation_stops_nothing_else(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    uid = make(cluster, namespace, "yearly", NEW_YEAR)
    path = tasks_path(namespace, "yearly")
    cluster.patch(path, {"metadata": {"annotations": {RUN_REQUESTED_ANNOTATION: "now!"}}})
    wait_for("the condition", lambda: condition(cluster.get(path), "RunRequestsInvalid").get("status") == "True")
    message = condition(cluster.get(path), "RunRequestsInvalid")["message"]
    assert message == 'run-requested is not JSON; write a list such as [{"id": "1"}]'
    wait_for("the Event", lambda: ("InvalidRunRequests", message) in events_of(cluster, namespace, "yearly"))

    cluster.patch(path, {"spec": {"attributes": says("edited")}})
    wait_for("the edit to be in force", lambda: is_ready(cluster.get(path)))

    annotate(cluster, namespace, "yearly", {"id": "1"})
    assert "says edited" in ended(api, str(requested_run_id(uid, "1")))["log_tail"]
    assert not condition(cluster.get(path), "RunRequestsInvalid")


def test_the_line_of_the_documents(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    page = (Path(__file__).parents[2] / "docs" / "tasks.md").read_text()
    (line,) = (line for line in page.splitlines() if line.startswith("$ kubectl annotate --overwrite cwt mail-sync"))
    uid = make(cluster, namespace, "mail-sync", "@manual")
    environment = os.environ | {"KUBECONFIG": str(cluster.kubeconfig)}
    command = f"{line.removeprefix('$ ')} --namespace={namespace}"
    subprocess.run(["bash", "-ec", command], env=environment, check=True, capture_output=True, text=True)
    (taken,) = wait_for("the request to be taken", lambda: handled(cluster, namespace, "mail-sync"))
    assert ended(api, str(requested_run_id(uid, taken)))["trigger"] == "manual"
