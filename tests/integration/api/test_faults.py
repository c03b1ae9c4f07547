"""What can befall the store while events are posted: what is acknowledged is stored, once, and what can't be stored is
answered 503 with Retry-After."""

import asyncio
import contextlib
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from support.cluster import wait_for
from support.postgres import Postgres

from .conftest import World
from .events import span, start
from .listener import Listening
from .people import kubeconfig_as, token
from .posters import ENOUGH, check, ids, posting, resource, settings
from .served import Served


@pytest.fixture
def kubeconfig(world: World, tmp_path: Path) -> Path:
    return kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))


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


def test_a_stream_goes_on_through_a_restart_of_postgresql(world: World, kubeconfig: Path, tmp_path: Path) -> None:
    """Neither missing nor telling twice, for who sees everything and for who sees one namespace."""
    with Postgres() as server, Served(tmp_path, kubeconfig, **settings(world, server.database())) as api:

        def told(title: str) -> bool:
            event = start(run_id=uuid4(), namespace=world.left, title=title)
            return api.post(world.operator, resource(event)).status_code == 201

        titles = [str(number) for number in range(12)]
        with Listening(api, world.reads_all) as everything, contextlib.ExitStack() as stack:
            assert told("begin")
            left = stack.enter_context(Listening(api, world.reads_left))
            assert everything.titles(1) == ["begin"]
            for number, title in enumerate(titles):
                if number in (4, 8):
                    server.stop(at_once=number == 8)
                    assert not told(title)
                    server.start()
                wait_for("the post to go through", partial(told, title))
            assert everything.titles(len(titles)) == titles
            assert left.titles(len(titles)) == titles


@contextmanager
def locked(url: str) -> Iterator[Callable[[], bool]]:
    """Hold all who write to the timeline up in the middle of their transactions; yield what tells whether one is."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active'"
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(url))  # type: ignore[no-untyped-call]
        # A transaction sees the same activity all the while
        looking = runner.run(asyncpg.connect(url))  # type: ignore[no-untyped-call]
        runner.run(holder.execute("BEGIN; LOCK TABLE event IN EXCLUSIVE MODE"))
        try:
            yield lambda: runner.run(looking.fetchval(waiting)) > 0
        finally:
            runner.run(holder.close())
            runner.run(looking.close())


def test_the_api_that_is_killed_in_the_middle_of_a_post(world: World, kubeconfig: Path, tmp_path: Path) -> None:
    """Nothing of a post that was not answered is there, and posted again it is stored once."""
    with Postgres() as server:
        url = server.database()
        with Served(tmp_path, kubeconfig, **settings(world, url)) as api, ThreadPoolExecutor(1) as poster:
            batch = [resource(start(number, namespace=world.home)) for number in range(20)]

            def post() -> None:
                # Whoever waits for too long is told to come again
                while api.post(world.operator, batch).status_code == 503:
                    pass

            with locked(url) as someone_waits:
                answer = poster.submit(post)
                wait_for("the post to write", someone_waits)
                api.kill()
                assert isinstance(answer.exception(), httpx.TransportError)
            api.start()
            assert ids(api, world) == []
            assert api.post(world.operator, batch).status_code == 201
            assert api.post(world.operator, batch).status_code == 201
            assert len(ids(api, world)) == len(batch)


def test_a_batch_is_stored_whole_or_not_at_all(world: World, kubeconfig: Path, url: str, tmp_path: Path) -> None:
    """However often the API is killed while batches come."""
    batches: dict[UUID, list[UUID]] = {}
    with Served(tmp_path, kubeconfig, **settings(world, url)) as api:
        ending, sent = Flag(), 0

        def post() -> None:
            nonlocal sent
            while not ending.is_set():
                events = [start(run_id=uuid4(), namespace=world.home) for _ in range(20)]
                batches[events[0].id] = [event.id for event in events]
                with contextlib.suppress(httpx.TransportError):
                    httpx.post(
                        f"{api.url}/api/timeline",
                        json={"data": [resource(event) for event in events]},
                        headers={"Authorization": f"Bearer {world.operator}"},
                        timeout=60,
                    )
                    sent += 1

        posting_batches = Thread(target=post)
        posting_batches.start()
        try:
            for _ in range(3):
                goal = sent + ENOUGH
                wait_for("batches to go through", lambda: sent >= goal, 120)  # noqa: B023
                api.kill()
                api.start()
        finally:
            ending.set()
            posting_batches.join()
        stored = set(ids(api, world))
        assert len(stored) >= 20 * sent > 0
        for batch in batches.values():
            assert len(stored & set(batch)) in (0, len(batch))


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
            assert api.http.get("/healthz").status_code == 200
            # A start finds it as full, and goes on as well once there is room
            api.kill()
            api.start()
            refused = len(posters[0].refused)
            wait_for("a refusal after the start", lambda: len(posters[0].refused) > refused)
            assert api.get("/api/timeline", world.reads_all).status_code in (200, 503)
            volume(16)
            posters[0].wait_for_more()
            wait_for("the API to be ready", lambda: api.http.get("/readyz").status_code == 200)
        check(api, world, posters)
