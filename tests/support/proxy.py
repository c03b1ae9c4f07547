"""A TCP proxy in front of a real server, to cut or to freeze its connections as a network does."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import yaml


class Proxy:
    """Passes bytes on until told otherwise. Use as a context."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._frozen: set[tuple[socket.socket, socket.socket]] = set()
        self._refusing, self._silent, self._closed = False, False, False
        self._unheard: list[socket.socket] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._listener.close()
        self.cut()
        for caller in self._unheard:
            caller.close()

    def cut(self) -> None:
        """End all connections; new ones are taken."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """End all connections, and each new one at once."""
        self._refusing = True
        self.cut()
        try:
            yield
        finally:
            self._refusing = False

    def freeze(self) -> None:
        """Pass nothing on over the connections that there are, and close none of them, as where a network forgets
        about them; new ones work."""
        with self._lock:
            self._frozen |= self._pairs

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Pass nothing on over the connections that there are or that are made meanwhile, and close none of them, as
        where a server or the way to it hangs. None of them works again, new ones do."""
        self._silent = True
        self.freeze()
        try:
            yield
        finally:
            self._silent = False

    def _accept(self) -> None:
        while not self._closed:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._refusing:
                caller.close()
                continue
            if self._silent:
                self._unheard.append(caller)
                continue
            threading.Thread(target=self._pass, args=(caller,), daemon=True).start()

    def _pass(self, caller: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            caller.close()
            return
        pair = (caller, server)
        with self._lock:
            self._pairs.add(pair)
        try:
            self._pump(caller, server)
        except OSError:
            pass  # a connection that was cut
        finally:
            with self._lock:
                self._pairs.discard(pair)
            caller.close()
            server.close()

    def _pump(self, caller: socket.socket, server: socket.socket) -> None:
        while True:
            for source in select.select([caller, server], [], [], 0.2)[0]:
                received = source.recv(65536)
                if not received:
                    return
                if (caller, server) not in self._frozen:
                    (server if source is caller else caller).sendall(received)


def proxy_to(kubeconfig: Path, changed: Path) -> Proxy:
    """Return a proxy to the API server of `kubeconfig`, and write one to `changed` that leads through it."""
    document: Any = yaml.safe_load(kubeconfig.read_text())
    entry = document["clusters"][0]["cluster"]
    server = urlsplit(entry["server"])
    assert server.hostname and server.port
    proxy = Proxy(server.hostname, server.port)
    entry["server"] = f"https://127.0.0.1:{proxy.port}"
    changed.write_text(yaml.safe_dump(document))
    return proxy
