"""The keyed queue: each key is worked on by one worker at a time, waits at most once, and comes back after a failure.

It knows nothing of Tasks or Kubernetes.
"""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key")

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 60.0


@dataclass(slots=True)
class _Waiting:
    due: float
    live: bool = True


@dataclass(slots=True)
class _Working:
    since: float
    again_at: float | None = None


@dataclass(slots=True)
class KeyedQueue(Generic[Key]):
    """Keys with the time at which they are due. `clock` gives seconds, monotonic; it defaults to the running loop's."""

    clock: Callable[[], float] = field(default_factory=lambda: asyncio.get_running_loop().time)
    _heap: list[tuple[float, int, Key, _Waiting]] = field(default_factory=list)
    _waiting: dict[Key, _Waiting] = field(default_factory=dict)
    _working: dict[Key, _Working] = field(default_factory=dict)
    _failures: dict[Key, int] = field(default_factory=dict)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Make `key` due in `delay` seconds, or sooner where it already is. One that is being worked on comes after
        that.
        """
        due = self.clock() + delay
        working = self._working.get(key)
        if working is not None:
            working.again_at = due if working.again_at is None else min(working.again_at, due)
            return
        waiting = self._waiting.get(key)
        if waiting is not None:
            if waiting.due <= due:
                return
            waiting.live = False
        waiting = self._waiting[key] = _Waiting(due)
        heapq.heappush(self._heap, (due, next(self._order), key, waiting))
        self._changed.set()

    async def get(self) -> Key:
        """Return the next key that is due, when it is; the caller then calls `done`, whatever comes of it."""
        while True:
            self._changed.clear()
            while self._heap and not self._heap[0][3].live:
                heapq.heappop(self._heap)
            if self._heap and self._heap[0][0] <= self.clock():
                _, _, key, _ = heapq.heappop(self._heap)
                del self._waiting[key]
                self._working[key] = _Working(self.clock())
                # another worker may be waiting for what is next
                self._changed.set()
                return key
            timeout = self._heap[0][0] - self.clock() if self._heap else None
            try:
                await asyncio.wait_for(self._changed.wait(), timeout)
            except TimeoutError:
                continue

    def done(self, key: Key, again_in: float | None = None) -> None:
        """Say that the work on `key` went well; `again_in` seconds from now it is due once more."""
        self._failures.pop(key, None)
        self._finish(key, again_in)

    def failed(self, key: Key) -> int:
        """Say that the work on `key` failed: it comes back after a pause that doubles. Return how often it failed in a
        row.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self._finish(key, min(FIRST_BACK_OFF_SECONDS * 2 ** (failures - 1), LONGEST_BACK_OFF_SECONDS), wait=True)
        return failures

    def _finish(self, key: Key, again_in: float | None, wait: bool = False) -> None:
        working = self._working.pop(key)
        if again_in is not None:
            self.add(key, again_in)
        # after a failure a fresh event must not cut the pause short, or a hot object would spin
        if working.again_at is not None and not wait:
            self.add(key, max(0.0, working.again_at - self.clock()))

    def depth(self) -> int:
        """Return how many keys are due and wait for a worker."""
        now = self.clock()
        return sum(waiting.due <= now for waiting in self._waiting.values())

    def longest_wait(self) -> float:
        """Return for how many seconds the oldest key that is due, or is being worked on, has waited."""
        now = self.clock()
        starts = [waiting.due for waiting in self._waiting.values()]
        starts += [working.since for working in self._working.values()]
        return max(0.0, now - min(starts, default=now))
