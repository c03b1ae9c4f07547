"""Tasks whose loop opens no window for a while: a uid decides that, and it comes from the API server."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cronwright.plan.windows import windows_of
from support.cluster import Cluster, cron_jobs_path, jobs_path, tasks_path, wait_for

CALM = timedelta(minutes=8)
"""Longer than a test that counts pods and writes takes; a window that opens adds some."""


def create_calm(
    cluster: Cluster,
    manifest: Mapping[str, Any],
    calm: timedelta = CALM,
    before_each: Callable[[], object] = lambda: None,
) -> Any:
    """Create the Task of `manifest`, again and again until none of its windows opens within `calm`; return it.

    `before_each` is called before each try.
    """
    path = tasks_path(manifest["metadata"]["namespace"])
    while True:
        before_each()
        task = cluster.create(path, manifest)
        if _opens_in(task) > calm:
            return task
        cluster.delete(f"{path}/{task['metadata']['name']}")
        _wait_until_gone(cluster, task)


def _opens_in(task: Mapping[str, Any]) -> timedelta:
    windows, now = windows_of(task["metadata"]["uid"]), datetime.now(UTC)
    return windows.opened_at_or_before(now) + timedelta(seconds=windows.length) - now


def _wait_until_gone(cluster: Cluster, task: Mapping[str, Any]) -> None:
    """What an operator has made of it meanwhile goes, too."""
    namespace, name = task["metadata"]["namespace"], task["metadata"]["name"]
    wait_for(
        f"{name} to be gone",
        lambda: (
            cluster.find(cron_jobs_path(namespace, name)) is None
            and not cluster.items(jobs_path(namespace), f"cronwright.dev/task={name}")
        ),
        60,
    )
