"""Rights to Tasks, as Kubernetes' own RBAC gives them: what is made, read and written where, and when a right ends.

That neither of two people gets at what is the other's by any route is in `test_rights_of_routes` and its siblings.
"""

from typing import Any
from uuid import uuid4

import pytest

from support.cluster import tasks_path

from .conftest import World
from .people import WRITE_TASKS, account, allow, token
from .tasks import LEAST, document, error, make, name, ok


@pytest.fixture(scope="module")
def theirs(world: World) -> Any:
    """A Task of the other person, in `right`, with a name and a label that nobody else has."""
    return make(world.api, world.writes_right, world.right, name=name(), label=f"secret {uuid4().hex}")


@pytest.fixture(scope="module")
def mine(world: World) -> Any:
    """A Task in `left`."""
    return make(world.api, world.writes_left, world.left, label="mine")


def test_a_namespace_of_theirs_asked_for_is_403(world: World, theirs: Any) -> None:
    found = error(world.api.get(f"/api/task?filter[namespace]={world.right}", world.writes_left), 403)
    assert found["source"] == {"parameter": "filter[namespace]"}
    for none in ("nowhere", "x" * 5000, "../x"):
        nowhere = error(world.api.get(f"/api/task?filter[namespace]={none}", world.writes_left), 403)
        assert nowhere["code"] == found["code"], "whether a namespace is there is not told"


def test_nothing_is_made_in_their_namespace(world: World) -> None:
    before = len(world.cluster.items(tasks_path(world.right)))
    for bearer in (world.writes_left, world.reads_all, world.reads_none):
        sent = document(LEAST | {"name": name(), "namespace": world.right})
        found = error(world.api.send("POST", "/api/task", bearer, sent), 403)
        assert found["code"] == "kubernetes_forbids"
        assert "cannot create resource" in found["detail"]
    assert len(world.cluster.items(tasks_path(world.right))) == before


def test_a_preview_asks_for_the_right_to_list_there(world: World, theirs: Any) -> None:
    sent = document({"schedule": "@daily", "namespace": world.right})
    assert error(world.api.send("POST", "/api/task/preview", world.writes_left, sent), 403)
    assert error(world.api.send("POST", "/api/task/preview", world.reads_none, sent), 403)
    ok(world.api.send("POST", "/api/task/preview", world.writes_right, sent))


def test_who_may_read_may_not_write(world: World, mine: Any) -> None:
    path = f"/api/task/{mine['id']}"
    for answer in (
        world.api.send("PATCH", path, world.reads_left, document({"label": "x"}, mine["id"])),
        world.api.send("DELETE", path, world.reads_left),
        world.api.send("POST", f"{path}/run", world.reads_left),
    ):
        assert error(answer, 403)["code"] == "kubernetes_forbids"
    assert ok(world.api.get(path, world.reads_left))["data"]["attributes"]["label"] == "mine"


def test_a_taken_name_does_not_tell_the_id_to_who_may_not_see_it(world: World) -> None:
    """Someone who may create Tasks but not list them learns no more than Kubernetes itself says."""
    maker = f"maker-{uuid4().hex[:6]}"
    account(world.cluster, world.home, maker)
    rules = [WRITE_TASKS[0] | {"verbs": ["create"]}]
    allow(world.cluster, world.home, maker, rules, where=world.right)
    bearer = token(world.cluster, world.home, maker)
    made = make(world.api, world.writes_right, world.right, name=(taken := name()))
    sent = document(LEAST | {"name": taken, "namespace": world.right})
    answer = world.api.send("POST", "/api/task", bearer, sent)
    assert error(answer, 409)["code"] == "name_taken"
    assert made["id"] not in answer.text
    assert made["id"] in world.api.send("POST", "/api/task", world.writes_right, sent).text


def test_a_right_that_ends_ends_here_too_for_what_is_read_by_its_id(world: World) -> None:
    """The answer to who may list is kept for ten seconds; the read itself goes out with the caller's token."""
    leaver = f"leaver-{uuid4().hex[:6]}"
    account(world.cluster, world.home, leaver)
    role = allow(world.cluster, world.home, leaver, WRITE_TASKS, where=world.left)
    bearer = token(world.cluster, world.home, leaver)
    made = make(world.api, bearer, world.left)
    ok(world.api.get(f"/api/task/{made['id']}", bearer))
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{world.left}/rolebindings"
    world.cluster.delete(f"{bindings}/{role}")
    assert world.api.get(f"/api/task/{made['id']}", bearer).status_code == 404
    assert world.api.send("DELETE", f"/api/task/{made['id']}", bearer).status_code == 404


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic YTpi", "Bearer a b"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/task"),
        ("POST", "/api/task"),
        ("POST", "/api/task/preview"),
        ("GET", "/api/task/x"),
        ("PATCH", "/api/task/x"),
        ("DELETE", "/api/task/x"),
        ("POST", "/api/task/x/run"),
    ],
)
def test_401_comes_before_everything_else(world: World, method: str, path: str, header: str | None) -> None:
    headers = {"Accept": "text/html", "Content-Type": "x/y"} | ({} if header is None else {"Authorization": header})
    response = world.api.http.request(method, f"{path}?nope=1", headers=headers, content=b"{")
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith('Bearer realm="cronwright"')
    unknown = world.api.http.request(method, path, headers=headers | {"Authorization": "Bearer abc"}, content=b"{")
    assert (unknown.status_code, unknown.json()["errors"][0]["code"]) == (401, "token_unknown")
