"""Clients that send slowly, break off or do not read: nobody else waits for them, and nothing of what they did not
finish is stored."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from support.cluster import tasks_path, wait_for

from .conftest import World
from .events import start
from .people import kubeconfig_as, token
from .posters import check, posting, resource, settings
from .served import MEDIA_TYPE, Served
from .tasks import LEAST, document, make, name, ok

MANY = 100
LARGE: dict[str, Any] = {"log_tail": "x" * 8000, "payload": {"p": "y" * 50_000}}


@pytest.fixture(scope="module")
def api(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("clients")
    kubeconfig = kubeconfig_as(world.cluster, folder / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(folder, kubeconfig, **settings(world, f"sqlite:///{folder / 'timeline.db'}")) as served:
        yield served


@contextmanager
def connected(api: Served) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", api.port)) as connection:
        yield connection


def head(method: str, path: str, bearer: str, *lines: str) -> bytes:
    first = (f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {bearer}")
    return "\r\n".join([*first, f"Content-Type: {MEDIA_TYPE}", *lines, "", ""]).encode()


def metric(api: Served, line: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{api.metrics_port}/metrics", timeout=30).text
    return sum(float(row.rpartition(" ")[2]) for row in text.splitlines() if row.startswith(line))


def rows(api: Served, world: World) -> int:
    return int(ok(api.get("/api/timeline?page[size]=1", world.reads_all))["meta"]["total"])


def posts(world: World) -> dict[str, tuple[str, str, str, Any]]:
    """Return requests with a body: method, path, token and document."""
    task = make(world.api, world.writes_left, world.left, label="before")
    path = f"/api/task/{task['id']}"
    wanted = LEAST | {"name": name(), "namespace": world.left}
    return {
        "events": ("POST", "/api/timeline", world.operator, {"data": resource(start(run_id=uuid4()))}),
        "a Task": ("POST", "/api/task", world.writes_left, document(wanted)),
        "a change": ("PATCH", path, world.writes_left, document({"label": "after"}, task["id"])),
        "a run": ("POST", f"{path}/run", world.writes_left, {"attributes": {"days": 7}}),
        "a deletion": ("DELETE", path, world.writes_left, {"data": {"type": "task", "id": task["id"]}}),
    }


@pytest.mark.parametrize("chunked", [False, True], ids=["with a length", "in chunks"])
def test_a_body_that_is_cut_off_does_nothing(world: World, api: Served, chunked: bool) -> None:
    before = rows(api, world)
    for method, path, bearer, body in posts(world).values():
        sent = json.dumps(body).encode()
        names = {one["metadata"]["name"] for one in world.cluster.items(tasks_path(world.left))}
        with connected(api) as connection:
            # All of the document, so that only its end is missing
            if chunked:
                lines, cut = ("Transfer-Encoding: chunked",), f"{len(sent):x}\r\n".encode() + sent + b"\r\n"
            else:
                lines, cut = (f"Content-Length: {len(sent) + 1}",), sent
            connection.sendall(head(method, path, bearer, *lines) + cut)
        # What the connection's end brought about has been dealt with once another request has
        task = [path.split("/")[3]] if path.count("/") > 2 else []
        assert {one["metadata"]["name"] for one in world.cluster.items(tasks_path(world.left))} == names
        for identity in task:
            shown = ok(api.get(f"/api/task/{identity}", world.writes_left))["data"]["attributes"]
            assert shown["label"] == "before"
            manifest = world.cluster.get(tasks_path(world.left, shown["name"]))
            assert not manifest["metadata"].get("annotations")
    assert rows(api, world) == before
    assert metric(api, 'cronwright_api_requests_total{method="POST",route="/api/timeline",status="400"}') > 0
    assert '"status":500' not in api.log.replace(" ", "")
    assert "Traceback" not in api.log


def test_nobody_waits_for_those_who_send_slowly(world: World, api: Served) -> None:
    sent = json.dumps({"data": resource(start(run_id=uuid4(), namespace=world.home))}).encode()
    lines = head("POST", "/api/timeline", world.operator, f"Content-Length: {len(sent)}")
    with ExitStack() as stack:
        slow = [stack.enter_context(connected(api)) for _ in range(MANY)]
        for number, connection in enumerate(slow):
            # Some are in the middle of the head, some of the body
            connection.sendall(lines[:-2] if number % 2 else lines + sent[:-1])
        with posting(api, world) as posters:
            posters[0].wait_for_more()
        assert not posters[0].refused
        assert api.http.get("/readyz").status_code == 200
        before = rows(api, world)
        # They are taken all the same, once they have come to their end
        for number, connection in enumerate(slow):
            connection.sendall(b"\r\n" + sent if number % 2 else sent[-1:])
        for connection in slow:
            assert connection.recv(12) == b"HTTP/1.1 201"
        assert rows(api, world) == before + 1, "it was the same event, a hundred times"


def test_nobody_waits_for_those_who_do_not_read(world: World, api: Served) -> None:
    for _ in range(4):
        large = [resource(start(run_id=uuid4(), namespace=world.home, **LARGE)) for _ in range(15)]
        ok(api.post(world.operator, large), 201)
    page = head("GET", "/api/timeline?page[size]=60&sort=-log_tail", world.reads_all)
    with ExitStack() as stack:
        for _ in range(MANY // 4):
            connection = stack.enter_context(connected(api))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(page)
        with posting(api, world) as posters:
            posters[0].wait_for_more()
            assert api.get("/api/run", world.reads_all).status_code == 200
        assert not posters[0].refused
        assert api.http.get("/readyz").status_code == 200


def test_a_stop_does_not_wait_for_slow_clients_for_long(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig, **settings(world, f"sqlite:///{tmp_path / 'timeline.db'}")) as served:
        with connected(served) as connection, connected(served) as other:
            connection.sendall(head("POST", "/api/timeline", world.operator, "Content-Length: 1000") + b"{")
            other.sendall(b"GET /api/run HTTP/1.1\r\nHost:")
            with posting(served, world) as posters:
                posters[0].wait_for_more()
            code, seconds = served.stop()
        assert (code, seconds < 15) == (0, True)
        served.start()
        check(served, world, posters)
        wait_for("the API to be ready", lambda: served.http.get("/readyz").status_code == 200)
