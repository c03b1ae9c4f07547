"""Passes what an action prints on to the pod's log, unchanged, and keeps its end for the timeline."""

import os

from cronwright.timeline.limits import MAX_LOG_TAIL_BYTES
from cronwright_runner.poller import READABLE, Poller, Sink

_CHUNK_BYTES = 64 * 1024
"""What a pipe holds by default. Source: pipe(7)."""


class Tail:
    """The end of what was printed on both outputs, in the order in which it came.

    Where it gets too long, the output that has more of it gives way: a line about an error must not be lost behind much
    that was printed elsewhere.
    """

    def __init__(self, limit: int = MAX_LOG_TAIL_BYTES) -> None:
        self._limit = limit
        self._chunks: list[tuple[int, bytes]] = []
        self._sizes: dict[int, int] = {}

    def add(self, output: int, data: bytes) -> None:
        """Append `data` of `output`, a file descriptor, and forget what no longer fits."""
        kept = data[-self._limit :]
        self._chunks.append((output, kept))
        self._sizes[output] = self._sizes.get(output, 0) + len(kept)
        while (surplus := sum(self._sizes.values()) - self._limit) > 0:
            self._shorten(max(self._sizes, key=lambda of: self._sizes[of]), surplus)

    def text(self) -> str:
        """Return what is kept, within the limit in UTF-8 as well. NUL, which no timeline holds, is replaced."""
        joined = b"".join(data for _, data in self._chunks).decode("utf-8", "replace")
        # A byte that is no UTF-8 has become a character of three
        clean = joined.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode()
        return clean[-self._limit :].decode("utf-8", "ignore")

    def _shorten(self, output: int, surplus: int) -> None:
        """Forget the beginning of `output`: its oldest chunk, or as much of it as is too much."""
        index = next(index for index, (of, _) in enumerate(self._chunks) if of == output)
        data = self._chunks[index][1]
        if len(data) > surplus:
            self._chunks[index] = (output, data[surplus:])
        else:
            del self._chunks[index]
        self._sizes[output] -= min(surplus, len(data))


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
        self._tail.add(self._sink.fd, data)
        self._sink.put(data)
