"""Those who post events to an API that something befalls, each event again until it is acknowledged, and the account of
it: what is acknowledged is stored, once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import httpx

from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.span import Span, dump_span
from support.cluster import wait_for
from support.postgres import PASSWORD

from .conftest import World
from .events import start
from .served import Served

ENOUGH = 15
"""Posts that are acknowledged before and after something happens, so that it happens in the middle of them."""


def resource(one: Event | Span) -> dict[str, Any]:
    """Return `one` as a resource to post."""
    attributes = dump_event(one) if isinstance(one, Event) else dump_span(one)
    return {"type": "timeline", "attributes": attributes}


def settings(world: World, url: str) -> dict[str, Any]:
    """Return the settings of an API whose store is at `url` and whose operator is the world's."""
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
    """Let so many post while the block lasts."""
    at_work = [Poster(api, world, **changes) for _ in range(posters)]
    for poster in at_work:
        poster.start()
    try:
        yield at_work
    finally:
        for poster in at_work:
            poster.end()


STORE_AWAY = ("store_unavailable", "store_busy")


def check(api: Served, world: World, posters: Sequence[Poster], codes: Sequence[str] = STORE_AWAY) -> None:
    """Hold what was acknowledged against what is stored, and look at what was refused."""
    stored = ids(api, world)
    acknowledged = [identity for poster in posters for identity in poster.acknowledged]
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    # Beyond those, at most what each poster was at when it was told to stop
    assert len(stored) <= len(acknowledged) + len(posters)
    for response in (response for poster in posters for response in poster.refused):
        assert (response.status_code, response.headers["retry-after"]) == (503, "5"), response.text
        assert response.json()["errors"][0]["code"] in codes
    assert PASSWORD not in api.log + "".join(response.text for poster in posters for response in poster.refused)
    assert '"status":500' not in api.log.replace(" ", "")
