"""The installed operator follows the timeline: what becomes of a loop's ticks is in its Task's status."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cronwright.instants import parse_instant
from support.cluster import CORE, Cluster, condition, is_ready, task_manifest, tasks_path, wait_for

BEHIND = 45
"""Seconds: the operator asks every ten, and shows what it knows every thirty."""


def test_the_status_of_a_loop_follows_its_ticks(cluster: Cluster, namespace: str) -> None:
    path = tasks_path(namespace, "pulse")
    # the shell of the action sees the clock: it fails in every other minute
    attributes = {"command": ["sh", "-c", 'test $(( $(date +%s) / 60 % 2 )) -eq "$GOOD"'], "env": {"GOOD": minute()}}
    created = cluster.create(
        tasks_path(namespace), task_manifest(namespace, "pulse", "@every 2s", attributes=attributes)
    )
    wait_for("the loop to be in force", lambda: is_ready(cluster.get(path)))

    def status(outcome: str) -> Any:
        found = cluster.get(path)["status"]
        return found if found.get("lastRun", {}).get("outcome") == outcome else None

    succeeded = wait_for("a run that succeeded", lambda: status("Succeeded"), 60 + BEHIND)
    seen_at = datetime.now(UTC)
    assert seen_at - parse_instant(succeeded["lastRun"]["scheduledTime"]) < timedelta(seconds=BEHIND)
    assert parse_instant(succeeded["lastRun"]["scheduledTime"]).second % 2 == 0
    assert (succeeded["active"], succeeded["plan"]["kind"]) == (1, "loop")
    assert "nextRunTime" not in succeeded
    assert health(cluster, path) == ("True", "Completed")

    def told() -> int:
        return [
            event["reason"]
            for event in cluster.items(f"{CORE}/namespaces/{namespace}/events")
            if event["involvedObject"].get("uid") == created["metadata"]["uid"]
        ].count("ActionFailed")

    # A loop that took until the next minute to be in force began with failures
    told_before = told()

    def failing() -> Any:
        found = status("Failed")
        # What is shown first may be the first tick that failed, and only half a minute later the next ones
        return found if found and found["consecutiveFailures"] > 1 else None

    failed = wait_for("runs that failed", failing, 60 + 2 * BEHIND)
    assert health(cluster, path) == ("False", "ActionFailed")
    assert parse_instant(failed["lastFailureTime"]) > parse_instant(failed["lastSuccessfulTime"])
    assert told() == told_before + 1, "a stretch of failures is told once"


def test_ticks_cost_few_writes(cluster: Cluster, namespace: str) -> None:
    path = tasks_path(namespace, "beat")
    attributes = {"command": ["true"]}
    cluster.create(tasks_path(namespace), task_manifest(namespace, "beat", "@every 1s", attributes=attributes))

    def runs() -> bool:
        return bool(cluster.get(path)["status"].get("lastRun"))

    wait_for("the first word of its runs", runs, BEHIND)
    first = cluster.get(path)
    query = {"watch": "1", "resourceVersion": first["metadata"]["resourceVersion"], "timeoutSeconds": "65"}
    with cluster.http.stream("GET", tasks_path(namespace), params=query, timeout=90) as response:
        written = [json.loads(line)["object"]["status"]["lastRun"]["scheduledTime"] for line in response.iter_lines()]
    assert 1 <= len(written) <= 3, written


def minute() -> str:
    """Return the parity of the minute that is not over for a while."""
    return str(int((datetime.now(UTC) + timedelta(seconds=15)).timestamp()) // 60 % 2)


def health(cluster: Cluster, path: str) -> tuple[str, str]:
    """Return status and reason of a Task's Healthy."""
    found = condition(cluster.get(path), "Healthy")
    return found["status"], found["reason"]
