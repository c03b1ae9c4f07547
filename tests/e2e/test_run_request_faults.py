"""A run that was asked for has one Job, wherever the operator stops and however many there are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cronwright.names import RUN_REQUEST_ANNOTATION, RUN_REQUESTED_ANNOTATION
from cronwright.observed.manifest import Manifest
from support import cut_operator
from support.cluster import Cluster, is_ready, jobs_path, task_manifest, tasks_path, wait_for
from support.operators import OperatorProcess

NOWHERE = {"spec": {"nodeSelector": {"cronwright.dev/tests": "nowhere"}}}
"""The Jobs are what is looked at; their pods need not start."""


@contextmanager
def operator(cluster: Cluster, namespace: str, image: str, log: Path, **settings: str) -> Iterator[OperatorProcess]:
    """An operator for the namespace."""
    process = OperatorProcess(cluster, namespace, image, log, **settings)
    try:
        process.wait_until_watching()
        yield process
    finally:
        process.stop()


def jobs(cluster: Cluster, namespace: str) -> list[str]:
    """Return the ids of the requests of the Jobs there are, in order."""
    annotations = [job["metadata"].get("annotations") or {} for job in cluster.items(jobs_path(namespace))]
    return sorted(found[RUN_REQUEST_ANNOTATION] for found in annotations if RUN_REQUEST_ANNOTATION in found)


def request(cluster: Cluster, namespace: str, name: str, *ids: str) -> Manifest:
    """Ask for runs."""
    wanted = {RUN_REQUESTED_ANNOTATION: json.dumps([{"id": identity} for identity in ids])}
    answer: Any = cluster.patch(tasks_path(namespace, name), {"metadata": {"annotations": wanted}})
    return dict(answer)


def make(cluster: Cluster, namespace: str, name: str) -> None:
    """Create a Task that runs on request, and return once it is in force."""
    cluster.create(tasks_path(namespace), task_manifest(namespace, name, "@manual", template=NOWHERE))
    wait_for("the Task to be in force", lambda: is_ready(cluster.get(tasks_path(namespace, name))))


def are_handled(cluster: Cluster, namespace: str, name: str, *ids: str) -> bool:
    """Return whether the Task's status has these requests as handled."""
    status = cluster.get(tasks_path(namespace, name))["status"]
    return set(status.get("handledRunRequests", ())) >= set(ids)


def test_an_operator_that_dies_before_it_says_so(
    cluster: Cluster, namespace: str, runner_image: str, tmp_path: Path
) -> None:
    order, writes = tmp_path / "order", tmp_path / "writes"
    cuts = {"program": "support.cut_operator", "DIE_ORDER": str(order), "CUT_LOG": str(writes)}
    with operator(cluster, namespace, runner_image, tmp_path / "first.log", **cuts) as dying:
        make(cluster, namespace, "asked")
        order.write_text("MakeRun")
        request(cluster, namespace, "asked", "only")
        assert dying.process.wait(30) == cut_operator.EXIT_CODE
    assert jobs(cluster, namespace) == ["only"]
    assert not are_handled(cluster, namespace, "asked", "only")

    with operator(cluster, namespace, runner_image, tmp_path / "second.log"):
        wait_for("the request to be handled", lambda: are_handled(cluster, namespace, "asked", "only"))
        request(cluster, namespace, "asked", "only", "next")
        wait_for("the next one", lambda: are_handled(cluster, namespace, "asked", "next"))
        assert jobs(cluster, namespace) == ["next", "only"]


def test_two_operators(cluster: Cluster, namespace: str, runner_image: str, tmp_path: Path) -> None:
    ids = [f"request-{number:02}" for number in range(20)]
    with (
        operator(cluster, namespace, runner_image, tmp_path / "one.log") as one,
        operator(cluster, namespace, runner_image, tmp_path / "other.log") as other,
    ):
        make(cluster, namespace, "asked")
        for number in range(len(ids)):
            request(cluster, namespace, "asked", *ids[: number + 1])
        wait_for("all to be handled", lambda: are_handled(cluster, namespace, "asked", *ids))
        assert jobs(cluster, namespace) == ids
        # A Job that is gone is not made again
        cluster.kubectl("delete", "jobs", "--all", "-n", namespace)
        looked = one.reconciliations(), other.reconciliations()
        cluster.patch(tasks_path(namespace, "asked"), {"metadata": {"labels": {"touched": "yes"}}})
        wait_for("both to look", lambda: one.reconciliations() > looked[0] and other.reconciliations() > looked[1])
        assert jobs(cluster, namespace) == []
    assert "reconciling failed" not in (tmp_path / "one.log").read_text() + (tmp_path / "other.log").read_text()


@pytest.mark.parametrize("name", ["a-name-of-exactly-fifty-two-characters-as-the-limits"])
def test_a_job_of_the_same_name_that_is_not_of_it(
    cluster: Cluster, namespace: str, runner_image: str, tmp_path: Path, name: str
) -> None:
    assert len(name) == 52
    with operator(cluster, namespace, runner_image, tmp_path / "operator.log"):
        make(cluster, namespace, name)
        request(cluster, namespace, name, "first")
        wait_for("the Job", lambda: jobs(cluster, namespace) == ["first"])
        (job,) = cluster.items(jobs_path(namespace))
        taken = job["metadata"]["name"]
        cluster.kubectl("delete", "job", taken, "-n", namespace)
        cluster.kubectl("create", "job", taken, "-n", namespace, "--image=none")
        # Put back by hand once it is forgotten
        cluster.patch(f"{tasks_path(namespace, name)}/status", {"status": {"handledRunRequests": None}})

        def is_refused() -> bool:
            told = cluster.kubectl("get", "events", "-n", namespace, "-o", "json").stdout
            return f"Job {taken} exists and is not of it" in told

        wait_for("the refusal", is_refused)
        wait_for("the request to be handled", lambda: are_handled(cluster, namespace, name, "first"))
