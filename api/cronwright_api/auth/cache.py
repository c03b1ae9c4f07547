"""A small cache of answers from Kubernetes: bounded in number and in time, and one question at a time for each key."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class AnswerCache(Generic[K, V]):
    """Keeps answers for `seconds`, at most `size` of them, the least recently used going first. Errors are not kept."""

    def __init__(self, seconds: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._size, self._clock = seconds, size, clock
        self._answers: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._asking: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """Return the answer for `key`, asking where there is none; those who ask meanwhile wait for the same answer.

        Raises whatever `ask` raises, for all who wait.
        """
        kept = self._answers.get(key)
        if kept is not None and kept[0] > self._clock():
            self._answers.move_to_end(key)
            return kept[1]
        asking = self._asking.get(key)
        if asking is None:
            # A task of its own: who asked first may go away before the answer comes
            asking = asyncio.ensure_future(self._ask(key, ask))
            self._asking[key] = asking
        return await asyncio.shield(asking)

    async def _ask(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        try:
            answer = await ask()
        finally:
            del self._asking[key]
        self._answers[key] = (self._clock() + self._seconds, answer)
        self._answers.move_to_end(key)
        while len(self._answers) > self._size:
            self._answers.popitem(last=False)
        return answer
