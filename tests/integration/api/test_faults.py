"""What can befall the store while events are posted: what is acknowledged is stored, once, and what can't be stored is
answered 503 with Retry-After."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.span import Span, dump_span
from support.cluster import wait_for
from support.postgres import PASSWORD, Postgres

from .conftest import World
from .events import span, start
from .people import kubeconfig_as, token
from .served import Served

ENOUGH = 15
"""Posts that are acknowledged before and after something happens, so that it happens in the middle of them."""


def resource(one: Event | Span) -> dict[str, Any]:
    attributes = dump_event(one) if isinstance(one, Event) else dump_span(one)
    return {"type": "timeline", "attributes": attributes}


@pytest.fixture
def kubeconfig(world: World, tmp_path: Path) -> Path:
    return kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))


def settings(world: World, url: str) -> dict[str, Any]:
    return {"operator_account": f"system:serviceaccount:{world.home}:operator", "database_url": url}


def ids(api: Served, world: World) -> Sequence[UUID]:
    """Return the ids of all rows of the timeline, page by page."""
    found: list[UUID] = []
    path = "/api/timeline?sort=created_at&page[size]=500&fields[timeline]=title"
    while path:
        document = api.get(path, world.reads_all).json()
        found += [UUID(one["id"]) for one in document["data"]]
        path = (document["links"]["next"] or "").removeprefix(api.url)
    return found


class Poster:
    """Posts events of its own one after the other, each again until it is acknowledged, as a runner does."""

    def __init__(self, api: Served, world: World, **changes: Any) -> None:
        self._api, self._world, self._changes = api, world, changes
        self._client = httpx.Client(base_url=api.url, timeout=30)
        self.acknowledged: list[UUID] = []
        self.refused: list[httpx.Response] = []
        self.broken = 0
        self._ending = Flag()
        self._thread = Thread(target=self._work)

    def _work(self) -> None:
        while not self._ending.is_set():
            event = start(run_id=uuid4(), namespace=self._world.home, **self._changes)
            while not self._ending.is_set() and not self._post(event):
                # Retry-After says five seconds; a moment is enough to wait for, and shows more
                self._ending.wait(0.05)

    def _post(self, event: Event) -> bool:
        headers = {"Authorization": f"Bearer {self._world.operator}", "Content-Type": "application/json"}
        try:
            response = self._client.post("/api/timeline", json={"data": resource(event)}, headers=headers)
        except httpx.TransportError:
            self.broken += 1
            return False
        if response.status_code == 201:
            self.acknowledged.append(event.id)
            return True
        self.refused.append(response)
        return False

    def wait_for_more(self, count: int = ENOUGH) -> None:
        """Wait until so many more are acknowledged."""
        goal = len(self.acknowledged) + count
        wait_for("posts to go through", lambda: len(self.acknowledged) >= goal, 120)

    def end(self) -> None:
        """Stop posting."""
        self._ending.set()
        self._thread.join()
        self._client.close()

    def start(self) -> None:
        """Begin posting."""
        self._thread.start()


@contextmanager
def posting(api: Served, world: World, posters: int = 3, **changes: Any) -> Iterator[Sequence[Poster]]:
    at_work = [Poster(api, world, **changes) for _ in range(posters)]
    for poster in at_work:
        poster.start()
    try:
        yield at_work
    finally:
        for poster in at_work:
            poster.end()


def check(api: Served, world: World, posters: Sequence[Poster]) -> None:
    """Hold what was acknowledged against what is stored, and look at what was refused."""
    stored = ids(api, world)
    acknowledged = [identity for poster in posters for identity in poster.acknowledged]
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    # Beyond those, at most what each poster was at when it was told to stop
    assert len(stored) <= len(acknowledged) + len(posters)
    for response in (response for poster in posters for response in poster.refused):
        assert (response.status_code, response.headers["retry-after"]) == (503, "5"), response.text
        assert response.json()["errors"][0]["code"] in ("store_unavailable", "store_busy")
    assert PASSWORD not in api.log + "".join(response.text for poster in posters for response in poster.refused)
    assert '"status":500' not in api.log.replace(" ", "")


def test_the_same_event_a_hundred_times_from_ten_connections_is_one_row(
    world: World, kubeconfig: Path, url: str, tmp_path: Path
) -> None:
    event = start(namespace=world.home)
    with Served(tmp_path, kubeconfig, **settings(world, url)) as api, ThreadPoolExecutor(10) as connections:

        def post(_: int) -> tuple[int, str]:
            headers = {"Authorization": f"Bearer {world.operator}"}
            response = httpx.post(
                f"{api.url}/api/timeline", json={"data": resource(event)}, headers=headers, timeout=60
            )
            return response.status_code, response.json()["data"]["id"]

        assert set(connections.map(post, range(100))) == {(201, str(event.id))}
        assert ids(api, world) == [event.id]
        metrics = httpx.get(f"http://127.0.0.1:{api.metrics_port}/metrics").text
        assert 'cronwright_timeline_events_total{result="created"} 1.0' in metrics
        assert 'cronwright_timeline_events_total{result="duplicate"} 99.0' in metrics


def test_two_replicas_take_the_same_events_and_overlapping_claims_once(
    world: World, kubeconfig: Path, postgresql_url: str, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    own = settings(world, postgresql_url)
    with Served(folders[0], kubeconfig, **own) as one, Served(folders[1], kubeconfig, **own) as other:
        posts: list[list[Event | Span]] = [
            [start(1000 + number, namespace=world.home) for number in range(first, first + 10)]
            for first in range(0, 100, 5)
        ]
        posts += [[span(number, number + 9, namespace=world.home)] for number in range(0, 91, 3)]

        def post(which: int) -> int:
            api = (one, other)[which % 2]
            headers = {"Authorization": f"Bearer {world.operator}"}
            data = [resource(event) for event in posts[which // 2]]
            return httpx.post(f"{api.url}/api/timeline", json={"data": data}, headers=headers, timeout=60).status_code

        with ThreadPoolExecutor(12) as connections:
            assert set(connections.map(post, range(2 * len(posts)))) == {201}
        assert len(ids(one, world)) == 106
        spans = one.get("/api/timeline?filter[kind]=span", world.reads_all).json()["data"]
        # All of it is one stretch without a gap: claims that overlap count once
        assert [(row["attributes"]["first_at"], row["attributes"]["count"]) for row in spans] == [
            ("2027-01-04T08:00:00Z", 100)
        ]


def test_postgresql_that_is_restarted_in_the_middle_of_posts(world: World, kubeconfig: Path, tmp_path: Path) -> None:
    with Postgres() as server, Served(tmp_path, kubeconfig, **settings(world, server.database())) as api:
        with posting(api, world) as posters:
            for at_once in (False, True):
                posters[0].wait_for_more()
                server.stop(at_once=at_once)
                refused = len(posters[0].refused)
                wait_for("a refusal", lambda: len(posters[0].refused) > refused)  # noqa: B023
                wait_for("the API not to be ready", lambda: api.http.get("/readyz").status_code == 503)
                response = api.get("/api/timeline", world.reads_all)
                assert (response.status_code, response.headers["retry-after"]) == (503, "5")
                server.start()
                wait_for("the API to be ready", lambda: api.http.get("/readyz").status_code == 200)
            posters[0].wait_for_more()
        check(api, world, posters)


def test_the_api_that_is_killed_between_two_posts(world: World, kubeconfig: Path, url: str, tmp_path: Path) -> None:
    with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
        with posting(api, world) as posters:
            for _ in range(3):
                posters[0].wait_for_more()
                api.kill()
                broken = posters[0].broken
                wait_for("a broken post", lambda: posters[0].broken > broken)  # noqa: B023
                api.start()
            posters[0].wait_for_more()
        check(api, world, posters)


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A volume of so many MiB; called again it is of another size."""
    folder = tmp_path / "volume"
    folder.mkdir()

    def sized(mebibytes: int) -> Path:
        options = f"{'remount,' if folder.is_mount() else ''}size={mebibytes}m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "cronwright-test", str(folder)], check=True)
        return folder

    yield sized
    subprocess.run(["umount", str(folder)], check=True)


def test_sqlite_on_a_volume_that_is_full(
    world: World, kubeconfig: Path, tmp_path: Path, volume: Callable[[int], Path]
) -> None:
    url = f"sqlite:///{volume(2) / 'timeline.db'}"
    with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
        with posting(api, world, log_tail="x" * 8000) as posters:
            wait_for("the volume to be full", lambda: all(len(poster.refused) > ENOUGH for poster in posters), 120)
            assert "database or disk is full" in posters[0].refused[-1].text
            assert api.get("/api/timeline", world.reads_all).status_code == 200
            volume(16)
            posters[0].wait_for_more()
        check(api, world, posters)
