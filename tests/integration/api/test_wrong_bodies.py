"""Two hundred bodies that can't be taken: each is refused with the field named, nothing is written, never a 5xx."""

import json
from typing import Any
from uuid import uuid4

import pytest

from cronwright.jsontypes import JSON
from support.cluster import tasks_path
from support.wrong_attributes import WRONG

from .conftest import World
from .tasks import document, make, name, ok


@pytest.fixture(scope="module")
def task(world: World) -> Any:
    """A Task that is not paused, so that a reason for a pause is wrong on it."""
    return make(world.api, world.writes_left, world.left, is_active=True)


def refused(response: Any, *statuses: int) -> list[Any]:
    found = response.json()["errors"]
    assert response.status_code in statuses, response.text
    assert {one["status"] for one in found} == {str(response.status_code)}
    assert all(one["code"] and one["title"] and one["detail"] for one in found)
    return list(found)


def tasks_in(world: World) -> set[str]:
    return {
        f"{task['metadata']['uid']}/{task['metadata']['generation']}"
        for task in world.cluster.items(tasks_path(world.left))
    }


@pytest.mark.parametrize(("attribute", "value", "pointer", "sentence"), WRONG)
def test_an_attribute_that_is_wrong(
    world: World, task: Any, attribute: str, value: JSON, pointer: str, sentence: str
) -> None:
    before = tasks_in(world)
    least = {"name": name(), "schedule": "@yearly", "action_name": "http", "namespace": world.left}
    response = world.api.send("POST", "/api/task", world.writes_left, document(least | {attribute: value}))
    (found,) = refused(response, 422)
    assert found["source"] == {"pointer": f"/data/attributes/{pointer}"}
    assert sentence in found["detail"]
    path = f"/api/task/{task['id']}"
    changed = document({attribute: value}, task["id"])
    (found,) = refused(world.api.send("PATCH", path, world.writes_left, changed), 422)
    assert found["source"] == {"pointer": f"/data/attributes/{pointer}"}
    assert tasks_in(world) == before


