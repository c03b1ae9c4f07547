"""What can befall the Kubernetes API server while events are posted, Tasks listed and the timeline followed: 503 with
Retry-After where nobody can say who asks, no old news for new, and on again without a restart."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from cronwright_api.cluster import REQUEST_TIMEOUT_SECONDS, connect
from cronwright_api.metrics import Metrics
from cronwright_api.tasks.cache import FRESH_SECONDS, TaskCache
from cronwright_api.tasks.watching import WATCH_SECONDS, Watch
from support.cluster import Cluster, task_manifest, tasks_path, wait_for
from support.outage import restart
from support.proxy import Proxy, proxy_to

from .conftest import World
from .listener import Listening
from .people import kubeconfig_as, token
from .posters import check, posting, settings
from .served import Served
from .tasks import name

AWAY = ("kubernetes_unavailable", "tasks_stale")
A_MINUTE = 60
ANSWER_SECONDS = 2 * REQUEST_TIMEOUT_SECONDS + 2
"""A request asks Kubernetes once or twice, and each time waits for so long."""


@pytest.fixture
def proxy(world: World, tmp_path: Path) -> Iterator[Proxy]:
    """The way to the API server."""
    direct = kubeconfig_as(world.cluster, tmp_path / "direct", token(world.cluster, world.home, "api"))
    with proxy_to(direct, tmp_path / "kubeconfig") as way:
        yield way


@pytest.fixture
def api(world: World, proxy: Proxy, tmp_path: Path) -> Iterator[Served]:
    """An API that goes that way."""
    url = f"sqlite:///{tmp_path / 'timeline.db'}"
    with Served(tmp_path, tmp_path / "kubeconfig", **settings(world, url)) as served:
        wait_for("the API to be ready", lambda: is_ready(served))
        yield served


def is_ready(api: Served) -> bool:
    return api.http.get("/readyz").status_code == 200


def checks(api: Served) -> dict[str, Any]:
    return {check["name"]: check for check in api.http.get("/readyz").json()["checks"]}


def refused(api: Served, path: str, bearer: str) -> bool:
    """Whether the answer is a refusal, which must be one that says when to come again."""
    response = api.get(path, bearer)
    if response.status_code == 200:
        return False
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert response.json()["errors"][0]["code"] in AWAY
    return True


def given(api: Served, path: str, bearer: str) -> bool:
    return api.get(path, bearer).status_code == 200


def made(world: World) -> str:
    """Make a Task past this API, once the API server takes it."""
    wanted = name()
    manifest = task_manifest(world.right, wanted, "@yearly", isActive=False)

    def create() -> bool:
        with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):
            world.cluster.create(tasks_path(world.right), manifest)
        with contextlib.suppress(httpx.TransportError, httpx.HTTPStatusError):
            return world.cluster.find(tasks_path(world.right, wanted)) is not None
        return False

    wait_for("the Task to be made", create)
    return wanted


def shows(api: Served, world: World, task: str) -> bool:
    response = api.get(f"/api/task?filter[name]={task}", world.reads_all)
    return response.status_code == 200 and response.json()["meta"]["total"] == 1


READS = ("/api/task", "/api/timeline", "/api/run")


def test_an_api_server_that_is_away(world: World, api: Served, proxy: Proxy) -> None:
    with posting(api, world) as posters, Listening(api, world.reads_all, "?fields[timeline]=title") as listening:
        posters[0].wait_for_more()
        stranger = token(world.cluster, world.home, "reads-all")
        with proxy.away():
            for path in READS:
                assert refused(api, path, stranger), "who asks for the first time can't be known"
            wait_for("refusals of those who are known", lambda: all(refused(api, p, world.reads_all) for p in READS))
            assert checks(api)["kubernetes"]["ok"] is False
            assert api.http.get("/healthz").status_code == 200
            assert api.http.get("/api/run").status_code == 401, "who shows no token is nobody, whoever is away"
            heard = list(listening)
            assert (heard[-1].name, heard[-1].document["errors"][0]["code"]) == ("problem", "kubernetes_unavailable")
        for path in READS:
            wait_for("answers", partial(given, api, path, world.reads_all))
        posters[0].wait_for_more()
        with Listening(api, world.reads_all, "?fields[timeline]=title", listening.last) as again:
            next(iter(again))
        wait_for("the API to be ready", lambda: is_ready(api))
        task = made(world)
        wait_for("a Task that was made afterwards", lambda: shows(api, world, task))
    check(api, world, posters, AWAY)


@pytest.mark.slow
def test_an_api_server_that_is_away_for_a_minute(world: World, api: Served, proxy: Proxy) -> None:
    """What is known of the Tasks is shown for half a minute at most, and its age is told all the while."""
    with posting(api, world) as posters:
        posters[0].wait_for_more()
        with proxy.away():
            task = made(world)
            wait_for("the age", lambda: checks(api)["tasks"]["age_seconds"] > FRESH_SECONDS + 1, A_MINUTE)
            stale = checks(api)["tasks"]
            assert (stale["ok"], "the Tasks are as of" in stale["problem"]) == (False, True)
            assert "Kubernetes can't be reached" in stale["problem"]
            for path in READS:
                assert refused(api, path, world.reads_all)
            assert not shows(api, world, task)
            refusals = len(posters[0].refused)
            assert refusals, "posts can't be taken from those whose tokens are not known any more"
            wait_for("a minute", lambda: checks(api)["tasks"]["age_seconds"] > A_MINUTE, 2 * A_MINUTE)
        wait_for("the Task that was made meanwhile", lambda: shows(api, world, task))
        posters[0].wait_for_more()
        wait_for("the API to be ready", lambda: is_ready(api))
    check(api, world, posters, AWAY)


def test_an_api_server_that_hangs(world: World, api: Served, proxy: Proxy) -> None:
    stranger = token(world.cluster, world.home, "reads-all")
    with posting(api, world) as posters:
        posters[0].wait_for_more()
        with proxy.silent(), ThreadPoolExecutor(4) as callers:

            def timed(path: str) -> tuple[int, float]:
                began = time.monotonic()
                headers = {"Authorization": f"Bearer {stranger}"}
                return httpx.get(api.url + path, headers=headers, timeout=60).status_code, time.monotonic() - began

            *answers, (health, moment) = callers.map(timed, (*READS, "/healthz"))
            assert [status for status, _ in answers] == [503] * len(READS)
            assert max(seconds for _, seconds in answers) < ANSWER_SECONDS
            assert (health, moment < 2) == (200, True)
        for path in READS:
            wait_for("answers", partial(given, api, path, stranger))
        posters[0].wait_for_more()
        task = made(world)
        wait_for("a Task that was made afterwards", lambda: shows(api, world, task), WATCH_SECONDS * 3)
    check(api, world, posters, AWAY)


def test_an_api_server_that_is_restarted(world: World, tmp_path: Path) -> None:
    """The real one, as its own update does it: ended, and started anew."""
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    url = f"sqlite:///{tmp_path / 'timeline.db'}"
    with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
        wait_for("the API to be ready", lambda: is_ready(api))
        before = made(world)
        wait_for("the Task", lambda: shows(api, world, before))
        with posting(api, world) as posters:
            posters[0].wait_for_more()
            restart("apiserver")
            for path in READS:
                wait_for("answers", partial(given, api, path, world.reads_all))
            posters[0].wait_for_more()
            after = made(world)
            wait_for("a Task that was made afterwards", lambda: shows(api, world, after))
            assert shows(api, world, before)
            wait_for("the API to be ready", lambda: is_ready(api))
        check(api, world, posters, AWAY)


# In this process, against the real API server


@pytest.mark.anyio
async def test_bookmarks_move_a_quiet_watch_on(cluster: Cluster, world: World) -> None:
    """A namespace where nothing happens, in a cluster where much does, would else be told that its version is too
    old: each watch begins where the last one was told to."""
    connected = await connect()
    cache, metrics = TaskCache([world.home]), Metrics()
    watch = Watch(connected, cache, world.home, metrics)
    running = asyncio.create_task(watch.forever())
    try:

        async def until(what: str, look: Callable[[], bool]) -> None:
            await asyncio.to_thread(wait_for, what, look, 3 * WATCH_SECONDS)

        await until("the first list", lambda: watch.version is not None)
        elsewhere = cluster.create(
            tasks_path(world.right), task_manifest(world.right, name(), "@yearly", isActive=False)
        )
        reached = int(elsewhere["metadata"]["resourceVersion"])
        await until("a bookmark", lambda: int(watch.version or 0) >= reached)
        assert metrics.registry.get_sample_value("cronwright_task_lists_total") == 1
        assert metrics.registry.get_sample_value("cronwright_task_watch_errors_total") == 0
    finally:
        running.cancel()
        await asyncio.wait([running])
        await connected.close()
