"""One HTTP/1.1 POST after the other over a connection that is kept: what the timeline needs, and nothing else.

Written here, because http.client brings e-mail and TLS along, which a loop's pod would hold for an hour (7 MB), and
each run's reporter would import (30 ms). No redirects, proxies or cookies; of an answer only its beginning is kept.
"""

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import ssl

_CHUNK_BYTES = 64 * 1024
_MAX_HEAD_BYTES = 64 * 1024


class BadAnswer(Exception):
    """What came back is no HTTP."""


class Answer(NamedTuple):
    """The status line's code and phrase, and the beginning of the body."""

    status: int
    phrase: str
    beginning: bytes


class Exchange:
    """A connection to `host` and `port`, made when it is first needed; with `tls` it is checked against that context.

    `timeout` in seconds is for the connection and for each wait on the answer.
    """

    def __init__(self, host: str, port: int, tls: "ssl.SSLContext | None", timeout: float) -> None:
        self._host, self._port, self._tls, self._timeout = host, port, tls, timeout
        self._socket: socket.socket | None = None

    def post(self, path: str, headers: Mapping[str, str], body: bytes, keep: int) -> Answer:
        """Post `body` and return the answer with at most `keep` bytes of its body.

        Raises:
            OSError: the network, or the other side, failed.
            BadAnswer: the answer can't be read.
        """
        if self._socket is None:
            self._socket = self._connect()
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
        self._socket.sendall(head.encode("latin-1") + body)
        return self._answer(self._socket, keep)

    def close(self) -> None:
        """Close the connection; the next post makes another one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), self._timeout)
        if self._tls is None:
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=self._host)
        except OSError:
            connection.close()
            raise

    def _answer(self, connection: socket.socket, keep: int) -> Answer:
        received = b""
        while True:
            while (end := received.find(b"\r\n\r\n")) < 0:
                if len(received) > _MAX_HEAD_BYTES:
                    raise BadAnswer(f"the answer's head is longer than {_MAX_HEAD_BYTES} bytes")
                data = connection.recv(_CHUNK_BYTES)
                if not data:
                    raise BadAnswer("the connection was closed before an answer had come")
                received += data
            kept, status, phrase, headers = _head(received[:end])
            received = received[end + 4 :]
            # 100 to 199 say that the answer is still to come. Source: RFC 9110, 15.2
            if status >= 200:
                break
        length = headers.get("content-length", "")
        if not kept or not length.isdecimal() or "close" in headers.get("connection", "").lower():
            beginning = _beginning(connection, received, keep)
            self.close()
        else:
            beginning = _whole(connection, received, int(length))[:keep]
        return Answer(status, phrase, beginning)


def _head(text: bytes) -> tuple[bool, int, str, dict[str, str]]:
    """Return whether the version keeps connections, the status' code and phrase, and the headers."""
    first, *lines = text.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, phrase = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (code.isdecimal() and len(code) == 3):
        raise BadAnswer(f"the answer begins with {first[:80]!r}, which is no HTTP/1.1")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return version != "HTTP/1.0", int(code), phrase.strip(), headers


def _whole(connection: socket.socket, received: bytes, length: int) -> bytes:
    """Read the body to its end, so that the next answer begins after it."""
    parts, size = [received], len(received)
    while size < length:
        data = connection.recv(_CHUNK_BYTES)
        if not data:
            raise BadAnswer("the connection was closed in the middle of an answer")
        parts.append(data)
        size += len(data)
    return b"".join(parts)[:length]


def _beginning(connection: socket.socket, received: bytes, keep: int) -> bytes:
    """Read as much of a body as is kept; where it ends does not matter, since the connection is not used again."""
    while len(received) < keep:
        data = connection.recv(_CHUNK_BYTES)
        if not data:
            break
        received += data
    return received[:keep]
