"""What can befall the way to PostgreSQL, and a start before it is there: 503 in a bounded time, and on again without a
restart."""

import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cronwright_api.store.database import CLOSE_SECONDS, WRITE_SECONDS
from support.cluster import wait_for
from support.postgres import PASSWORD, Postgres
from support.proxy import Proxy

from .conftest import World
from .events import start
from .people import kubeconfig_as, token
from .posters import check, posting, resource, settings
from .program import run
from .served import Served

ANSWER_SECONDS = WRITE_SECONDS + CLOSE_SECONDS + 2
"""Within what time each request is answered whatever the server does, with something for a machine that does much
else."""


@pytest.fixture
def kubeconfig(world: World, tmp_path: Path) -> Path:
    return kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))


Vanishing = Callable[[Proxy], AbstractContextManager[None]]


@contextmanager
def hanging(way: Proxy) -> Iterator[None]:
    """Everything is taken and nothing answered, as by a server whose disk hangs."""
    with way.silent():
        yield


@contextmanager
def unreachable(way: Proxy) -> Iterator[None]:
    """Packets are lost on the way there, and nobody says so, as where a machine or a network is gone."""
    rule = ["INPUT", "-i", "lo", "-p", "tcp", "--dport", str(way.port), "-j", "DROP"]
    subprocess.run(["iptables", "-w", "-I", *rule], check=True)
    try:
        yield
    finally:
        subprocess.run(["iptables", "-w", "-D", *rule], check=True)


@pytest.mark.parametrize("vanished", [hanging, unreachable])
def test_a_server_that_vanishes_without_a_word(
    world: World, kubeconfig: Path, tmp_path: Path, vanished: Vanishing
) -> None:
    with Postgres() as server, Proxy("127.0.0.1", server.port) as way:
        url = server.database().replace(f":{server.port}/", f":{way.port}/")
        with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
            with posting(api, world) as posters:
                posters[0].wait_for_more()
                with vanished(way), ThreadPoolExecutor(4) as callers:

                    def timed(path: str) -> tuple[httpx.Response, float]:
                        began = time.monotonic()
                        headers = {"Authorization": f"Bearer {world.reads_all}"}
                        return httpx.get(api.url + path, headers=headers, timeout=60), time.monotonic() - began

                    refused = len(posters[0].refused)
                    paths = ("/api/timeline", "/api/run", "/readyz", "/healthz")
                    (timeline, *_), (runs, *_), (ready, *_), (health, moment) = answers = list(
                        callers.map(timed, paths)
                    )
                    assert max(seconds for _, seconds in answers) < ANSWER_SECONDS
                    for response in (timeline, runs):
                        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
                    assert (ready.status_code, ready.json()["checks"][0]["ok"]) == (503, False)
                    assert (health.status_code, moment < 2) == (200, True)
                    wait_for("a refusal", lambda: len(posters[0].refused) > refused)
                posters[0].wait_for_more()
                wait_for("the API to be ready", lambda: api.http.get("/readyz").status_code == 200)
            check(api, world, posters)


# The start


def test_a_start_before_the_database_waits_for_it(world: World, kubeconfig: Path, tmp_path: Path) -> None:
    with Postgres() as server:
        url = server.database()
        server.stop()
        with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
            assert api.http.get("/healthz").status_code == 200
            ready = api.http.get("/readyz")
            store = ready.json()["checks"][0]
            assert (ready.status_code, store["name"], store["ok"]) == (503, "store", False)
            assert store["problem"].startswith("the store can't be used: ")
            assert api.get("/api/timeline", "abc").status_code == 401, "who asks comes first, as ever"
            for response in (
                api.get("/api/timeline", world.reads_all),
                api.get("/api/run", world.reads_all),
                api.post(world.operator, resource(start(namespace=world.home))),
                api.get("/api/timeline/stream", world.reads_all),
            ):
                assert (response.status_code, response.headers["retry-after"]) == (503, "5")
                assert response.json()["errors"][0]["code"] == "store_unavailable"
            assert api.get("/api/task", world.reads_all).status_code == 200, "Tasks are not in it"
            assert api.log.count('"waiting for the store"') >= 1
            server.start()
            wait_for("the API to be ready", lambda: api.http.get("/readyz").status_code == 200)
            assert api.post(world.operator, resource(start(namespace=world.home))).status_code == 201
            assert api.get("/api/timeline", world.reads_all).json()["meta"]["total"] == 1
            assert '"the store is there"' in api.log
            assert PASSWORD not in api.log


def test_a_stop_while_it_waits_ends_in_time(world: World, kubeconfig: Path, tmp_path: Path) -> None:
    with Served(tmp_path, kubeconfig, **settings(world, "postgresql://u:p@127.0.0.1:9/none")) as api:
        code, seconds = api.stop()
        assert (code, seconds < 5) == (0, True)


def test_what_waiting_does_not_mend_ends_the_start(world: World, kubeconfig: Path, postgresql_url: str) -> None:
    own: dict[str, Any] = {"listen_port": "0", "metrics_port": "0"}
    ended = run("serve", database_url="postgresql://u:no-secret@127.0.0.1:x/y", **own)
    assert (ended.returncode, "the database's address can't be used" in ended.stderr) == (1, True)
    assert "no-secret" not in ended.stderr


def test_a_database_of_a_newer_release_that_comes_late_ends_the_process_with_a_sentence(
    world: World, kubeconfig: Path, tmp_path: Path
) -> None:
    with Postgres() as server:
        url = server.database()
        assert run("migrate", database_url=url).returncode == 0
        name = url.rpartition("/")[2]
        server.program("psql", "--dbname", name, "--command", "UPDATE alembic_version SET version_num = '9999'")
        server.stop()
        with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
            server.start()
            assert api.wait() == 1
            assert "the database is at step 9999, unknown to this release" in api.log.splitlines()[-1]
