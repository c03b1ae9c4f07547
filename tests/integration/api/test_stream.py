"""The stream: what is stored is told, to whom may list it, once and in order, over restarts and replicas."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.span import Span, dump_span
from support.cluster import wait_for

from .conftest import World
from .events import end, span, start
from .listener import Listening, refused
from .people import LIST_TASKS, account, allow, kubeconfig_as, token
from .served import Served


def resource(one: Event | Span) -> dict[str, Any]:
    attributes = dump_event(one) if isinstance(one, Event) else dump_span(one)
    return {"type": "timeline", "attributes": attributes}


def post(world: World, *posted: Event | Span, api: Served | None = None) -> None:
    response = (api or world.api).post(world.operator, [resource(one) for one in posted])
    assert response.status_code == 201, response.text


def run(world: World, title: str, namespace: str | None = None, **changes: Any) -> Event:
    return start(title=title, run_id=uuid4(), namespace=namespace or world.home, **changes)


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> dict[str, Any]:
    """What an API of the test's own is started with, by database."""
    own = {"operator_account": f"system:serviceaccount:{world.home}:operator"}
    if request.param == "sqlite":
        return own | {"database_url": f"sqlite:///{tmp_path / 'timeline.db'}"}
    return own | {"database_url": request.getfixturevalue("postgresql_url")}


@pytest.fixture
def kubeconfig(world: World, tmp_path: Path) -> Path:
    return kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))


# What is told


def test_what_is_stored_is_told_as_a_read_would_show_it(world: World) -> None:
    post(world, run(world, "before"))
    with Listening(world.api, world.reads_all) as listening:
        first = run(world, "first")
        post(world, first, run(world, "second"))
        heard = next(iter(listening))
        assert (heard.name, heard.document) == (
            "",
            world.api.get(f"/api/timeline/{first.id}", world.reads_all).json(),
        )
        assert heard.id == f"{first.id}@{heard.document['data']['attributes']['created_at']}"
        assert listening.titles(1) == ["second"]
    behind = world.api.get(f"/api/timeline?sort=created_at&page[after]={quote(heard.id)}", world.reads_all).json()
    assert behind["data"][0]["attributes"]["title"] == "second"


def test_query_filter_and_fields_choose_as_in_a_list(world: World) -> None:
    conditions = quote(json.dumps([{"column": "title", "operator": "like", "value": "w_nted%"}]))
    query = f"?query={conditions}&filter[kind]=end&filter[namespace]={world.home}&fields[timeline]=title,outcome"
    with Listening(world.api, world.reads_all, query) as listening:
        wanted = run(world, "wanted 1")
        post(world, run(world, "other"), wanted, run(world, "wanted elsewhere", world.left))
        post(world, end(run_id=wanted.run_id, title="wanted 2", namespace=world.home, pod_uid=wanted.pod_uid))
        heard = next(iter(listening))
        assert heard.document["data"]["attributes"] == {"title": "wanted 2", "outcome": "succeeded"}


def test_a_span_that_has_changed_is_told_again(world: World) -> None:
    uid = str(uuid4())
    with Listening(world.api, world.reads_all, f"?filter[task_uid]={uid}") as listening:
        post(world, span(1, 3, namespace=world.home, task_uid=uid))
        post(world, span(1, 5, namespace=world.home, task_uid=uid))
        one, other = next(iter(listening)), next(iter(listening))
    counts = [heard.document["data"]["attributes"]["count"] for heard in (one, other)]
    assert (counts, one.document["data"]["id"] == other.document["data"]["id"], one.id != other.id) == (
        [3, 5],
        True,
        True,
    )


# To whom


def test_only_what_a_list_would_show_is_told(world: World) -> None:
    post(world, run(world, "before", world.left))
    with Listening(world.api, world.reads_left) as left, Listening(world.api, world.reads_all) as everything:
        post(world, run(world, "1", world.left), run(world, "2", world.right), run(world, "3", world.left))
        assert (everything.titles(3), left.titles(2)) == (["1", "2", "3"], ["1", "3"])


def test_a_place_in_what_may_not_be_seen_tells_nothing(world: World) -> None:
    hidden, shown = run(world, "hidden", world.right), run(world, "shown", world.left)
    post(world, hidden)
    row = world.api.get(f"/api/timeline/{hidden.id}", world.reads_all).json()["data"]["attributes"]
    post(world, shown)
    assert refused(world.api, world.reads_left, f"?page[after]={hidden.id}") == (400, "page_unknown")
    assert refused(world.api, world.reads_left, f"?page[after]={uuid4()}") == (400, "page_unknown")
    with Listening(world.api, world.reads_left, last=f"{hidden.id}@{row['created_at']}") as listening:
        assert listening.titles(1) == ["shown"]