BODIES: list[tuple[str, bytes | JSON, int, str, str]] = [
    ("nothing", b"", 400, "", "the body is not JSON"),
    ("white space", b" \n", 400, "", "the body is not JSON"),
    ("half an object", b'{"data": ', 400, "", "the body is not JSON: Expecting value at line 1 column 10"),
    ("two objects", b"{}{}", 400, "", "the body is not JSON: Extra data"),
    ("single quotes", b"{'data': {}}", 400, "", "the body is not JSON"),
    ("a comma too many", b'{"data": {},}', 400, "", "the body is not JSON"),
    ("not UTF-8", b'{"data": "\xff"}', 400, "", "the body is not UTF-8"),
    ("NaN", b'{"data": NaN}', 400, "", "NaN is no JSON"),
    ("Infinity", b'{"data": -Infinity}', 400, "", "-Infinity is no JSON"),
    ("a number beyond all bounds", b'{"data": 1e999}', 400, "", "the number 1e999 is too large"),
    ("a number of 5000 digits", b'{"data": ' + b"1" * 5000 + b"}", 400, "", "a number with too many digits"),
    ("half of a surrogate pair", rb'{"data": "\ud800"}', 400, "", "half of a surrogate pair"),
    ("nested too deep", b'{"data": ' + b"[" * 200 + b"]" * 200 + b"}", 400, "", "nested more than 100 deep"),
    ("nested far too deep", b"[" * 100_000, 400, "", "nested more than 100 deep"),
    ("a key twice at the top", b'{"data": {}, "data": {}}', 400, "", "the key 'data' is there twice"),
    (
        "an attribute twice",
        b'{"data": {"type": "task", "attributes": {"name": "a", "name": "b"}}}',
        400,
        "",
        "the key 'name' is there twice in one object",
    ),
    (
        "a key of attributes twice",
        b'{"data": {"type": "task", "attributes": {"attributes": {"days_old": 1, "days_old": 2}}}}',
        400,
        "",
        "the key 'days_old' is there twice",
    ),
    ("null", None, 400, "", "the body is not an object"),
    ("a list", [], 400, "", "the body is not an object"),
    ("a string", "task", 400, "", "the body is not an object"),
    ("a number", 5, 400, "", "the body is not an object"),
    ("an empty object", {}, 400, "", "the document has no data"),
    ("attributes at the top", {"attributes": {}}, 400, "/attributes", "the member 'attributes' is unknown"),
    ("errors", {"data": {}, "errors": []}, 400, "/errors", "the member 'errors' is unknown"),
    ("data null", {"data": None}, 400, "/data", "a resource is an object with type task"),
    ("data a string", {"data": "x"}, 400, "/data", "a resource is an object"),
    ("data an empty list", {"data": []}, 400, "/data", "data is a list; write one resource"),
    ("data a list", {"data": [{"type": "task", "attributes": {}}]}, 400, "/data", "data is a list"),
    ("a list of no resources", {"data": [1]}, 400, "/data/0", "a resource is an object"),
    ("no type", {"data": {"attributes": {}}}, 400, "/data/type", 'the resource has no type; write "type": "task"'),
    ("type null", {"data": {"type": None, "attributes": {}}}, 400, "/data/type", "the resource has no type"),
    ("type a number", {"data": {"type": 1, "attributes": {}}}, 400, "/data/type", "the resource has no type"),
    (
        "type tasks",
        {"data": {"type": "tasks", "attributes": {}}},
        409,
        "/data/type",
        "the type is 'tasks'; here it is task",
    ),
    ("type Task", {"data": {"type": "Task", "attributes": {}}}, 409, "/data/type", "the type is 'Task'"),
    ("type timeline", {"data": {"type": "timeline", "attributes": {}}}, 409, "/data/type", "the type is 'timeline'"),
    ("id a number", {"data": {"type": "task", "id": 5, "attributes": {}}}, 400, "/data/id", "the id is not a string"),
    ("id an object", {"data": {"type": "task", "id": {}, "attributes": {}}}, 400, "/data/id", "the id is not a string"),
    (
        "attributes a list",
        {"data": {"type": "task", "attributes": []}},
        400,
        "/data/attributes",
        "attributes is not an object",
    ),
    (
        "attributes null",
        {"data": {"type": "task", "attributes": None}},
        400,
        "/data/attributes",
        "attributes is not an object",
    ),
    (
        "attributes a string",
        {"data": {"type": "task", "attributes": "{}"}},
        400,
        "/data/attributes",
        "attributes is not an object",
    ),
    (
        "an attribute beside attributes",
        {"data": {"type": "task", "schedule": "@daily"}},
        400,
        "/data/schedule",
        "write it into attributes",
    ),
    (
        "relationships",
        {"data": {"type": "task", "attributes": {}, "relationships": {"runs": {"data": []}}}},
        400,
        "/data/relationships",
        "nothing here has relationships",
    ),
    (
        "relationships a list",
        {"data": {"type": "task", "attributes": {}, "relationships": []}},
        400,
        "/data/relationships",
        "nothing here has",
    ),
]


@pytest.mark.parametrize(("case", "body", "status", "pointer", "sentence"), BODIES, ids=[case for case, *_ in BODIES])
def test_a_document_that_is_wrong(
    world: World, task: Any, case: str, body: bytes | JSON, status: int, pointer: str, sentence: str
) -> None:
    before = tasks_in(world)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    for method, path in (
        ("POST", "/api/task"),
        ("POST", "/api/task/preview"),
        ("PATCH", f"/api/task/{task['id']}"),
    ):
        (found,) = refused(world.api.send(method, path, world.writes_left, raw), status)
        assert found["source"] == {"pointer": pointer}, (method, path)
        assert sentence in found["detail"], (method, path)
    assert tasks_in(world) == before


