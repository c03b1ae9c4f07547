"""Watches of a namespace that note when each object got where it should, without a poll that loads the API server."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Condition, Thread
from typing import Any

import httpx

from support.cluster import Cluster

Reached = Callable[[Mapping[str, Any]], bool]


class Watch:
    """A watch of one kind in one namespace, from now on. Objects that are there already count once they change."""

    def __init__(self, cluster: Cluster, path: str, reached: Reached = lambda _: True) -> None:
        self._cluster, self._path, self._reached = cluster, path, reached
        self._changed = Condition()
        self._ended = self._closed = False
        self.changes = 0
        self.times: dict[str, float] = {}
        """When an object was first seen where it should be, by uid, in seconds of `time.perf_counter`."""
        self._version = cluster.get(f"{path}?limit=1")["metadata"]["resourceVersion"]
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wait(self, count: int, seconds: float, alive: Callable[[], None] = lambda: None) -> None:
        """Return once `count` objects are where they should be. `alive` is asked now and then and raises if not."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while len(self.times) < count:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self._path}: {len(self.times)} of {count} after {seconds:.0f} s")
                if self._ended:
                    raise ConnectionError(f"{self._path}: the watch ended early")
                self._changed.wait(1)
                alive()

    def close(self) -> None:
        """Take in nothing more; the connection ends with the next change, such as the deletion that follows."""
        self._closed = True

    def _follow(self) -> None:
        parameters = {"watch": "1", "resourceVersion": self._version}
        with (
            suppress(httpx.HTTPError, httpx.StreamError, OSError),
            self._cluster.http.stream("GET", self._path, params=parameters, timeout=None) as response,
        ):
            for line in response.iter_lines():
                if self._closed:
                    break
                self._take_in(json.loads(line), time.perf_counter())
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _take_in(self, event: Mapping[str, Any], now: float) -> None:
        uid = event["object"]["metadata"].get("uid")
        with self._changed:
            self.changes += 1
            if uid is not None and event["type"] != "DELETED" and self._reached(event["object"]):
                self.times.setdefault(uid, now)
            self._changed.notify_all()
