"""Whose output stands in the pod's log: a line with the scheduled time before a tick's output, and again whenever
another tick has spoken in between.

The ticks of a loop under concurrencyPolicy Allow print at the same time, each from its own process; they take turns by
a lock on a file in memory, which also says who spoke last. What is printed is passed on unchanged.
"""

import fcntl
import os
import select
from collections.abc import Callable
from typing import NamedTuple

from cronwright_runner.poller import Poller, Sink

_ENTRY_BYTES = 9
"""For each of the two outputs: the last speaker's tick in eight bytes, and whether it has ended its line."""


class Floor:
    """Made once, by the process whose children speak; they inherit it as `fd`."""

    def __init__(self) -> None:
        self.fd = os.memfd_create("floor")

    def output(self, tick: int, header: Callable[[], bytes]) -> Callable[[Poller, int], Sink]:
        """Return what makes the sinks of one tick; `header` gives the line, with its end, that names it."""

        def sink(poller: Poller, fd: int) -> Sink:
            return _Speaker(poller, fd, self.fd, tick, header)

        return sink


class _Last(NamedTuple):
    tick: int
    ended_line: bool


class _Speaker(Sink):
    def __init__(self, poller: Poller, fd: int, floor: int, tick: int, header: Callable[[], bytes]) -> None:
        super().__init__(poller, fd)
        self._floor, self._tick, self._header = floor, tick, header
        self._writable = select.poll()
        self._writable.register(fd, select.POLLOUT)

    def _send(self, data: bytes) -> int:
        """Write the beginning of `data` and return how much of it."""
        fcntl.lockf(self._floor, fcntl.LOCK_EX)
        try:
            if not self._writable.poll(0):
                # Another tick was faster and has filled the log's pipe
                return 0
            last = self._last()
            before = b""
            if last.tick != self._tick:
                before = (b"" if last.ended_line else b"\n") + self._header()
            part = data[: select.PIPE_BUF - len(before)]
            written = os.write(self.fd, before + part)
            sent = max(0, written - len(before))
            if sent:
                self._note(_Last(self._tick, part[:sent].endswith(b"\n")))
            return sent
        finally:
            fcntl.lockf(self._floor, fcntl.LOCK_UN)

    def _last(self) -> _Last:
        entry = os.pread(self._floor, _ENTRY_BYTES, self.fd * _ENTRY_BYTES).ljust(_ENTRY_BYTES, b"\0")
        return _Last(int.from_bytes(entry[:8], "big"), entry[8:] == b"\1" or not any(entry))

    def _note(self, last: _Last) -> None:
        entry = last.tick.to_bytes(8, "big") + (b"\1" if last.ended_line else b"\2")
        os.pwrite(self._floor, entry, self.fd * _ENTRY_BYTES)
