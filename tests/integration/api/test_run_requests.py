"""A run on request: what stands in the Task's annotation, whoever asks and however many at once."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import scheduled_run_id
from cronwright.run.requests import MOST_WAITING, RunRequest, parse_requests, requested_run_id
from cronwright.timeline.event import Event, dump_event
from support.cluster import Cluster, tasks_path
from support.operators import DEPLOYMENT, installed_operator_resting

from .conftest import World
from .events import end, start
from .people import kubeconfig_as, token
from .served import Served
from .tasks import error, make, ok

DUE = datetime(2026, 1, 1, tzinfo=UTC)
"""A fire time of @yearly that is past."""


@pytest.fixture(scope="module", autouse=True)
def _nobody_takes_them(cluster: Cluster) -> Iterator[None]:
    """Let the installed operator rest: what it has handled, the next request takes off the annotation."""
    if cluster.find(DEPLOYMENT) is None:
        yield
        return
    with installed_operator_resting(cluster):
        yield


@pytest.fixture
def task(world: World) -> Any:
    """A paused Task."""
    return make(world.api, world.writes_left, world.left, attributes={"own": 1})


def waiting(world: World, task: Any) -> tuple[RunRequest, ...]:
    metadata = world.cluster.get(tasks_path(world.left, task["attributes"]["name"]))["metadata"]
    return parse_requests(metadata.get("annotations", {}).get("cronwright.dev/run-requested"))


def run(world: World, task: Any, body: Any = None) -> Any:
    response = world.api.send("POST", f"/api/task/{task['id']}/run", world.writes_left, body, "application/json")
    document = ok(response, 202)
    assert response.headers["location"] == f"{world.api.url}/api/run/{document['data']['id']}"
    return document["data"]


@pytest.mark.parametrize("body", [None, b"", {}, {"attributes": None}, {"data": {"type": "run"}}, {"meta": {}}])
def test_a_run_of_a_paused_task(world: World, task: Any, body: Any) -> None:
    asked = run(world, task, body)
    (request,) = waiting(world, task)
    assert (request.attributes, request.scheduled_time) == (None, None)
    assert request.requested_by == f"system:serviceaccount:{world.home}:writes-left"
    assert UUID(asked["id"]) == requested_run_id(task["id"], request)
    assert asked["type"] == "run"
    assert asked["links"]["self"] == f"{world.api.url}/api/run/{asked['id']}"
    assert asked["attributes"] == {
        "run_id": asked["id"],
        "state": "requested",
        "task": task["attributes"]["name"],
        "namespace": world.left,
        "task_uid": task["id"],
        "trigger": "manual",
        "scheduled_at": None,
        "attributes": None,
        "requested_by": request.requested_by,
        "requested_at": asked["attributes"]["requested_at"],
    }


@pytest.mark.parametrize(
    "body",
    [
        {"attributes": {"days": 7, "null": None}},
        {"attributes": '{"days": 7, "null": null}'},
        {"data": {"type": "run", "attributes": {"attributes": {"days": 7, "null": None}}}},
    ],
)
def test_attributes_of_the_runs_own(world: World, task: Any, body: Any) -> None:
    assert run(world, task, body)["attributes"]["attributes"] == {"days": 7, "null": None}
    assert waiting(world, task)[0].attributes == {"days": 7, "null": None}
    spec = world.cluster.get(tasks_path(world.left, task["attributes"]["name"]))["spec"]
    assert spec["attributes"] == {"own": 1}, "the Task's own stay"


def test_a_fire_time_runs_once(world: World, task: Any) -> None:
    asked = run(world, task, {"scheduled_at": "2026-01-01T01:00:00+01:00"})
    assert (asked["id"], asked["attributes"]["scheduled_at"]) == (
        str(scheduled_run_id(task["id"], DUE)),
        "2026-01-01T00:00:00Z",
    )
    assert run(world, task, {"scheduled_at": "2026-01-01T00:00:00Z"})["id"] == asked["id"]
    assert [request.scheduled_time for request in waiting(world, task)] == [DUE]


def tell(world: World, task: Any, event: Event) -> None:
    own = {
        "run_id": scheduled_run_id(task["id"], DUE),
        "namespace": world.left,
        "task": task["attributes"]["name"],
        "task_uid": task["id"],
        "scheduled_at": DUE,
    }
    sent = {"type": "timeline", "attributes": dump_event(replace(event, **own))}
    ok(world.api.post(world.operator, sent), 201)


AT_DUE = {"scheduled_at": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("started", start()),
        ("failed", end(outcome=Outcome.FAILED, reason=Reason.ACTION_FAILED)),
    ],
)
def test_a_fire_time_that_has_started_is_409(world: World, task: Any, name: str, event: Event) -> None:
    tell(world, task, event)
    path = f"/api/task/{task['id']}/run"
    found = error(world.api.send("POST", path, world.writes_left, AT_DUE), 409)
    assert (found["code"], found["meta"], found["source"]) == (
        "run_exists",
        {"id": str(scheduled_run_id(task["id"], DUE))},
        {"pointer": "/scheduled_at"},
    )
    assert waiting(world, task) == ()


def test_a_fire_time_that_its_gate_skipped_can_be_made_up_for(world: World, task: Any) -> None:
    """The operator grants it, too: it has not started."""
    tell(world, task, end(outcome=Outcome.SKIPPED, reason=Reason.STARTING_DEADLINE_PASSED, started_at=None))
    path = f"/api/run/{scheduled_run_id(task['id'], DUE)}"
    assert ok(world.api.get(path, world.reads_left))["data"]["attributes"]["outcome"] == "skipped"
    assert run(world, task, AT_DUE)["id"] == str(scheduled_run_id(task["id"], DUE))
    assert [request.scheduled_time for request in waiting(world, task)] == [DUE]


NO_FIRE_TIME = {
    "still to come": ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00Z is still to come; write a fire time that is past"),
    "no fire time": ("2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z is no fire time of 0 0 1 1 * in Etc/UTC; write one"),
    "long before anything": ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z is no fire time of 0 0 1 1 * in Etc/UTC"),
}


@pytest.mark.parametrize("name", NO_FIRE_TIME)
@pytest.mark.parametrize("in_document", [False, True])
def test_what_is_no_fire_time_to_make_up_for_is_422(world: World, task: Any, name: str, in_document: bool) -> None:
    time, sentence = NO_FIRE_TIME[name]
    body: Any = {"scheduled_at": time}
    if in_document:
        body = {"data": {"type": "run", "attributes": body}}
    found = error(world.api.send("POST", f"/api/task/{task['id']}/run", world.writes_left, body), 422)
    pointer = "/data/attributes/scheduled_at" if in_document else "/scheduled_at"
    assert (found["code"], found["source"]) == ("attribute_invalid", {"pointer": pointer})
    assert found["detail"].startswith(sentence)
    assert found["detail"].endswith("or leave scheduled_at out to run it for no fire time")
    assert waiting(world, task) == ()


def test_requests_within_a_second_and_at_the_same_time_are_runs_of_their_own(world: World, task: Any) -> None:
    with ThreadPoolExecutor(20) as pool:
        asked = list(pool.map(lambda number: run(world, task, {"attributes": {"number": number}}), range(20)))
    requests = waiting(world, task)
    assert len({one["id"] for one in asked}) == 20
    assert {str(requested_run_id(task["id"], request)) for request in requests} == {one["id"] for one in asked}
    assert sorted(str(request.attributes) for request in requests) == sorted(f"{{'number': {n}}}" for n in range(20))


def test_requests_to_two_replicas_at_the_same_time_are_all_there(world: World, task: Any, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig) as other, ThreadPoolExecutor(10) as pool:
        path = f"/api/task/{task['id']}/run"
        answers = pool.map(
            lambda number: (world.api, other)[number % 2].send("POST", path, world.writes_left), range(10)
        )
        asked = {ok(answer, 202)["data"]["id"] for answer in answers}
    assert {str(requested_run_id(task["id"], request)) for request in waiting(world, task)} == asked
    assert len(asked) == 10


def test_it_joins_what_kubectl_annotated(world: World, task: Any) -> None:
    path = tasks_path(world.left, task["attributes"]["name"])
    annotations = {"cronwright.dev/run-requested": '[{"id": "by-hand"}]', "example.com/a": "b"}
    world.cluster.patch(path, {"metadata": {"annotations": annotations}})
    run(world, task)
    assert waiting(world, task)[0].id == "by-hand"
    assert len(waiting(world, task)) == 2
    assert world.cluster.get(path)["metadata"]["annotations"]["example.com/a"] == "b"


def test_an_annotation_that_is_none_is_409_and_stays(world: World, task: Any) -> None:
    path = tasks_path(world.left, task["attributes"]["name"])
    world.cluster.patch(path, {"metadata": {"annotations": {"cronwright.dev/run-requested": "now!"}}})
    found = error(world.api.send("POST", f"/api/task/{task['id']}/run", world.writes_left), 409)
    assert found["code"] == "run_requests_broken"
    assert found["detail"].endswith('run-requested is not JSON; write a list such as [{"id": "1"}]')


def test_there_is_an_end_to_what_waits(world: World, task: Any) -> None:
    path = tasks_path(world.left, task["attributes"]["name"])
    full = json.dumps([{"id": str(number)} for number in range(MOST_WAITING)])
    world.cluster.patch(path, {"metadata": {"annotations": {"cronwright.dev/run-requested": full}}})
    response = world.api.send("POST", f"/api/task/{task['id']}/run", world.writes_left)
    assert (error(response, 503)["code"], response.headers["retry-after"]) == ("run_requests_full", "5")


def test_no_task_no_run(world: World) -> None:
    assert error(world.api.send("POST", f"/api/task/{uuid4()}/run", world.writes_left), 404)
