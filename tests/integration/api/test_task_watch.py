"""What the API knows of Tasks stays true, or says that it may not be: through cuts, silence, 410 and lost rights."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cronwright_api.auth.readers import Readers
from cronwright_api.cluster import connect
from cronwright_api.metrics import Metrics
from cronwright_api.tasks.cache import FRESH_SECONDS, TaskCache
from cronwright_api.tasks.found import Finder
from cronwright_api.tasks.kubernetes import TasksInKubernetes
from cronwright_api.tasks.watching import SILENCE_SECONDS, WATCH_SECONDS, Watch
from support.cluster import Cluster, task_manifest, tasks_path, wait_for
from support.proxy import Proxy, proxy_to

from .conftest import World
from .people import API_RULES, account, allow, disallow, kubeconfig_as, token
from .served import Served
from .tasks import error, make, name, ok


@dataclass(frozen=True)
class Behind:
    """An API of its own behind a proxy, and the account that it works as."""

    api: Served
    proxy: Proxy
    role: str


@pytest.fixture
def behind(world: World, tmp_path: Path) -> Iterator[Behind]:
    with contextlib.ExitStack() as stack:
        own = f"api-{uuid4().hex[:6]}"
        account(world.cluster, world.home, own)
        role = allow(world.cluster, world.home, own, API_RULES)
        stack.callback(disallow, world.cluster, role)
        direct = kubeconfig_as(world.cluster, tmp_path / "direct", token(world.cluster, world.home, own))
        proxy = stack.enter_context(proxy_to(direct, tmp_path / "kubeconfig"))
        api = stack.enter_context(Served(tmp_path, tmp_path / "kubeconfig"))
        wait_for("the API to be ready", lambda: api.http.get("/readyz").status_code == 200)
        yield Behind(api, proxy, role)


def listed(api: Served, world: World) -> set[str]:
    page = ok(api.get(f"/api/task?page[size]=500&filter[namespace]={world.right}&fields[task]=name", world.reads_all))
    return {one["attributes"]["name"] for one in page["data"]}


def shows(api: Served, world: World, task: str) -> bool:
    return task in listed(api, world)


def lacks(api: Served, world: World, task: str) -> bool:
    return task not in listed(api, world)


def kubectl_makes(world: World) -> str:
    made = name()
    world.cluster.create(tasks_path(world.right), task_manifest(world.right, made, "@yearly", isActive=False))
    return made


def readiness(api: Served) -> Any:
    return next(check for check in api.http.get("/readyz").json()["checks"] if check["name"] == "tasks")


def metric(api: Served, line: str) -> float:
    text = httpx.get(f"http://127.0.0.1:{api.metrics_port}/metrics", timeout=30).text
    return next(float(row.split()[1]) for row in text.splitlines() if row.startswith(line))


def test_age_is_told_and_renewed_where_nothing_happens(world: World, tmp_path: Path) -> None:
    """The age grows, and falls again without a list: no bookmark comes where nothing happens to Tasks."""
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig, watch_namespaces=world.home) as api:

        def age() -> float:
            return metric(api, "cronwright_task_cache_age_seconds")

        for _ in range(2):
            wait_for("the age to grow", lambda: age() > 3, WATCH_SECONDS * 2)
            wait_for("news", lambda: age() < 2, WATCH_SECONDS * 2)
        assert metric(api, "cronwright_task_lists_total") == 1
        assert metric(api, "cronwright_task_watch_errors_total") == 0
        check = readiness(api)
        assert (check["ok"], check["problem"], check["age_seconds"] < WATCH_SECONDS * 2) == (True, "", True)


def test_a_cut_connection_is_made_anew_without_a_list(world: World, behind: Behind) -> None:
    before = metric(behind.api, "cronwright_task_lists_total")
    for _ in range(3):
        behind.proxy.cut()
        made = kubectl_makes(world)
        wait_for("the Task that was made meanwhile", partial(shows, behind.api, world, made), 15)
        world.cluster.delete(tasks_path(world.right, made))
        wait_for("the Task gone", partial(lacks, behind.api, world, made), 15)
    assert metric(behind.api, "cronwright_task_lists_total") == before


def test_a_connection_that_died_in_silence_is_noticed(world: World, behind: Behind) -> None:
    behind.proxy.freeze()
    made = kubectl_makes(world)

    def seen() -> bool:
        # Those of callers are frozen, too, and time out
        try:
            response = behind.api.get(f"/api/task?filter[name]={made}", world.reads_all)
        except httpx.TransportError:
            # The API ends a connection that was idle for five seconds, perhaps just when it is used again
            return False
        return response.status_code == 200 and response.json()["meta"]["total"] == 1

    wait_for("the Task that was made meanwhile", seen, SILENCE_SECONDS + 15)


def test_an_api_server_that_was_away_is_followed_again(world: World, behind: Behind) -> None:
    gone = kubectl_makes(world)
    wait_for("the Task", partial(shows, behind.api, world, gone))
    stranger = token(world.cluster, world.home, "reads-all")
    with behind.proxy.away():
        made = kubectl_makes(world)
        world.cluster.delete(tasks_path(world.right, gone))
        response = behind.api.get("/api/task", stranger)
        assert (response.status_code, response.headers.get("retry-after")) == (503, "5")
        wait_for("the problem", lambda: metric(behind.api, "cronwright_task_watch_errors_total") > 0)
    wait_for("the Task that was made meanwhile", partial(shows, behind.api, world, made), 15)
    assert lacks(behind.api, world, gone)


@pytest.mark.slow
def test_knowledge_that_is_too_old_is_not_shown(world: World, behind: Behind) -> None:
    """The callers' rights can be asked for all the while; only the API's own right to watch is gone."""
    made = make(world.api, world.writes_right, world.right)
    disallow(world.cluster, behind.role)
    response = wait_for(
        "a list that is refused",
        lambda: found if (found := behind.api.get("/api/task", world.reads_all)).status_code != 200 else None,
        FRESH_SECONDS + 30,
    )
    assert response.headers["retry-after"] == "5"
    said = error(response, 503)
    assert said["code"] == "tasks_stale"
    assert "Kubernetes refuses the list of Tasks to this API" in said["detail"]
    ready = behind.api.http.get("/readyz")
    check = readiness(behind.api)
    assert (ready.status_code, check["ok"]) == (503, False)
    assert check["age_seconds"] > FRESH_SECONDS
    # One by its id is read from Kubernetes all the same
    assert ok(behind.api.get(f"/api/task/{made['id']}", world.reads_all))["data"]["id"] == made["id"]


# In this process, against the real API server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_a_version_that_is_too_old_leads_to_a_list(cluster: Cluster, world: World) -> None:
    """410 from the real API server: the version of the watch is one that it has forgotten."""
    made = kubectl_makes(world)
    connected = await connect()
    cache, metrics = TaskCache([world.right]), Metrics()
    try:
        watch = Watch(connected, cache, world.right, metrics)
        watch.version = "1"
        running = asyncio.create_task(watch.forever())

        def known() -> bool:
            return made in {record.resource_name for record in list(cache.all())}

        await asyncio.to_thread(wait_for, "the Task", known)
        running.cancel()
        await asyncio.wait([running])
        assert watch.version not in (None, "1")
        assert metrics.registry.get_sample_value("cronwright_task_lists_total") == 1
        assert metrics.registry.get_sample_value("cronwright_task_watch_errors_total") == 1
    finally:
        await connected.close()


@pytest.mark.anyio
async def test_where_there_is_no_task_at_all_none_is_found(namespace: str) -> None:
    """Of no objects Kubernetes sends a list that is null."""
    connected = await connect()
    try:
        assert await TasksInKubernetes(connected).places(namespace) == {}
    finally:
        await connected.close()


@pytest.mark.anyio
async def test_an_id_that_the_cache_has_not_heard_of_is_found_by_one_list(cluster: Cluster, world: World) -> None:
    connected = await connect()
    kubernetes = TasksInKubernetes(connected)
    try:
        tasks = [make(world.api, world.writes_right, world.right) for _ in range(5)]
        finder = Finder(TaskCache([""]), kubernetes)
        readers = Readers(connected)
        reader = await readers.of(world.reads_all)
        found = await asyncio.gather(*(finder.find(reader, world.reads_all, task["id"]) for task in tasks))
        names: list[Any] = [one["metadata"] for one in found]
        assert [one["uid"] for one in names] == [task["id"] for task in tasks]
    finally:
        await connected.close()