def test_a_stream_begins_at_no_row_that_may_not_be_seen(world: World) -> None:
    seen, hidden = run(world, "seen", world.left), run(world, "hidden", world.right)
    post(world, seen)
    post(world, hidden)
    with Listening(world.api, world.reads_left) as listening:
        assert listening.last.startswith(f"{seen.id}@")


def test_who_may_list_nothing_hears_nothing(world: World) -> None:
    post(world, run(world, "any", world.left))
    assert refused(world.api, world.reads_none) == (403, "list_forbidden")
    assert refused(world.api, world.reads_left, f"?filter[namespace]={world.right}") == (403, "namespace_forbidden")
    assert refused(world.api, "abc") == (401, "token_unknown")
    assert world.api.http.get("/api/timeline/stream").status_code == 401


def test_a_right_that_is_taken_away_ends_what_is_told(world: World) -> None:
    account(world.cluster, world.home, "for-a-while")
    role = allow(world.cluster, world.home, "for-a-while", LIST_TASKS, where=world.left)
    bearer = token(world.cluster, world.home, "for-a-while")
    with Listening(world.api, bearer, f"?filter[namespace]={world.left}") as listening:
        post(world, run(world, "while it may", world.left))
        assert listening.titles(1) == ["while it may"]
        world.cluster.delete(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{world.left}/rolebindings/{role}")
        wait_for(
            "the right to be gone from lists",
            lambda: world.api.get(f"/api/timeline?filter[namespace]={world.left}", bearer).status_code == 403,
        )
        post(world, run(world, "when it may not", world.left))
        heard = next(iter(listening))
        assert (heard.name, heard.document["errors"][0]["code"]) == ("problem", "namespace_forbidden")
        assert list(listening) == []


# Once, and in order


def test_who_comes_again_hears_what_lies_between_and_nothing_twice(
    world: World, kubeconfig: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    with Served(tmp_path, kubeconfig, **settings) as api:
        with Listening(api, world.reads_all) as listening:
            post(world, *(run(world, str(number)) for number in range(5)), api=api)
            assert listening.titles(3) == ["0", "1", "2"]
            last = listening.last
        post(world, run(world, "5"), api=api)
        api.kill()
        api.start()
        with Listening(api, world.reads_all, last=last) as listening:
            assert listening.titles(3) == ["3", "4", "5"]
            post(world, run(world, "6"), api=api)
            assert listening.titles(1) == ["6"]


def test_who_heard_nothing_yet_comes_again_to_where_it_was(
    world: World, kubeconfig: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    with Served(tmp_path, kubeconfig, **settings) as api:
        lasts = []
        for title in ("first", "second"):
            with Listening(api, world.reads_all) as listening:
                lasts.append(listening.last)
            post(world, run(world, title), api=api)
        heard = []
        for last in lasts:
            with Listening(api, world.reads_all, last=last) as listening:
                heard.append(listening.titles(2 if last == lasts[0] else 1))
        assert heard == [["first", "second"], ["second"]]


def test_a_span_that_moves_leaves_its_place_behind(
    world: World, kubeconfig: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    with Served(tmp_path, kubeconfig, **settings) as api:
        with Listening(api, world.reads_all) as listening:
            post(world, run(world, "0"), span(1, 3, namespace=world.home), run(world, "1"), api=api)
            assert listening.titles(3) == ["0", "1", "backup"]
            last = listening.last
        post(world, run(world, "2"), span(1, 5, namespace=world.home), run(world, "3"), api=api)
        with Listening(api, world.reads_all, last=last) as listening:
            assert listening.titles(3) == ["2", "3", "backup"]


def test_replicas_tell_what_the_others_store(
    world: World, kubeconfig: Path, postgresql_url: str, tmp_path: Path
) -> None:
    settings = {"operator_account": f"system:serviceaccount:{world.home}:operator", "database_url": postgresql_url}
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    with Served(folders[0], kubeconfig, **settings) as one, Served(folders[1], kubeconfig, **settings) as other:
        with Listening(one, world.reads_all) as listening:
            for number in range(10):
                post(world, run(world, str(number)), api=(one, other)[number % 2])
            assert listening.titles(6) == [str(number) for number in range(6)]
            last = listening.last
        with Listening(other, world.reads_all, last=last) as listening:
            assert listening.titles(4) == ["6", "7", "8", "9"]


def test_more_than_a_batch_that_was_missed_comes_in_order(world: World) -> None:
    with Listening(world.api, world.reads_all, f"?filter[namespace]={world.home}") as listening:
        last = listening.last
    for hundred in range(12):
        post(world, *(run(world, str(100 * hundred + number)) for number in range(100)))
    with Listening(world.api, world.reads_all, f"?filter[namespace]={world.home}", last) as listening:
        assert listening.titles(1200) == [str(number) for number in range(1200)]


# The command line


def test_the_command_line_asks_when_the_stream_has_something_to_tell(
    world: World, kubeconfig: Path, settings: dict[str, Any], tmp_path: Path
) -> None:
    program = str(Path(sys.executable).with_name("kubectl-cronwright"))
    with Served(tmp_path, kubeconfig, **settings) as api:
        post(world, run(world, "0"), api=api)
        command = [program, "timeline", "-f", "--all-namespaces", "--output", "json", "--url", api.url]
        following = subprocess.Popen(
            command, env=os.environ | {"CRONWRIGHT_TOKEN": world.reads_all}, stdout=subprocess.PIPE, text=True
        )
        assert following.stdout is not None
        shown = (json.loads(line)["title"] for line in following.stdout)
        try:
            assert next(shown) == "0"
            wait_for("the listener", lambda: metric(api, "cronwright_stream_listeners") == 1)
            for number in range(1, 4):
                post(world, run(world, str(number)), api=api)
                assert next(shown) == str(number)
            asked = api.log.count('"/api/run"')
            api.kill()
            api.start()
            wait_for("the listener to come again", lambda: metric(api, "cronwright_stream_listeners") == 1)
            post(world, run(world, "4"), api=api)
            assert next(shown) == "4"
        finally:
            following.kill()
            following.wait()
            following.stdout.close()
        # The first question, one when the stream begins, and one for each event: polling would ask every second
        assert asked < 12


# Who is slow, and who stops


def metric(api: Served, name: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{api.metrics_port}/metrics").text
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))


@pytest.fixture
def stuck(world: World) -> Iterator[socket.socket]:
    """A listener that never reads."""
    with socket.create_connection(("127.0.0.1", world.api.port)) as connection:
        lines = ("GET /api/timeline/stream HTTP/1.1", "Host: localhost", f"Authorization: Bearer {world.reads_all}")
        head = "\r\n".join([*lines, "", ""])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(head.encode())
        yield connection


def test_who_does_not_read_is_dropped_and_nobody_else_waits(world: World, stuck: socket.socket) -> None:
    wait_for("the listener", lambda: metric(world.api, "cronwright_stream_listeners") >= 1)
    dropped = metric(world.api, "cronwright_stream_dropped_total")
    with Listening(world.api, world.reads_all, "?fields[timeline]=title") as listening:
        for number in range(20):
            post(world, *(run(world, str(number), log_tail="x" * 8000, payload={"p": "y" * 60_000}) for _ in range(10)))
            assert listening.titles(10) == [str(number)] * 10
        wait_for("the drop", lambda: metric(world.api, "cronwright_stream_dropped_total") == dropped + 1)
        post(world, run(world, "still there"))
        assert listening.titles(1) == ["still there"]


def test_a_stop_ends_streams_at_once(world: World, kubeconfig: Path, settings: dict[str, Any], tmp_path: Path) -> None:
    with Served(tmp_path, kubeconfig, **settings) as api, Listening(api, world.reads_all) as listening:
        code, seconds = api.stop()
        assert (code, list(listening)) == (0, [])
        assert seconds < 5


@pytest.mark.parametrize(
    ("query", "headers", "expected"),
    [
        ("?sort=created_at", {}, (400, "parameter_unknown")),
        ("?page[size]=5", {}, (400, "parameter_unknown")),
        ("?page[before]=x", {}, (400, "parameter_unknown")),
        ("?nope=1", {}, (400, "parameter_unknown")),
        ("?page[after]=x", {}, (400, "page_invalid")),
        ("", {"Last-Event-ID": "x"}, (400, "page_invalid")),
        ("?query=[{}]", {}, (400, "query_invalid")),
        ("", {"Accept": "application/json"}, (406, "not_acceptable")),
    ],
)
def test_what_a_stream_does_not_take(
    world: World, query: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert refused(world.api, world.reads_all, query, **headers) == expected
