"""Waits: one thread, one `poll()`, so that the action, its output, the report and signals are served together.

The parent has no threads, since it forks: a lock that a thread holds at a fork stays locked in the child for ever.
"""

import os
import select
import time
from collections.abc import Callable
from math import ceil

READABLE = select.POLLIN
WRITABLE = select.POLLOUT

_UNBLOCKED_BYTES = select.PIPE_BUF
"""What a pipe that polls as writable takes without blocking (POSIX: PIPE_BUF)."""


class Poller:
    """Calls back for file descriptors that are ready, until a condition holds or a moment has come."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], None]] = {}

    def watch(self, fd: int, event: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `fd` is ready for `event` (READABLE or WRITABLE), or was closed at its other end."""
        self._callbacks[fd] = callback
        self._poll.register(fd, event)

    def forget(self, fd: int) -> None:
        """Call back no more for `fd`; does nothing where it is not watched."""
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def until(self, done: Callable[[], bool], moment: Callable[[], float]) -> bool:
        """Serve descriptors until `done()`, and return True, or until `moment()` has come, and return False.

        The moment is in seconds on the monotonic clock. Both are asked after each turn: a signal may bring it forward.
        """
        while not done():
            left = moment() - time.monotonic()
            if left <= 0:
                return False
            for fd in self._ready(left):
                if (callback := self._callbacks.get(fd)) is not None:
                    callback()
        return True

    def _ready(self, left: float) -> list[int]:
        """Return the descriptors that are ready, as soon as there are any, or none after `left` seconds."""
        return [fd for fd, _ in self._poll.poll(None if left == float("inf") else ceil(left * 1000))]


class PrecisePoller(Poller):
    """A poller whose moments come within the kernel's timer slack (50 µs), where poll() counts in whole milliseconds.

    For few descriptors below 1024, which select() asks for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._events: dict[int, int] = {}

    def watch(self, fd: int, event: int, callback: Callable[[], None]) -> None:
        """As a Poller does."""
        super().watch(fd, event, callback)
        self._events[fd] = event

    def forget(self, fd: int) -> None:
        """As a Poller does."""
        super().forget(fd)
        self._events.pop(fd, None)

    def _ready(self, left: float) -> list[int]:
        read = [fd for fd, event in self._events.items() if event == READABLE]
        write = [fd for fd, event in self._events.items() if event == WRITABLE]
        readable, writable, _ = select.select(read, write, [], None if left == float("inf") else left)
        return readable + writable


class Sink:
    """Bytes on their way to a file descriptor, written as fast as it takes them and never blocking.

    Whether the descriptor itself is blocking is left alone: standard output may be shared with other programs.
    """

    def __init__(self, poller: Poller, fd: int) -> None:
        self._poller = poller
        self.fd = fd
        self._backlog = bytearray()
        self.on_room: Callable[[], None] | None = None
        """Called when all has been written."""

    def __len__(self) -> int:
        return len(self._backlog)

    def put(self, data: bytes) -> None:
        """Write `data` after what is already waiting."""
        if not self._backlog:
            self._poller.watch(self.fd, WRITABLE, self._write)
        self._backlog += data

    def _send(self, data: bytes) -> int:
        """Write the beginning of `data`, at most PIPE_BUF bytes, and return how much of it."""
        return os.write(self.fd, data)

    def _write(self) -> None:
        try:
            del self._backlog[: self._send(bytes(self._backlog[:_UNBLOCKED_BYTES]))]
        except BlockingIOError:
            # Someone else who has the descriptor made it non-blocking, and it is full
            return
        except OSError:
            # Nobody reads at the other end, nor will again, and the run goes on without
            self._backlog.clear()
        if not self._backlog:
            self._poller.forget(self.fd)
            if self.on_room is not None:
                self.on_room()
