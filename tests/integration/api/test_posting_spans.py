"""Spans over HTTP, against the real Kubernetes API: who posts them, how they are answered, and how lists show them."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from cronwright.reasons import Reason
from cronwright.run.ids import scheduled_run_id
from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.span import Span, dump_span

from .conftest import World
from .events import end, span, start, tick
from .people import TaskWithPods, task_with_pods


def resource(one: Event | Span) -> dict[str, Any]:
    return {"type": "timeline", "attributes": dump_span(one) if isinstance(one, Span) else dump_event(one)}


@pytest.fixture(scope="module")
def task(world: World) -> TaskWithPods:
    return task_with_pods(world.cluster, world.home, "looping", as_user="admin@example.com")


@pytest.fixture(scope="module")
def bearer(task: TaskWithPods) -> str:
    """The token of the pod whose Job the CronJob controller made."""
    return task.token(task.scheduled)


def span_of(task: TaskWithPods, pod: Any, first: int = 1, last: int = 9, **changes: Any) -> Span:
    """A span as the ticker in `pod` writes it."""
    values = {
        "pod_uid": pod["metadata"]["uid"],
        "pod": pod["metadata"]["name"],
        "namespace": task.namespace,
        "task": task.task["metadata"]["name"],
        "task_uid": task.task["metadata"]["uid"],
        "as_user_email": "admin@example.com",
    }
    return span(first, last, **(values | changes))


def of_own_task(world: World) -> dict[str, Any]:
    """A Task of its own for a test that the operator posts for."""
    return {"task_uid": str(uuid4()), "namespace": world.home}


def ran(number: int, kind: Any = start, **own: Any) -> Event:
    values = {"run_id": scheduled_run_id(own["task_uid"], tick(number)), "scheduled_at": tick(number)}
    event: Event = kind(**(values | own))
    return event


# Who


def test_a_pod_claims_for_the_task_that_owns_its_job(world: World, task: TaskWithPods, bearer: str) -> None:
    claim = span_of(task, task.scheduled)
    response = world.api.post(bearer, resource(claim))
    assert response.status_code == 201
    assert response.headers["location"] == f"{world.api.url}/api/timeline/{claim.id}"
    assert response.json()["data"]["attributes"].items() >= dump_span(claim).items()
    assert response.json()["data"]["attributes"]["outcome"] == "missed"


NOT_A_PODS_TO_CLAIM = [
    ("reported_by", "operator", "a pod writes as the runner, not as the operator"),
    ("namespace", "elsewhere", "writes only for namespace"),
    ("task_uid", str(uuid4()), "which owns its Job, not"),
    ("task", "another", "writes only for Task looping, not 'another'"),
    ("pod_uid", str(uuid4()), "writes only for itself, UID"),
    ("pod_uid", "", "writes only for itself, UID"),
    ("pod", "another", "writes only for itself, not 'another'"),
    ("as_user_email", None, "the user that it runs as, admin@example.com, not 'nobody'"),
]


@pytest.mark.parametrize(("attribute", "value", "sentence"), NOT_A_PODS_TO_CLAIM)
def test_what_a_pod_may_not_claim(
    world: World, task: TaskWithPods, bearer: str, attribute: str, value: Any, sentence: str
) -> None:
    own = span_of(task, task.scheduled, 101, 109)
    response = world.api.post(bearer, [resource(own), resource(replace(own, **{attribute: value}))])
    error = response.json()["errors"][0]
    assert (response.status_code, error["source"]) == (403, {"pointer": f"/data/1/attributes/{attribute}"})
    assert sentence in error["detail"]
    assert world.api.get(f"/api/timeline/{own.id}", world.reads_all).status_code == 404, "the batch is refused whole"


def test_a_job_made_by_hand_claims_nothing(world: World, task: TaskWithPods) -> None:
    response = world.api.post(task.token(task.manual), resource(span_of(task, task.manual)))
    error = response.json()["errors"][0]
    assert (response.status_code, error["source"]) == (403, {"pointer": "/data/attributes/kind"})
    assert error["detail"].endswith("was made by hand, so it owns no fire times but its own; write start or end")


def test_the_operator_claims_for_every_task(world: World) -> None:
    own = of_own_task(world)
    inferred = span(1, 9, Reason.QUOTA_EXCEEDED, reported_by="operator", pod="", pod_uid="", **own)
    delivered = span(20, 29, Reason.COMPLETED, as_user_email="anyone@example.com", **own)
    response = world.api.post(world.operator, [resource(inferred), resource(delivered)])
    assert response.status_code == 201
    assert [one["id"] for one in response.json()["data"]] == [str(inferred.id), str(delivered.id)]


# What


def test_a_batch_of_events_and_spans_is_answered_in_its_order(world: World) -> None:
    own = of_own_task(world)
    batch: list[Event | Span] = [
        span(1, 3, **own),
        ran(4, **own),
        span(1, 9, **own),
        ran(4, end, **own),
        span(4, 4, **own),
    ]
    response = world.api.post(world.operator, [resource(one) for one in batch])
    assert response.status_code == 201
    answered = [(one["id"], one["attributes"]["kind"]) for one in response.json()["data"]]
    first, begun, again, ended, last = batch
    assert answered == [
        (str(first.id), "span"),
        (str(begun.id), "start"),
        (str(again.id), "span"),
        (str(ended.id), "end"),
        # What has the fourth fire time is a run, and its latest event is the end
        (str(ended.id), "end"),
    ], str(last)
    found = world.api.get(f"/api/timeline?sort=scheduled_at&filter[task_uid]={own['task_uid']}", world.reads_all)
    assert [(one["attributes"]["kind"], one["attributes"]["count"]) for one in found.json()["data"]] == [
        ("span", 3),
        ("start", None),
        ("end", None),
        ("span", 5),
    ]


def test_a_row_that_was_read_can_be_sent_again(world: World) -> None:
    own = of_own_task(world)
    rows = world.api.post(world.operator, [resource(span(1, 3, **own)), resource(ran(4, **own))]).json()["data"]
    again = world.api.post(world.operator, rows)
    assert (again.status_code, again.json()["data"]) == (201, rows)


def test_a_span_is_no_run(world: World) -> None:
    own = of_own_task(world)
    claim = span(1, 3, **own)
    world.api.post(world.operator, resource(claim))
    assert world.api.get(f"/api/run/{claim.id}", world.reads_all).status_code == 404
    assert world.api.get(f"/api/run?filter[task_uid]={own['task_uid']}", world.reads_all).json()["data"] == []


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no fire time": ({"first_at": "2027-01-04T08:00:07Z"}, "first_at", "first_at is 2027-01-04T08:00:07Z, which is no"),
    "a count that is too large": ({"count": 10}, "count", "count is 10, but there are 9 fire times"),
    "an attribute of events": ({"duration_ms": 3}, "duration_ms", "duration_ms is unknown; write some of"),
    "a kind of its own": ({"kind": "middle"}, "kind", "kind is 'middle'; write one of start, end, span"),
    "another outcome": ({"outcome": "failed"}, "outcome", "outcome is 'failed'; write one of missed"),
    "an event with the times of a span": ({"kind": "end"}, "schedule", "schedule is unknown; write some"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_what_to_write(world: World, name: str) -> None:
    changes, attribute, sentence = REFUSED[name]
    claim = resource(span(1, 9))
    response = world.api.post(world.operator, claim | {"attributes": claim["attributes"] | changes})
    error = response.json()["errors"][0]
    assert (response.status_code, error["source"]) == (422, {"pointer": f"/data/attributes/{attribute}"})
    assert error["detail"].startswith(sentence)


def test_another_id_is_409(world: World) -> None:
    response = world.api.post(world.operator, resource(span(1, 9)) | {"id": str(uuid4())})
    assert response.status_code == 409
    assert "but Task and first fire time give" in response.json()["errors"][0]["detail"]


# Lists

CONDITIONS: dict[str, list[tuple[str, str, Any]]] = {
    "of a kind": [("kind", "is", "span")],
    "with more than so many": [("count", "gt", 2)],
    "around a time": [("first_at", "lte", "2027-01-04T08:00:10Z"), ("last_at", "gte", "2027-01-04T08:00:10Z")],
    "of a schedule": [("schedule", "is", "@every 5s"), ("time_zone", "is", "Etc/UTC")],
    "of an outcome and a reason": [("outcome", "is", "missed"), ("reason", "is", "PodLate")],
    "by the time that a run would have": [("scheduled_at", "is", "2027-01-04T08:00:05Z")],
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_span_is_found(world: World, name: str) -> None:
    own = of_own_task(world)
    world.api.post(world.operator, [resource(span(1, 3, **own)), resource(ran(90, **own))])
    conditions = [{"column": c, "operator": o, "value": v} for c, o, v in CONDITIONS[name]]
    conditions.append({"column": "task_uid", "operator": "is", "value": own["task_uid"]})
    answer = world.api.get(f"/api/timeline?query={quote(json.dumps(conditions))}", world.reads_all).json()
    assert [one["attributes"]["count"] for one in answer["data"]] == [3], answer


def test_sorted_and_with_chosen_fields(world: World) -> None:
    own = of_own_task(world)
    spans = [span(first, first + length, **own) for first, length in ((20, 2), (1, 5), (40, 3))]
    world.api.post(world.operator, [resource(one) for one in spans])
    path = f"/api/timeline?filter[task_uid]={own['task_uid']}&sort=-count&fields[timeline]=first_at,last_at,count"
    rows = world.api.get(path, world.reads_all).json()["data"]
    assert [one["attributes"]["count"] for one in rows] == [6, 4, 3]
    assert rows[0]["attributes"] == {
        "first_at": "2027-01-04T08:00:05Z",
        "last_at": "2027-01-04T08:00:30Z",
        "count": 6,
    }


def test_the_next_page_goes_on_where_a_span_was(world: World) -> None:
    own = of_own_task(world)
    path = f"/api/timeline?filter[task_uid]={own['task_uid']}&sort=created_at&page[size]=2"
    rows: list[Event | Span] = [ran(90, **own), span(1, 3, **own), ran(91, **own), ran(92, **own)]
    for one in rows:
        world.api.post(world.operator, resource(one))
    first = world.api.get(path, world.reads_all).json()
    world.api.post(world.operator, resource(span(1, 5, **own)))
    second = world.api.get(first["links"]["next"], world.reads_all).json()
    third = world.api.get(second["links"]["next"], world.reads_all).json()
    shown = [one["attributes"]["scheduled_at"] for page in (first, second, third) for one in page["data"]]
    assert shown == [_written(number) for number in (90, 1, 91, 92, 1)]
    error = world.api.get(f"{path}&page[after]={uuid4()}@yesterday", world.reads_all).json()["errors"][0]
    assert error["detail"].endswith("write the id of a row, or ID@CREATED_AT")


def _written(number: int) -> str:
    return tick(number).isoformat().replace("+00:00", "Z")
