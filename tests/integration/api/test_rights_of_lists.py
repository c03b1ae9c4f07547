"""Lists of one person, asked in every way that lists take: by each column and operator, sorted by each column,
filtered, paged and counted, none shows or counts what is another's."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from cronwright.timeline.query import Operator
from support.cluster import tasks_path

from .conftest import World
from .events import start
from .posters import resource
from .tasks import error, make, ok
from .two_people import Person, Scene, place, told_of, two_people

COLLECTIONS = ("task", "timeline", "run")
MOST = "page[size]=500"
BEYOND_COUNTING = 10_001
A_POST = 1_000


@pytest.fixture(scope="module")
def scene(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with two_people(world, tmp_path_factory.mktemp("people")) as made:
        # So that there is a second page of Tasks, too
        for person in (made.left, made.right):
            make(made.api, person.token, person.namespace, label="another")
        yield made


def rows_of(scene: Scene, collection: str, person: Person) -> Mapping[str, Any]:
    """Return what there is of a person's, by the word of someone who sees everything."""
    path = f"/api/{collection}?filter[namespace]={person.namespace}&{MOST}"
    return {row["id"]: row["attributes"] for row in ok(scene.api.get(path, scene.world.reads_all))["data"]}


def listed(scene: Scene, collection: str, mine: Person, theirs: Person, parameters: str) -> list[str]:
    """Return the ids of a list that `mine` asks for, once nothing in it tells of `theirs`."""
    response = scene.api.get(f"/api/{collection}?{parameters}", mine.reads)
    page = ok(response)
    assert told_of(theirs, response) == set()
    assert {row["attributes"].get("namespace", mine.namespace) for row in page["data"]} <= {mine.namespace}
    return [row["id"] for row in page["data"]]


def columns(scene: Scene, collection: str) -> Mapping[str, str]:
    """Return the columns that can be asked for, with the kind of each."""
    told = ok(scene.api.http.get("/meta?query=column_types"))[collection]
    return {name: column["type"] for name, column in told.items() if column["can_be_asked_for"]}


@pytest.mark.parametrize("operator", Operator)
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_no_condition_finds_theirs(scene: Scene, collection: str, operator: Operator) -> None:
    mine, theirs = scene.left, scene.right
    own, others = rows_of(scene, collection, mine), rows_of(scene, collection, theirs)
    sought = next({"id": identity, **attributes} for identity, attributes in others.items())
    found: set[str] = set()
    for column, kind in columns(scene, collection).items():
        value = sought.get(column)
        if operator is Operator.LESS_THAN and kind == "text" and value is not None:
            value += "~"
        listed_values = operator in (Operator.IN, Operator.NOT_IN)
        if listed_values and value is None:
            continue
        condition = {"column": column, "operator": operator.value, "value": [value] if listed_values else value}
        parameters = f"{MOST}&query={quote(json.dumps([condition]))}"
        everything = scene.api.get(f"/api/{collection}?{parameters}", scene.world.reads_all)
        if everything.status_code == 400:
            # The operator does not go with the column, or not with a value that is unset
            assert scene.api.get(f"/api/{collection}?{parameters}", mine.reads).status_code == 400
            continue
        page = ok(scene.api.get(f"/api/{collection}?{parameters}", mine.reads))
        shown = listed(scene, collection, mine, theirs, parameters)
        assert set(shown) <= set(own)
        assert page["meta"]["total"] == len(shown)
        assert page["links"]["total"] == str(len(shown))
        found |= {row["id"] for row in ok(everything)["data"]} & set(others)
    assert found or operator in (Operator.IS_FALSE, Operator.IS_TRUE), "there is something to be hidden"


