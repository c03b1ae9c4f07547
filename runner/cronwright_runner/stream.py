"""One end of the socket between a loop's ticker and its runner, served by a poller: lines in, lines out."""

import socket
from collections.abc import Callable

from cronwright_runner.messages import Lines
from cronwright_runner.poller import READABLE, Poller, Sink

_CHUNK_BYTES = 256 * 1024


class Stream:
    """A connected `connection`; `heard` is called with each line, `closed` once when the other side has gone."""

    def __init__(
        self, poller: Poller, connection: socket.socket, heard: Callable[[bytes], None], closed: Callable[[], None]
    ) -> None:
        self._poller, self._connection, self._heard, self._closed = poller, connection, heard, closed
        self._lines = Lines()
        connection.setblocking(False)
        # A descriptor of its own: the poller knows one callback for each
        self._out = connection.dup()
        self._sink = Sink(poller, self._out.fileno())
        poller.watch(connection.fileno(), READABLE, self._on_readable)

    def send(self, line: bytes) -> None:
        """Send `line` at once as far as the other side takes it, the rest as soon as it does."""
        sent = 0
        if not len(self._sink):
            try:
                sent = self._out.send(line)
            except BlockingIOError:
                sent = 0
            except OSError:
                # The other side has gone, which the next read tells
                return
        if sent < len(line):
            self._sink.put(line[sent:])

    def sent(self) -> bool:
        """Return whether the other side has been sent all."""
        return not len(self._sink)

    def close(self) -> None:
        """Stop listening."""
        self._poller.forget(self._connection.fileno())
        self._poller.forget(self._out.fileno())
        self._connection.close()
        self._out.close()

    def drain(self) -> None:
        """Hear all that has come by now."""
        while self._connection.fileno() >= 0 and self._read():
            pass

    def _on_readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        """Hear what has come; return whether there may be more."""
        try:
            data = self._connection.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            self._closed()
            return False
        for line in self._lines.add(data):
            self._heard(line)
        return True
