"""JSON:API 1.1 point by point: what the specification (https://jsonapi.org/format/1.1/) asks of a server, as far as it
is about one without relationships, extensions and profiles.

Stated exceptions: the parameters `query`, `count` and `from` have names that the specification keeps for itself, and
the error of an attribute that is missing points to where it belongs, not to a value that is there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from .conftest import World
from .events import start
from .served import MEDIA_TYPE
from .tasks import LEAST, document, make, name, ok

MEMBER = re.compile(r"[A-Za-z0-9\u0080-\U0010ffff]([A-Za-z0-9\u0080-\U0010ffff _-]*[A-Za-z0-9\u0080-\U0010ffff])?")
TOP_LEVEL = {"data", "errors", "meta", "jsonapi", "links", "included"}
OF_A_RESOURCE = {"type", "id", "lid", "attributes", "relationships", "links", "meta"}
OF_AN_ERROR = {"id", "links", "status", "code", "title", "detail", "source", "meta"}
LINKS_OF_A_LIST = {"self", "first", "last", "prev", "next"}


@pytest.fixture(scope="module")
def task(world: World) -> Any:
    """A Task that stays, in a namespace with others."""
    for _ in range(3):
        made = make(world.api, world.writes_left, world.left)
    attributes = {
        key: value if isinstance(value, int | str) else str(value)
        for key, value in (
            ("run_id", uuid4()),
            ("pod_uid", "p"),
            ("attempt", 1),
            ("kind", "start"),
            ("reported_by", "runner"),
            ("task", "t"),
            ("namespace", world.home),
            ("task_uid", start().task_uid),
            ("title", "t"),
            ("trigger", "schedule"),
        )
    }
    ok(world.api.post(world.operator, {"type": "timeline", "attributes": attributes}), 201)
    return made


# Content negotiation


CONTENT_TYPES = [
    ("no parameter", MEDIA_TYPE, 200),
    ("a profile, which is ignored", f'{MEDIA_TYPE}; profile="https://example.com/a https://example.com/b"', 200),
    ("an extension that is not supported: MUST 415", f'{MEDIA_TYPE}; ext="https://jsonapi.org/ext/atomic"', 415),
    ("another parameter: MUST 415", f"{MEDIA_TYPE}; charset=utf-8", 415),
    ("another media type", "text/plain", 415),
]


@pytest.mark.parametrize(("rule", "content_type", "status"), CONTENT_TYPES, ids=[row[0] for row in CONTENT_TYPES])
def test_content_type_of_requests(world: World, task: Any, rule: str, content_type: str, status: int) -> None:
    sent = document({"label": "l"}, task["id"])
    response = world.api.send("PATCH", f"/api/task/{task['id']}", world.writes_left, sent, content_type)
    assert response.status_code == status, response.text


ACCEPTS = [
    ("none", "", 200),
    ("anything", "*/*", 200),
    ("the media type", MEDIA_TYPE, 200),
    ("a profile that is not known", f'{MEDIA_TYPE}; profile="https://example.com/p"', 200),
    ("a weight is none of the media type's parameters", f"{MEDIA_TYPE};q=0.5", 200),
    ("one of several without parameters", f"{MEDIA_TYPE}; charset=utf-8, {MEDIA_TYPE}; q=0.1", 200),
    ("all with parameters: MUST 406", f"{MEDIA_TYPE}; charset=utf-8, {MEDIA_TYPE}; version=1", 406),
    ("only with an extension that is not supported: MUST 406", f'{MEDIA_TYPE}; ext="https://example.com/e"', 406),
    ("only what is not sent", "text/html", 406),
    ("excluded by its weight", f"{MEDIA_TYPE};q=0", 406),
]


@pytest.mark.parametrize("path", ["/api/task", "/api/timeline", "/api/run"])
@pytest.mark.parametrize(("rule", "accept", "status"), ACCEPTS, ids=[row[0] for row in ACCEPTS])
def test_accept(world: World, task: Any, path: str, rule: str, accept: str, status: int) -> None:
    response = world.api.get(path, world.writes_all, **({"Accept": accept} if accept else {}))
    assert response.status_code == status
    assert response.headers["content-type"] == MEDIA_TYPE, "without parameters, errors too"
    assert "accept" in response.headers["vary"].lower()


# Documents


def documents(world: World, task: Any) -> Iterator[tuple[str, httpx.Response]]:
    """Answers of every kind."""
    api, token = world.api, world.writes_all
    for path in (
        "/api/task",
        "/api/task?page[size]=1",
        f"/api/task?filter[name]={uuid4().hex}",
        f"/api/task/{task['id']}",
        f"/api/task/{task['id']}?fields[task]=",
        "/api/timeline",
        "/api/run?page[size]=1",
        f"/api/task/{uuid4()}",
        "/api/task?sort=colour",
        "/api/nothing",
    ):
        yield path, api.get(path, token)
    yield "no token", api.http.get("/api/task")
    yield "made", api.send("POST", "/api/task", token, document(LEAST | {"name": name(), "namespace": world.left}))
    yield "refused", api.send("POST", "/api/task", token, document({"schedule": "x", "name": "", "colour": 1}))
    yield "preview", api.send("POST", "/api/task/preview", token, document({"schedule": "@daily"}))
    yield "run", api.send("POST", f"/api/task/{task['id']}/run", token)
    yield "not allowed", api.send("PUT", "/api/task", token, document({}))


def test_every_document_is_built_as_it_must(world: World, task: Any) -> None:
    """Document structure: top level, resources, links, meta, errors, member names."""
    seen = 0
    for what, response in documents(world, task):
        assert response.headers["content-type"] == MEDIA_TYPE, what
        told = response.json()
        assert set(told) <= TOP_LEVEL, what
        assert {"data", "errors", "meta"} & set(told), "at least one of them"
        assert not {"data", "errors"} <= set(told), "never both"
        assert told["jsonapi"] == {"version": "1.1"}
        assert ("errors" in told) == (response.status_code >= 400), what
        for links in (told.get("links") or {},):
            assert all(link is None or isinstance(link, str) for link in links.values()), "a string, an object or null"
        for one in resources(told):
            check_resource(one)
            seen += 1
        assert len({(one["type"], one["id"]) for one in resources(told)}) == len(resources(told))
        for error in told.get("errors", ()):
            check_error(error, response.status_code)
        assert all(MEMBER.fullmatch(member) for member in members({**told, "data": None})), what
    assert seen > 10


def resources(told: Mapping[str, Any]) -> list[Any]:
    data = told.get("data", [])
    return data if isinstance(data, list) else [data]


def check_resource(one: Any) -> None:
    assert set(one) <= OF_A_RESOURCE
    assert isinstance(one["type"], str)
    assert isinstance(one["id"], str)
    assert MEMBER.fullmatch(one["type"])
    assert not {"type", "id", "relationships", "links"} & set(one["attributes"]), "fields share one namespace"
    assert one["relationships"] == {}
    assert all(MEMBER.fullmatch(field) for field in one["attributes"])
    assert one["links"]["self"].endswith(f"/api/{one['type']}/{one['id']}")


def check_error(error: Any, status: int) -> None:
    assert set(error) <= OF_AN_ERROR
    assert error["status"] == str(status)
    assert all(isinstance(error[member], str) for member in ("code", "title", "detail"))
    source = error.get("source", {})
    assert set(source) <= {"pointer", "parameter", "header"}
    assert re.fullmatch(r"(/[^/]*)*", source.get("pointer", ""))


def members(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


# Fetching


def test_a_list_without_resources_is_an_empty_array(world: World) -> None:
    told = ok(world.api.get(f"/api/task?filter[name]={uuid4().hex}", world.writes_all))
    assert told["data"] == []


@pytest.mark.parametrize("collection", ["task", "timeline", "run"])
def test_pages(world: World, task: Any, collection: str) -> None:
    """Pagination: the links have the names they must have, null where there is no such page, and `self` is the same."""
    path = f"/api/{collection}?page[size]=1&sort=-created_at"
    first = ok(world.api.get(path, world.writes_all))
    assert set(first["links"]) >= LINKS_OF_A_LIST
    assert first["links"]["prev"] is None
    assert len(first["data"]) == 1
    assert ok(world.api.get(first["links"]["self"], world.writes_all))["data"] == first["data"]
    last = ok(world.api.get(first["links"]["last"], world.writes_all))
    assert last["links"]["next"] is None


def test_self_of_a_resource_answers_the_resource(world: World, task: Any) -> None:
    for collection in ("task", "timeline", "run"):
        listed = ok(world.api.get(f"/api/{collection}?page[size]=1", world.writes_all))["data"][0]
        read = ok(world.api.get(listed["links"]["self"], world.writes_all))
        assert (read["data"]["type"], read["data"]["id"]) == (listed["type"], listed["id"])
        assert read["links"]["self"] == listed["links"]["self"]


def test_sparse_fieldsets_show_nothing_else(world: World, task: Any) -> None:
    path = f"/api/task/{task['id']}?fields[task]="
    assert set(ok(world.api.get(f"{path}name,schedule", world.writes_all))["data"]["attributes"]) == {
        "name",
        "schedule",
    }
    assert ok(world.api.get(path, world.writes_all))["data"]["attributes"] == {}, "an empty value shows none"
    listed = ok(world.api.get("/api/task?fields%5Btask%5D=name", world.writes_all))["data"]
    assert {frozenset(one["attributes"]) for one in listed} == {frozenset({"name"})}


def test_sort_is_ascending_and_descending_with_a_minus(world: World, task: Any) -> None:
    def names(sort: str) -> list[str]:
        path = f"/api/task?sort={sort}&filter[namespace]={world.left}&page[size]=500"
        return [one["attributes"]["name"] for one in ok(world.api.get(path, world.writes_all))["data"]]

    assert names("name") == sorted(names("name"))
    assert names("-name") == list(reversed(names("name")))


PARAMETERS = [
    ("include, which is not supported: MUST 400", "include=runs", "include"),
    ("a sort that is not supported: MUST 400", "sort=colour", "sort"),
    ("a sort by a relationship's field", "sort=author.name", "sort"),
    ("a parameter that is not known: MUST 400", "colour=red", "colour"),
    ("a parameter of one's own that is not known", "camelCase=red", "camelCase"),
    ("fields of another type", "fields[author]=name", "fields[author]"),
    ("a field that is not known", "fields[task]=colour", "fields[task]"),
    ("a filter that is not known", "filter[colour]=red", "filter[colour]"),
    ("a page that is not known", "page[cursor]=x", "page[cursor]"),
    ("a page that is none", "page[number]=0", "page[number]"),
]


@pytest.mark.parametrize(("rule", "parameters", "named"), PARAMETERS, ids=[row[0] for row in PARAMETERS])
def test_a_parameter_that_is_not_supported_is_400_and_named(
    world: World, rule: str, parameters: str, named: str
) -> None:
    told = ok(world.api.get(f"/api/task?{parameters}", world.writes_all), 400)
    assert told["errors"][0]["source"] == {"parameter": named}


# Creating, updating, deleting


def sent(world: World, **members: Any) -> dict[str, Any]:
    whole = document(LEAST | {"name": name(), "namespace": world.left})
    return {"data": whole["data"] | members}


def test_a_resource_that_is_made_is_201_with_its_location(world: World) -> None:
    response = world.api.send("POST", "/api/task", world.writes_left, sent(world))
    made = ok(response, 201)["data"]
    assert response.headers["location"] == made["links"]["self"]
    assert ok(world.api.get(response.headers["location"], world.writes_left))["data"]["id"] == made["id"]


RESOURCES: list[tuple[str, Callable[[World], Any], int]] = [
    ("a lid, by which only the document itself speaks of it", lambda world: sent(world, lid="mine"), 201),
    ("an empty relationships", lambda world: sent(world, relationships={}), 201),
    ("an id of the client's own, which is not supported: MUST 403", lambda world: sent(world, id=str(uuid4())), 403),
    ("another type: MUST 409", lambda world: sent(world, type="author"), 409),
    ("a relationship that there is not", lambda world: sent(world, relationships={"runs": {"data": []}}), 400),
    ("no type", lambda world: {"data": {"attributes": {}}}, 400),
    ("no data", lambda world: {"meta": {}}, 400),
    ("a lid that is no string", lambda world: sent(world, lid=5), 400),
]


@pytest.mark.parametrize(("rule", "made", "status"), RESOURCES, ids=[row[0] for row in RESOURCES])
def test_creating(world: World, rule: str, made: Callable[[World], Any], status: int) -> None:
    response = world.api.send("POST", "/api/task", world.writes_left, made(world))
    assert response.status_code == status, response.text


def test_what_an_update_leaves_out_stays(world: World, task: Any) -> None:
    path = f"/api/task/{task['id']}"
    before = ok(world.api.get(path, world.writes_left))["data"]["attributes"]
    told = ok(world.api.send("PATCH", path, world.writes_left, document({"label": "new"}, task["id"])))["data"]
    unchanged = {"label", "updated_at", "status"}
    assert {k: v for k, v in told["attributes"].items() if k not in unchanged} == {
        k: v for k, v in before.items() if k not in unchanged
    }
    nothing = {"data": {"type": "task", "id": task["id"]}}
    assert ok(world.api.send("PATCH", path, world.writes_left, nothing))["data"]["attributes"]["label"] == "new"


UPDATES: list[tuple[str, Callable[[Any], Any], int]] = [
    ("another id: MUST 409", lambda task: document({}, str(uuid4())), 409),
    ("another type: MUST 409", lambda task: {"data": {"type": "author", "id": task["id"]}}, 409),
    ("no id", lambda task: document({}), 400),
]


@pytest.mark.parametrize(("rule", "changed", "status"), UPDATES, ids=[row[0] for row in UPDATES])
def test_updating(world: World, task: Any, rule: str, changed: Callable[[Any], Any], status: int) -> None:
    response = world.api.send("PATCH", f"/api/task/{task['id']}", world.writes_left, changed(task))
    assert response.status_code == status, response.text


def test_deleting(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    path = f"/api/task/{made['id']}"
    assert ok(world.api.send("DELETE", path, world.writes_left)) == {"jsonapi": {"version": "1.1"}, "meta": {}}
    for method, body in (("DELETE", None), ("GET", None), ("PATCH", document({}, made["id"]))):
        ok(world.api.send(method, path, world.writes_left, body), 404)


def test_head_says_what_get_says_without_a_body(world: World, task: Any) -> None:
    for path in ("/api/task", f"/api/task/{task['id']}", "/api/timeline", "/api/run", f"/api/task/{uuid4()}"):
        got, head = (world.api.send(method, path, world.writes_all) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert {n: head.headers.get(n) for n in ("content-type", "vary")} == {
            n: got.headers.get(n) for n in ("content-type", "vary")
        }


def test_options_and_405_name_the_methods(world: World, task: Any) -> None:
    for path, methods in (("/api/task", "GET, HEAD, OPTIONS, POST"), ("/api/task/preview", "OPTIONS, POST")):
        asked = world.api.send("OPTIONS", path, world.writes_all)
        assert (asked.status_code, asked.headers["allow"]) == (204, methods)
        refused = world.api.send("PUT", path, world.writes_all, document({}))
        assert (refused.status_code, refused.headers["allow"]) == (405, methods)