@pytest.mark.parametrize("direction", ["", "-"])
@pytest.mark.parametrize("collection", COLLECTIONS)
def test_no_order_brings_theirs_in(scene: Scene, collection: str, direction: str) -> None:
    for mine, theirs in scene.pairs():
        own = rows_of(scene, collection, mine)
        for column in columns(scene, collection):
            assert sorted(listed(scene, collection, mine, theirs, f"{MOST}&sort={direction}{column}")) == sorted(own)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_no_filter_finds_theirs(scene: Scene, collection: str) -> None:
    for mine, theirs in scene.pairs():
        own = rows_of(scene, collection, mine)
        identity, sought = next(iter(rows_of(scene, collection, theirs).items()))
        for column in columns(scene, collection):
            value = {"id": identity, **sought}.get(column)
            if column == "namespace" or value is None:
                continue
            written = str(value).lower() if isinstance(value, bool) else str(value)
            shown = listed(scene, collection, mine, theirs, f"{MOST}&filter[{column}]={quote(written)}")
            assert set(shown) <= set(own)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_links_lead_through_ones_own_and_nothing_else(scene: Scene, collection: str) -> None:
    for mine, theirs in scene.pairs():
        own = rows_of(scene, collection, mine)
        for first in (f"{MOST.replace('500', '1')}&sort=created_at", f"{MOST.replace('500', '1')}&sort=-created_at"):
            path, seen = f"/api/{collection}?{first}", []
            while path:
                response = scene.api.get(path, mine.reads)
                page = ok(response)
                assert told_of(theirs, response) == set()
                assert page["meta"]["total"] == len(own)
                assert page["links"]["last_page"] == str(len(own))
                seen += [row["id"] for row in page["data"]]
                path = (page["links"]["next"] or "").removeprefix(scene.api.url)
            assert sorted(seen) == sorted(own)
            last = ok(scene.api.get(page["links"]["last"].removeprefix(scene.api.url), mine.reads))
            assert {row["id"] for row in last["data"]} <= set(own)


def test_a_place_of_theirs_is_as_good_as_any_of_that_time(scene: Scene) -> None:
    """It says when something happened, as who asks knows already, and nothing of what."""
    for mine, theirs in scene.pairs():
        at = place(theirs, scene)
        made_up = f"{uuid4()}@{at.partition('@')[2]}"
        for side in ("after", "before"):
            paths = [f"/api/timeline?sort=created_at&page[{side}]={quote(one)}&{MOST}" for one in (at, made_up)]
            known, unknown = (scene.api.get(path, mine.reads) for path in paths)
            assert ok(known)["data"] == ok(unknown)["data"]
            assert ok(known)["meta"] == ok(unknown)["meta"]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_who_may_list_nowhere_gets_no_list(scene: Scene, collection: str) -> None:
    for parameters in ("", f"?{MOST}", "?query=[]", "?sort=title" if collection != "task" else "?sort=name"):
        assert error(scene.api.get(f"/api/{collection}{parameters}", scene.nobody), 403)["code"] == "list_forbidden"


def test_the_number_of_tasks_is_that_of_ones_own(scene: Scene) -> None:
    for mine, theirs in scene.pairs():
        own = len(scene.world.cluster.items(tasks_path(mine.namespace)))
        everything = ok(scene.api.get("/api/task?page[size]=1", scene.world.reads_all))["meta"]["total"]
        others = len(scene.world.cluster.items(tasks_path(theirs.namespace)))
        assert ok(scene.api.get("/api/task?page[size]=1", mine.reads))["meta"]["total"] == own
        assert everything >= own + others


def test_a_count_beyond_what_is_counted_does_not_shine_through(scene: Scene) -> None:
    """Whoever has few rows beside another's many is told the few, exactly, and that there are no more pages."""
    mine, theirs = scene.left, scene.right
    for number in range(0, BEYOND_COUNTING, A_POST):
        posted = [resource(start(n, namespace=theirs.namespace)) for n in range(number, number + A_POST)]
        ok(scene.api.post(scene.world.operator, posted), 201)
    for collection in ("timeline", "run"):
        own = rows_of(scene, collection, mine)
        page = ok(scene.api.get(f"/api/{collection}?{MOST}", mine.reads))
        assert (page["meta"]["total"], page["meta"]["last_page"], page["links"]["next"]) == (len(own), 1, None)
        assert "total_at_least" not in page["meta"]
        beyond = ok(scene.api.get(f"/api/{collection}?page[size]=1", theirs.reads))
        assert (beyond["meta"]["total_at_least"], "total" in beyond["meta"]) == (BEYOND_COUNTING - 1, False)
