"""Passes what an action prints on to the pod's log, unchanged, and keeps its end for the timeline."""

import os

from cronwright.timeline.event import MAX_LOG_TAIL_BYTES
from cronwright_runner.poller import READABLE, Poller, Sink

_CHUNK_BYTES = 64 * 1024
"""What a pipe holds by default. Source: pipe(7)."""


class Tail:
    """The last bytes of a stream."""

    def __init__(self, limit: int = MAX_LOG_TAIL_BYTES) -> None:
        self._limit = limit
        self._kept = bytearray()

    def add(self, data: bytes) -> None:
        """Append `data`, and forget what no longer fits."""
        self._kept += data[-self._limit :]
        del self._kept[: -self._limit]

    def text(self) -> str:
        """Return what is kept, at most one character for each byte. NUL, which no timeline holds, is replaced."""
        return bytes(self._kept).decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


class Relay:
    """One output stream of an action: from the pipe `source` to `sink`.

    A log that takes no more makes the action wait, and nobody else.
    """

    def __init__(self, poller: Poller, source: int, sink: Sink, tail: Tail) -> None:
        self._poller, self._source, self._sink, self._tail = poller, source, sink, tail
        self.ended = False
        """Whether every process that could write has closed its end."""
        os.set_blocking(source, False)
        sink.on_room = self._listen
        self._listen()

    def drained(self) -> bool:
        """Return whether all output has come and has been passed on."""
        return self.ended and len(self._sink) == 0

    def close(self) -> None:
        """Stop listening."""
        self._poller.forget(self._source)
        self._sink.on_room = None
        os.close(self._source)

    def _listen(self) -> None:
        if not self.ended:
            self._poller.watch(self._source, READABLE, self._read)

    def _read(self) -> None:
        data = os.read(self._source, _CHUNK_BYTES)
        self._poller.forget(self._source)
        if not data:
            self.ended = True
            return
        self._tail.add(data)
        self._sink.put(data)
