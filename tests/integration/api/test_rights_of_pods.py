"""What a pod of one person's may post: nothing that is another's, whatever it claims to be."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from cronwright.run.ids import manual_run_id, scheduled_run_id
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from support.cluster import BATCH, CORE, Cluster, wait_for

from .conftest import World
from .people import TaskWithPods, owner, pod_of, pod_template, task_with_pods, token
from .posters import resource
from .tasks import error, ok
from .two_people import DUE, Person, Scene, as_it_was, told_of, two_people


@pytest.fixture(scope="module")
def scene(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with two_people(world, tmp_path_factory.mktemp("people")) as made:
        yield made


@pytest.fixture(scope="module")
def pods(scene: Scene) -> TaskWithPods:
    """A Task in `left` with pods."""
    return task_with_pods(scene.world.cluster, scene.left.namespace, f"pods-{uuid4().hex[:6]}", as_user=None)


def own_of(pods: TaskWithPods) -> Event:
    """Return an event that the scheduled pod may post."""
    uid, pod = pods.task["metadata"]["uid"], pods.scheduled["metadata"]
    return Event(
        run_id=scheduled_run_id(uid, DUE),
        pod_uid=pod["uid"],
        pod=pod["name"],
        attempt=1,
        kind="start",
        reported_by="runner",
        task=pods.task["metadata"]["name"],
        namespace=pods.namespace,
        task_uid=uid,
        title="mine",
        trigger="schedule",
        scheduled_at=DUE,
        started_at=DUE,
    )


Claim = Callable[[Event, Person], Event | Span]


def span_of(own: Event, theirs: Person) -> Span:
    return replace(theirs.span, pod=own.pod, pod_uid=own.pod_uid)


CLAIMS: dict[str, tuple[Claim, str]] = {
    "an event of theirs again": (lambda own, theirs: theirs.ended, "namespace"),
    "an end of their run": (
        lambda own, theirs: replace(theirs.ended, pod=own.pod, pod_uid=own.pod_uid, as_user_email=None),
        "namespace",
    ),
    "in their namespace": (lambda own, theirs: replace(own, namespace=theirs.namespace), "namespace"),
    "for their Task": (lambda own, theirs: replace(own, task_uid=theirs.id), "task_uid"),
    "as their pod": (lambda own, theirs: replace(own, pod_uid=theirs.ended.pod_uid), "pod_uid"),
    "of their run": (lambda own, theirs: replace(own, run_id=theirs.ended.run_id), "run_id"),
    "of their run that goes on": (lambda own, theirs: replace(own, run_id=theirs.running.run_id), "run_id"),
    "of the next run of theirs": (
        lambda own, theirs: replace(own, run_id=scheduled_run_id(theirs.id, DUE.replace(year=DUE.year + 1))),
        "run_id",
    ),
    "of a run by hand of theirs": (
        lambda own, theirs: replace(own, run_id=manual_run_id(theirs.id, str(uuid4()))),
        "run_id",
    ),
    "under the id of an event of theirs": (lambda own, theirs: replace(own, run_id=theirs.span.id), "run_id"),
    "fire times of theirs": (span_of, "namespace"),
    "fire times of theirs, from here": (
        lambda own, theirs: replace(span_of(own, theirs), namespace=own.namespace, task=own.task),
        "task_uid",
    ),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_pod_posts_nothing_that_is_the_others(scene: Scene, pods: TaskWithPods, name: str) -> None:
    claim, attribute = CLAIMS[name]
    theirs, own = scene.right, own_of(pods)
    before = as_it_was(scene, theirs)
    response = scene.api.post(pods.token(pods.scheduled), resource(claim(own, theirs)))
    found = error(response, 403)
    assert (found["code"], found["source"]) == ("not_your_event", {"pointer": f"/data/attributes/{attribute}"})
    assert told_of(theirs, response) == set()
    assert as_it_was(scene, theirs) == before


def test_what_is_its_own_it_posts(scene: Scene, pods: TaskWithPods) -> None:
    ok(scene.api.post(pods.token(pods.scheduled), resource(own_of(pods))), 201)


@pytest.mark.parametrize("right", ["reads", "token"])
def test_who_is_no_pod_posts_nothing(scene: Scene, right: str) -> None:
    before = as_it_was(scene, scene.right)
    response = scene.api.post(getattr(scene.left, right), resource(scene.right.ended))
    assert error(response, 401)["code"] == "token_unknown"
    who = "reads-left" if right == "reads" else "writes-left"
    bearer = token(scene.world.cluster, scene.world.home, who, "cronwright")
    assert error(scene.api.post(bearer, resource(scene.right.ended)), 403)["code"] == "not_a_run"
    assert as_it_was(scene, scene.right) == before


HELD = {"finalizers": ["tests.cronwright.dev/held"]}
"""Kubernetes deletes what names an owner that is not in its namespace, when it comes to it."""


@pytest.fixture
def forged(scene: Scene) -> Iterator[Any]:
    """A pod of a CronJob in `left` that names the Task in `right` as its owner."""
    cluster, where, name = scene.world.cluster, scene.left.namespace, f"forged-{uuid4().hex[:6]}"
    task = {
        "apiVersion": "cronwright.dev/v1",
        "kind": "Task",
        "metadata": {"name": scene.right.task["attributes"]["name"], "uid": scene.right.id},
    }
    cron_jobs, jobs = f"{BATCH}/namespaces/{where}/cronjobs", f"{BATCH}/namespaces/{where}/jobs"
    cron_job = cluster.create(
        cron_jobs,
        {
            "metadata": {"name": name, "ownerReferences": [owner(task, controller=True)], **HELD},
            "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": pod_template({})}},
        },
    )
    job = cluster.create(
        jobs,
        {
            "metadata": {"name": name, "ownerReferences": [owner(cron_job, controller=True)], **HELD},
            "spec": pod_template({}),
        },
    )
    yield pod_of(cluster, where, job)
    for path in (f"{jobs}/{name}", f"{cron_jobs}/{name}"):
        let_go(cluster, path)


def let_go(cluster: Cluster, path: str) -> None:
    if cluster.find(path) is not None:
        cluster.patch(path, {"metadata": {"finalizers": None}})
        cluster.delete(path)


def test_a_pod_whose_cron_job_names_their_task_posts_nothing(scene: Scene, forged: Any) -> None:
    theirs = scene.right
    before = as_it_was(scene, theirs)
    pod = forged["metadata"]
    bearer = token(scene.world.cluster, scene.left.namespace, "default", "cronwright", forged)
    wait_for(
        "the API to know the Task",
        lambda: scene.api.get(f"/api/task?filter[id]={theirs.id}", scene.world.reads_all).json()["meta"]["total"] == 1,
    )
    claimed = replace(
        theirs.ended,
        namespace=scene.left.namespace,
        pod_uid=pod["uid"],
        pod=pod["name"],
        reported_by="runner",
        message="taken over",
    )
    found = error(scene.api.post(bearer, resource(claimed)), 403)
    assert found["code"] == "cronjob_without_task"
    assert found["detail"].endswith("belongs to no Task of its namespace")
    assert as_it_was(scene, theirs) == before
    assert scene.world.cluster.find(f"{CORE}/namespaces/{scene.left.namespace}/pods/{pod['name']}") is not None