RUNS: list[tuple[str, JSON, int, str, str]] = [
    ("attributes a list", {"attributes": []}, 422, "/attributes", "attributes is []; write an object"),
    ("attributes a number", {"attributes": 5}, 422, "/attributes", "attributes is 5; write an object"),
    ("attributes no JSON", {"attributes": "x"}, 422, "/attributes", "attributes is a string that holds no JSON object"),
    ("an integer beyond 64 bits", {"attributes": {"a": 2**63}}, 422, "/attributes/a", "attributes.a is a whole number"),
    ("attributes too large", {"attributes": {"a": "x" * 65536}}, 422, "/attributes", "attributes has 65544 bytes"),
    ("a time that is none", {"scheduled_at": "soon"}, 422, "/scheduled_at", 'scheduled_at is "soon"; write a time'),
    ("a time without a zone", {"scheduled_at": "2027-01-04T08:00:00"}, 422, "/scheduled_at", "write a time in whole"),
    ("parts of a second", {"scheduled_at": "2027-01-04T08:00:00.5Z"}, 422, "/scheduled_at", "write a time in whole"),
    ("a time as a number", {"scheduled_at": 1799049600}, 422, "/scheduled_at", "write a time in whole seconds"),
    ("camelCase", {"scheduledAt": None}, 422, "/scheduledAt", 'there is no attribute "scheduledAt"'),
    ("another attribute", {"schedule": "@daily"}, 422, "/schedule", "write attributes and scheduled_at only"),
    ("a list", [], 400, "", "the body is not an object"),
    ("data null", {"data": None}, 400, "/data", "a resource is an object with type run"),
    ("data a list", {"data": [{"type": "run"}]}, 400, "/data", "data is a list"),
    ("type task", {"data": {"type": "task", "attributes": {}}}, 409, "/data/type", "here it is run"),
    ("an id", {"data": {"type": "run", "id": "1", "attributes": {}}}, 403, "/data/id", "given by the server"),
    (
        "a wrong attribute of a resource",
        {"data": {"type": "run", "attributes": {"attributes": {"a": -(2**64)}}}},
        422,
        "/data/attributes/attributes/a",
        "attributes.a is a whole number",
    ),
]


@pytest.mark.parametrize(("case", "body", "status", "pointer", "sentence"), RUNS, ids=[case for case, *_ in RUNS])
def test_a_run_that_can_not_be_asked_for(
    world: World, task: Any, case: str, body: JSON, status: int, pointer: str, sentence: str
) -> None:
    path = f"/api/task/{task['id']}/run"
    (found,) = refused(world.api.send("POST", path, world.writes_left, json.dumps(body).encode()), status)
    assert found["source"] == {"pointer": pointer}
    assert sentence in found["detail"]
    annotations = world.cluster.get(tasks_path(world.left, task["attributes"]["name"]))["metadata"]
    assert "cronwright.dev/run-requested" not in annotations.get("annotations", {})


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/vnd.api+json; charset=utf-8", 415),
        ('application/vnd.api+json; ext="https://example.com/x"', 415),
        ("application/json; version=1", 415),
        ("", 415),
    ],
)
def test_another_media_type(world: World, task: Any, content_type: str, status: int) -> None:
    sent = json.dumps(document({}, task["id"])).encode()
    for method, path in (
        ("POST", "/api/task"),
        ("POST", "/api/task/preview"),
        ("PATCH", f"/api/task/{task['id']}"),
        ("DELETE", f"/api/task/{task['id']}"),
        ("POST", f"/api/task/{task['id']}/run"),
    ):
        refused(world.api.send(method, path, world.writes_left, sent, content_type), status)


def test_a_body_that_is_too_large(world: World, task: Any) -> None:
    sent = document({"attributes": {"a": "x" * 1024 * 1024}}, task["id"])
    for method, path in (
        ("POST", "/api/task"),
        ("PATCH", f"/api/task/{task['id']}"),
        ("DELETE", f"/api/task/{task['id']}"),
    ):
        refused(world.api.send(method, path, world.writes_left, sent), 413)
    ok(world.api.get(f"/api/task/{task['id']}", world.writes_left))


def test_there_are_two_hundred() -> None:
    """A wrong attribute makes two bodies: one of a new Task, one of a change."""
    assert 2 * len(WRONG) + len(BODIES) + len(RUNS) >= 200


def test_an_id_that_is_none(world: World) -> None:
    for identity in ("x", str(uuid4())):
        sent = document({"schedule": "@hourly"}, identity)
        refused(world.api.send("PATCH", f"/api/task/{identity}", world.writes_left, sent), 404)
        refused(world.api.send("POST", "/api/task/preview", world.writes_left, sent), 404)
        refused(world.api.send("POST", f"/api/task/{identity}/run", world.writes_left), 404)
