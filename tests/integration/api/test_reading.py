"""Who sees what of the timeline and of runs, by the real Kubernetes API's word; the documents; what is refused."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from cronwright.timeline.event import Event, dump_event

from .conftest import World
from .events import end, start
from .people import token
from .served import MEDIA_TYPE

PATHS = ("/api/timeline", f"/api/timeline/{uuid4()}", "/api/run", f"/api/run/{uuid4()}")


def resource(event: Event) -> dict[str, Any]:
    return {"type": "timeline", "attributes": dump_event(event)}


def query(*conditions: Mapping[str, Any]) -> str:
    return "query=" + quote(json.dumps(conditions))


@pytest.fixture(scope="module")
def stored(world: World) -> World:
    """Three runs in `left`, the newest of them with an end, and two in `right`; no other test posts these."""
    events = [start(number, namespace=world.left) for number in (20, 21, 22)]
    events += [end(22, namespace=world.left)]
    events += [start(number, namespace=world.right) for number in (30, 31)]
    for event in events:
        assert world.api.post(world.operator, resource(event)).status_code == 201
    return world


def titles(document: Any) -> list[str]:
    return [one["attributes"]["title"] for one in document["data"]]


# Who


@pytest.mark.parametrize("path", [*PATHS, "/api/nothing", "/api/task", "/api/timeline?nope=1", "/api/timeline/"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST"])
@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer a b", "Token abc"])
def test_401_without_a_token_comes_first(world: World, method: str, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = world.api.http.request(method, path, headers=headers | {"Accept": "text/html", "Content-Type": "x/y"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith('Bearer realm="cronwright"')


@pytest.mark.parametrize("path", [*PATHS, "/api/nothing", "/api/timeline?nope=1"])
def test_401_for_a_token_that_kubernetes_does_not_know(world: World, path: str) -> None:
    response = world.api.get(path, "abc", Accept="text/html")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="cronwright", error="invalid_token"'
    assert response.json()["errors"][0]["code"] == "token_unknown"


def test_a_runs_token_does_not_read(world: World) -> None:
    assert world.api.get("/api/timeline", world.operator).status_code == 401


def test_who_may_list_tasks_everywhere_sees_all(stored: World) -> None:
    document = stored.api.get(f"/api/run?filter[namespace]={stored.right}", stored.reads_all).json()
    assert titles(document) == ["run 31", "run 30"]
    document = stored.api.get(f"/api/run?filter[namespace]={stored.left}", stored.reads_all).json()
    assert titles(document) == ["run 22", "run 21", "run 20"]


def test_who_may_list_tasks_in_one_namespace_sees_and_counts_no_other(stored: World) -> None:
    document = stored.api.get("/api/timeline", stored.reads_left).json()
    assert {one["attributes"]["namespace"] for one in document["data"]} == {stored.left}
    assert document["meta"]["total"] == 4
    everywhere = query({"column": "namespace", "operator": "in", "value": [stored.left, stored.right]})
    assert stored.api.get(f"/api/run?{everywhere}", stored.reads_left).json()["meta"]["total"] == 3
    theirs = query({"column": "namespace", "operator": "is", "value": stored.right})
    assert stored.api.get(f"/api/run?{theirs}", stored.reads_left).json()["data"] == []


def test_a_namespace_asked_for_that_may_not_be_seen_is_403(stored: World) -> None:
    response = stored.api.get(f"/api/run?filter[namespace]={stored.right}", stored.reads_left)
    error = response.json()["errors"][0]
    assert (response.status_code, error["source"]) == (403, {"parameter": "filter[namespace]"})
    assert error["detail"].startswith(f"you may not list Tasks in namespace '{stored.right}'")


def test_who_may_list_tasks_nowhere_gets_403(stored: World) -> None:
    response = stored.api.get("/api/run", stored.reads_none)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "list_forbidden")


def test_a_row_that_may_not_be_seen_is_404(stored: World) -> None:
    hidden = start(30, namespace=stored.right)
    for path in (f"/api/timeline/{hidden.id}", f"/api/run/{hidden.run_id}"):
        assert stored.api.get(path, stored.reads_all).status_code == 200
        assert stored.api.get(path, stored.reads_left).status_code == 404
    page = stored.api.get(f"/api/timeline?page[after]={hidden.id}", stored.reads_left)
    assert (page.status_code, page.json()["errors"][0]["code"]) == (400, "page_unknown")


# What


def test_the_contracts_own_line_with_nothing_escaped(stored: World) -> None:
    target = '/api/timeline?query=[{"column":"event_type","operator":"is","value":"task"}]'
    status, body = stored.api.raw("GET", target, {"Authorization": f"Bearer {stored.reads_left}", "Accept": "*/*"})
    assert (status, json.loads(body)["meta"]["total"]) == (200, 4)
    status, body = stored.api.raw(
        "GET", quote(target, safe="/?=[]{}:"), {"Authorization": f"Bearer {stored.reads_left}"}
    )
    assert (status, json.loads(body)["meta"]["total"]) == (200, 4)


def test_a_timeline_document(stored: World) -> None:
    response = stored.api.get(f"/api/timeline?filter[run_id]={end(22).run_id}", stored.reads_left)
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["vary"] == "Accept"
    document = response.json()
    assert document["jsonapi"] == {"version": "1.1"}
    event = end(22, namespace=stored.left)
    found = document["data"][0]
    assert (found["type"], found["id"], found["relationships"]) == ("timeline", str(event.id), {})
    assert found["links"] == {"self": f"{stored.api.url}/api/timeline/{event.id}"}
    attributes = found["attributes"]
    assert attributes.items() >= dump_event(event).items()
    assert (attributes["event_type"], attributes["reference_id"]) == ("task", str(event.id))
    assert attributes["created_at"] == attributes["updated_at"]
    assert not {"id", "type"} & set(attributes)
    alone = stored.api.get(f"/api/timeline/{event.id}", stored.reads_left).json()
    assert alone["data"] == found


def test_a_run_document(stored: World) -> None:
    attributes = stored.api.get(f"/api/run/{end(22).run_id}", stored.reads_left).json()["data"]["attributes"]
    said = {
        "state": "ended",
        "outcome": "succeeded",
        "reason": "Completed",
        "attempt": 1,
        "task": "backup",
        "trigger": "schedule",
    }
    assert attributes.items() >= said.items()
    assert attributes["run_id"] == attributes["reference_id"] == str(end(22).run_id)
    running = stored.api.get(f"/api/run/{start(21).run_id}", stored.reads_left).json()["data"]["attributes"]
    assert (running["state"], running["outcome"], running["finished_at"]) == ("running", None, None)


def test_links_are_on_the_host_that_the_caller_used(stored: World) -> None:
    document = stored.api.get("/api/run?page[size]=1", stored.reads_left, Host="cron.example.com:8443").json()
    links = [document["links"]["next"], document["data"][0]["links"]["self"]]
    assert all(link.startswith("http://cron.example.com:8443/api/run") for link in links)
    # Nobody made this caller a proxy
    document = stored.api.get("/api/run", stored.reads_left, **{"X-Forwarded-Host": "evil.example"}).json()
    assert document["links"]["self"] == f"{stored.api.url}/api/run"
    assert stored.api.get("/api/run", stored.reads_left, Host='a"b').status_code == 400


def test_links_lead_through_all_pages_and_back(stored: World) -> None:
    url, seen, pages = "/api/run?page[size]=2&sort=-title&fields[run]=title", list[str](), 0
    while url:
        document = stored.api.get(url, stored.reads_left).json()
        seen += titles(document)
        pages += 1
        last, url = document, document["links"]["next"]
    assert (seen, pages) == (["run 22", "run 21", "run 20"], 2)
    assert (
        last["links"].items()
        >= {"current_page": "2", "from": "3", "to": "3", "per_page": "2", "total": "3", "last_page": "2"}.items()
    )
    assert last["meta"] == {"current_page": 2, "from": 3, "to": 3, "per_page": 2, "total": 3, "last_page": 2}
    assert titles(stored.api.get(last["links"]["prev"], stored.reads_left).json()) == ["run 22", "run 21"]
    assert titles(stored.api.get(last["links"]["first"], stored.reads_left).json()) == ["run 22", "run 21"]
    assert titles(stored.api.get(last["links"]["last"], stored.reads_left).json()) == ["run 20"]
    assert all(isinstance(link, str | None) for link in last["links"].values())


def test_fields_and_sort(stored: World) -> None:
    document = stored.api.get("/api/timeline?fields[timeline]=title,kind&sort=kind,-title", stored.reads_left).json()
    assert [one["attributes"] for one in document["data"]] == [
        {"title": "run 22", "kind": "end"},
        {"title": "run 22", "kind": "start"},
        {"title": "run 21", "kind": "start"},
        {"title": "run 20", "kind": "start"},
    ]


def test_fields_of_one(stored: World) -> None:
    path = f"/api/run/{end(22).run_id}"
    document = stored.api.get(f"{path}?fields[run]=outcome", stored.reads_left).json()
    assert document["data"]["attributes"] == {"outcome": "succeeded"}
    for parameters, status in (("fields[run]=nope", 400), ("nope=1", 400), ("fields[run]=task&fields[run]=task", 400)):
        assert stored.api.get(f"{path}?{parameters}", stored.reads_left).status_code == status


def test_triples(stored: World) -> None:
    path = "/api/run?query[][column]=outcome&query[][operator]=is&query[][value]=succeeded"
    assert titles(stored.api.get(path, stored.reads_left).json()) == ["run 22"]


# How


def test_head_options_and_a_trailing_slash(stored: World) -> None:
    for path in PATHS[::2]:
        headers = {"Authorization": f"Bearer {stored.reads_left}"}
        head = stored.api.http.head(path, headers=headers)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 100
        options = stored.api.http.options(path)
        assert (options.status_code, options.content) == (204, b"")
        assert stored.api.get(f"{path}/?page[size]=1", stored.reads_left).status_code == 200
    assert stored.api.http.options("/api/timeline").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert stored.api.http.options("/api/run").headers["allow"] == "GET, HEAD, OPTIONS"


def test_405_says_what_is_taken(stored: World) -> None:
    for method, path, allowed in (
        ("DELETE", "/api/timeline", "GET, HEAD, OPTIONS, POST"),
        ("POST", "/api/run", "GET, HEAD, OPTIONS"),
    ):
        response = stored.api.http.request(method, path, headers={"Authorization": f"Bearer {stored.reads_left}"})
        assert (response.status_code, response.headers["allow"]) == (405, allowed)
        assert response.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("*/*", 200),
        (MEDIA_TYPE, 200),
        ("application/json", 200),
        (f'{MEDIA_TYPE};profile="https://example.com/a,b"', 200),
        (f"text/html, {MEDIA_TYPE};q=0.1", 200),
        (f"{MEDIA_TYPE};charset=utf-8", 406),
        (f'{MEDIA_TYPE};ext="https://example.com/ext"', 406),
        ("text/html", 406),
        (f"{MEDIA_TYPE};q=0", 406),
    ],
)
def test_accept(stored: World, accept: str, status: int) -> None:
    response = stored.api.get("/api/run", stored.reads_left, Accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (status, MEDIA_TYPE)


REFUSED = {
    "nope=1": (
        "nope",
        "the parameter 'nope' is unknown; write some of query, sort, filter[COLUMN], fields[run], page[number]",
    ),
    "page[size]=0": ("page[size]", "page[size] is '0'; write a whole number from 1 to 500"),
    "page[size]=501": ("page[size]", "page[size] is '501'"),
    "page[size]=ten": ("page[size]", "page[size] is 'ten'"),
    "page[number]=99999999999": ("page[number]", "page[number] is '99999999999'"),
    "page[number]=-1": ("page[number]", "page[number] is '-1'"),
    "page[after]=x": ("page[after]", "page[after] is 'x'; write the id of a row"),
    f"page[after]={uuid4()}": ("page[after]", "there is no row"),
    f"page[after]={uuid4()}&page[number]=2": (
        "page[number]",
        "of page[number], page[after] and page[before] only one can be",
    ),
    "page[offset]=1": ("page[offset]", "the parameter 'page[offset]' is unknown"),
    "sort=nope": ("sort", "there is no column 'nope' to sort by; write some of id, created_at, updated_at, title"),
    "sort=": ("sort", "there is no column '' to sort by"),
    "sort=task,-task": ("sort", "task is there twice"),
    "sort=task;drop": ("sort", "there is no column 'task;drop' to sort by"),
    "fields[run]=nope": ("fields[run]", "there is no field 'nope'; write some of"),
    "fields[timeline]=title": ("fields[timeline]", "the parameter 'fields[timeline]' is unknown"),
    "filter[nope]=1": ("filter[nope]", "there is no column 'nope' to filter by"),
    "filter[attempt]=x": ("filter[attempt]", "a value for column attempt is 'x'; write a whole number"),
    "filter[namespace]=a&filter[namespace]=b": ("filter[namespace]", "filter[namespace] is given twice"),
    "query=[]&query[][column]=task": ("query", "query is given as JSON and as triples"),
    "query=x": ("query", "query is not JSON"),
    'query=[{"column":"nope","operator":"is","value":1}]': ("query", "column 'nope' is unknown; write one of"),
    'query=[{"column":"task","operator":"similar","value":1}]': (
        "query",
        "operator 'similar' is unknown; write one of",
    ),
}


@pytest.mark.parametrize("parameters", REFUSED, ids=REFUSED)
def test_400_says_what_to_write(stored: World, parameters: str) -> None:
    parameter, sentence = REFUSED[parameters]
    response = stored.api.get(f"/api/run?{parameters}", stored.reads_all)
    error = response.json()["errors"][0]
    assert (response.status_code, error["status"], error["source"]) == (400, "400", {"parameter": parameter})
    assert error["detail"].startswith(sentence)


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/timeline/not-an-id", "/api/run/x/y", f"/api/run/{uuid4()}", "/nothing"]
)
def test_404(stored: World, path: str) -> None:
    response = stored.api.get(path, stored.reads_all)
    assert (response.status_code, response.headers["content-type"]) == (404, MEDIA_TYPE)


def test_a_right_that_was_given_shows_after_the_cache(stored: World) -> None:
    """A new token of the same person is asked for anew, so no one waits for more than the ten seconds."""
    assert stored.api.get("/api/run", token(stored.cluster, stored.home, "reads-none")).status_code == 403
