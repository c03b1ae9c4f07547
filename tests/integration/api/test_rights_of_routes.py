"""Each route of the API, and each way in which one person may try by it to see or to change what is another's: none
leads there, in either direction. A route without its ways here fails the first test.

Lists that are asked cleverly are in `test_rights_of_lists`, streams in `test_rights_of_streams`, what pods may
post in `test_rights_of_pods`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from starlette.routing import Route

from cronwright.run.ids import event_id, scheduled_run_id
from cronwright_api.app import ROUTERS

from .conftest import World
from .posters import resource
from .tasks import LEAST, document
from .two_people import DUE, Person, Scene, as_it_was, place, told_of, two_people

Answer = tuple[int, str]
"""Status, and the code of the error, empty where there is none."""


@dataclass(frozen=True)
class Way:
    """A request for what is `theirs`. `path`, `body` and `headers` are made for whose it is.

    `answer` is what the other person gets, `nobody` what someone gets who may list Tasks nowhere, where that is
    something else; with `as_absent` the very answer that an id gets which nothing has. `owner` is the status that its
    owner gets, with a mark of theirs: so the same request finds what it is after.
    """

    name: str
    path: Callable[[Person, Scene], str]
    answer: Answer
    body: Callable[[Person, Scene], Any] | None = None
    nobody: Answer | None = None
    owner: int = 0
    headers: Callable[[Person, Scene], Mapping[str, str]] = lambda theirs, scene: {}
    as_absent: bool = False


GONE: Answer = (404, "not_found")
NOT_THERE: Answer = (403, "namespace_forbidden")
NOWHERE: Answer = (403, "list_forbidden")
UNKNOWN_ROW: Answer = (400, "page_unknown")
SHOWN: Answer = (200, "")


def at(path: str) -> Callable[[Person, Scene], str]:
    """Return the path with what is theirs put in."""
    return lambda theirs, scene: path.format(
        task=theirs.id,
        event=theirs.ended.id,
        span=theirs.span.id,
        run=theirs.ended.run_id,
        computed_run=scheduled_run_id(theirs.id, DUE),
        computed_event=event_id(scheduled_run_id(theirs.id, DUE), theirs.ended.pod_uid, 1, "end"),
        namespace=theirs.namespace,
        name=theirs.task["attributes"]["name"],
        label=quote(theirs.task["attributes"]["label"]),
        title=quote(theirs.ended.title),
        place=quote(place(theirs, scene)),
    )


TASK_BY_ID = (
    Way("by its id", at("/api/task/{task}"), GONE, owner=200, as_absent=True),
    Way("one attribute", at("/api/task/{task}?fields[task]=label"), GONE, owner=200, as_absent=True),
)


def of_list(collection: str, named: str, by_row: bool) -> Sequence[Way]:
    """Return the ways into a list; `named` is a filter that names a row of theirs."""
    base = f"/api/{collection}"
    everything = "page[size]=500&sort=-created_at"
    ways = [
        Way("all", at(f"{base}?{everything}"), SHOWN, nobody=NOWHERE, owner=200),
        Way("their namespace", at(f"{base}?filter[namespace]={{namespace}}"), NOT_THERE, owner=200),
        Way("by their id", at(f"{base}?filter[id]={{{named}}}"), SHOWN, nobody=NOWHERE, owner=200),
        Way("the second page", at(f"{base}?page[size]=1&page[number]=2"), SHOWN, nobody=NOWHERE),
    ]
    if by_row:
        ways += [
            Way("behind their row", at(f"{base}?page[after]={{{named}}}"), UNKNOWN_ROW, nobody=NOWHERE, as_absent=True),
            Way(
                "ahead of their row",
                at(f"{base}?page[before]={{{named}}}"),
                UNKNOWN_ROW,
                nobody=NOWHERE,
                as_absent=True,
            ),
        ]
    return ways


READING_RUNS = (
    Way("by its id", at("/api/run/{run}"), GONE, owner=200, as_absent=True),
    Way("by computing its id", at("/api/run/{computed_run}"), GONE, owner=200, as_absent=True),
    Way("as an event", at("/api/run/{event}"), GONE),
)
READING_EVENTS = (
    Way("by its id", at("/api/timeline/{event}"), GONE, owner=200, as_absent=True),
    Way("by computing its id", at("/api/timeline/{computed_event}"), GONE, owner=200, as_absent=True),
    Way("a span", at("/api/timeline/{span}"), GONE, owner=200, as_absent=True),
    Way("as a run", at("/api/timeline/{run}"), GONE),
)
LISTING_EVENTS = (
    *of_list("timeline", "event", by_row=True),
    Way("behind their place", at("/api/timeline?sort=created_at&page[after]={place}"), SHOWN, nobody=NOWHERE),
    Way("ahead of their place", at("/api/timeline?sort=created_at&page[before]={place}"), SHOWN, nobody=NOWHERE),
)


def body(attributes: Mapping[str, Any], *, of_theirs: bool = False) -> Callable[[Person, Scene], Any]:
    return lambda theirs, scene: document(attributes, theirs.id if of_theirs else None)


def in_their_namespace(attributes: Mapping[str, Any]) -> Callable[[Person, Scene], Any]:
    return lambda theirs, scene: document({**attributes, "namespace": theirs.namespace})


FORBIDS: Answer = (403, "kubernetes_forbids")
ANYBODY = "what anybody sees"

WAYS: Mapping[tuple[str, str], Sequence[Way]] = {
    ("GET", "/api/task"): of_list("task", "task", by_row=False),
    ("POST", "/api/task"): (
        Way(
            "a new one",
            at("/api/task"),
            FORBIDS,
            in_their_namespace(LEAST | {"name": "new"}),
        ),
        Way(
            "of the name of theirs",
            at("/api/task"),
            FORBIDS,
            lambda theirs, scene: in_their_namespace(LEAST | {"name": theirs.task["attributes"]["name"]})(
                theirs, scene
            ),
        ),
    ),
    ("POST", "/api/task/preview"): (
        Way("an edit of theirs", at("/api/task/preview"), GONE, body({"label": "x"}, of_theirs=True), owner=200),
        Way("no edit of theirs", at("/api/task/preview"), GONE, body({}, of_theirs=True), owner=200),
        Way("one in their namespace", at("/api/task/preview"), NOT_THERE, in_their_namespace({"schedule": "@daily"})),
    ),
    ("GET", "/api/task/{identity}"): TASK_BY_ID,
    ("PATCH", "/api/task/{identity}"): (
        Way("a change", at("/api/task/{task}"), GONE, body({"label": "mine"}, of_theirs=True), as_absent=True),
        Way("no change", at("/api/task/{task}"), GONE, body({}, of_theirs=True), as_absent=True),
        Way("a wrong change", at("/api/task/{task}"), GONE, body({"name": "x"}, of_theirs=True), as_absent=True),
    ),
    ("DELETE", "/api/task/{identity}"): (Way("by its id", at("/api/task/{task}"), GONE, as_absent=True),),
    ("POST", "/api/task/{identity}/run"): (
        Way("now", at("/api/task/{task}/run"), GONE, as_absent=True),
        Way(
            "for a time that has run",
            at("/api/task/{task}/run"),
            GONE,
            lambda theirs, scene: {"scheduled_at": "2026-01-01T00:00:00Z"},
            as_absent=True,
        ),
        Way(
            "for no fire time",
            at("/api/task/{task}/run"),
            GONE,
            lambda theirs, scene: {"scheduled_at": "2026-01-02T00:00:00Z"},
            as_absent=True,
        ),
    ),
    ("GET", "/api/timeline"): LISTING_EVENTS,
    ("GET", "/api/timeline/stream"): (
        Way("their namespace", at("/api/timeline/stream?filter[namespace]={namespace}"), NOT_THERE),
        Way(
            "behind their row",
            at("/api/timeline/stream?page[after]={event}"),
            UNKNOWN_ROW,
            nobody=NOWHERE,
            as_absent=True,
        ),
        Way(
            "again, from their row",
            at("/api/timeline/stream"),
            UNKNOWN_ROW,
            nobody=NOWHERE,
            headers=lambda theirs, scene: {"Last-Event-ID": str(theirs.span.id)},
        ),
    ),
    ("GET", "/api/timeline/{identity}"): READING_EVENTS,
    ("POST", "/api/timeline"): (
        # What pods may post is in test_rights_of_pods
        Way(
            "as a person",
            at("/api/timeline"),
            (401, "token_unknown"),
            lambda theirs, scene: {"data": resource(theirs.ended)},
        ),
    ),
    ("GET", "/api/run"): of_list("run", "run", by_row=True),
    ("GET", "/api/run/{identity}"): READING_RUNS,
    ("GET", "/meta"): (Way(ANYBODY, at("/meta?query=column_types"), SHOWN),),
    ("GET", "/healthz"): (Way(ANYBODY, at("/healthz"), SHOWN),),
    ("GET", "/readyz"): (Way(ANYBODY, at("/readyz"), SHOWN),),
    ("GET", "/docs"): (Way(ANYBODY, at("/docs"), SHOWN),),
    ("GET", "/docs/page.js"): (Way(ANYBODY, at("/docs/page.js"), SHOWN),),
    ("GET", "/docs/page.css"): (Way(ANYBODY, at("/docs/page.css"), SHOWN),),
    ("GET", "/openapi.json"): (Way(ANYBODY, at("/openapi.json"), SHOWN),),
}


@pytest.fixture(scope="module")
def scene(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with two_people(world, tmp_path_factory.mktemp("people")) as made:
        yield made


def test_every_route_has_its_ways(scene: Scene) -> None:
    """HEAD goes with GET: it is tried beside it."""
    served = {
        (method, re.sub(r":\w+\}", "}", route.path))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, Route)
        for method in route.methods or ()
    }
    described = {
        (method.upper(), path)
        for path, methods in scene.api.http.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    ours = set(WAYS) | {("HEAD", path) for method, path in WAYS if method == "GET"}
    assert (served | described) - ours == set()
    assert set(WAYS) - served == {("GET", "/openapi.json")}


def ask(scene: Scene, method: str, way: Way, theirs: Person, bearer: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {bearer}", **way.headers(theirs, scene)}
    sent = None if way.body is None else way.body(theirs, scene)
    return scene.api.http.request(method, way.path(theirs, scene), headers=headers, json=sent)


def said(response: httpx.Response) -> Answer:
    errors = response.json().get("errors") if response.status_code >= 400 else None
    return response.status_code, errors[0]["code"] if errors else ""


CASES = [(method, path, way) for (method, path), ways in WAYS.items() for way in ways]


@pytest.mark.parametrize(("method", "path", "way"), CASES, ids=[f"{m} {p}: {way.name}" for m, p, way in CASES])
def test_no_way_leads_to_what_is_the_others(scene: Scene, method: str, path: str, way: Way) -> None:
    for mine, theirs in scene.pairs():
        before = as_it_was(scene, theirs)
        for bearer, answer in (
            (mine.token, way.answer),
            (mine.reads, way.answer),
            (scene.nobody, way.nobody or way.answer),
        ):
            response = ask(scene, method, way, theirs, bearer)
            assert said(response) == answer
            assert told_of(theirs, response) == set()
            if way.as_absent and answer == way.answer:
                assert anonymous(response) == anonymous(ask_for_nothing(scene, method, way, bearer))
            if method == "GET" and "stream" not in path and way.name != ANYBODY:
                head = ask(scene, "HEAD", way, theirs, bearer)
                assert (head.status_code, head.headers.get("content-length")) == (
                    response.status_code,
                    response.headers.get("content-length"),
                )
        assert as_it_was(scene, theirs) == before
        if way.owner:
            own = ask(scene, method, way, theirs, theirs.token)
            assert own.status_code == way.owner
            assert told_of(theirs, own) or method == "POST", "the request finds what it is after"


def ask_for_nothing(scene: Scene, method: str, way: Way, bearer: str) -> httpx.Response:
    """Ask for an id that nothing has."""
    identity = uuid4()
    sought = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
    theirs = scene.right
    sent = None if way.body is None else way.body(theirs, scene)
    if sent is not None and "data" in sent and "id" in sent["data"]:
        sent["data"]["id"] = str(identity)
    path = sought.sub(str(identity), way.path(theirs, scene))
    return scene.api.http.request(method, path, headers={"Authorization": f"Bearer {bearer}"}, json=sent)


def anonymous(response: httpx.Response) -> str:
    """Return the answer without the ids that were asked for."""
    return re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", response.text)
