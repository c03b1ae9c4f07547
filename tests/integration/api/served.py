"""The API as a process of its own, and what it is asked over real connections."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

MEDIA_TYPE = "application/vnd.api+json"
START_SECONDS = 60
"""Far more than a start takes, for a machine that does much else."""


class Served:
    """`cronwright-api serve` on a free port, with its database and its log in `folder`. Use as a context."""

    def __init__(self, folder: Path, kubeconfig: Path, **settings: Any) -> None:
        self.folder, self.database, self._log = folder, folder / "timeline.db", folder / "log"
        self.port, self.metrics_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        values = {
            "database_url": f"sqlite:///{self.database}",
            "listen_host": "127.0.0.1",
            "listen_port": self.port,
            "metrics_host": "127.0.0.1",
            "metrics_port": self.metrics_port,
        } | settings
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("CRONWRIGHT_")}
        self._environment |= {f"CRONWRIGHT_{name.upper()}": str(value) for name, value in values.items()}
        self._environment["KUBECONFIG"] = str(kubeconfig)
        self.http = httpx.Client(base_url=self.url, timeout=30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self.http.close()

    def start(self) -> None:
        """Start, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cronwright_api.main", "serve"], env=self._environment, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.http.get("/healthz")
                return
            except httpx.TransportError:
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.05)  # the poll of a condition; nothing depends on its length

    def kill(self) -> None:
        """End it without a word, as a node that dies does."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> tuple[int, float]:
        """End it as Kubernetes does, and return its exit code and how many seconds it took."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=30), time.monotonic() - began

    def wait(self) -> int:
        """Wait until it ends by itself, and return its exit code."""
        return self._process.wait(timeout=30)

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def get(self, path: str, token: str, **headers: str) -> httpx.Response:
        """GET `path` with a bearer token."""
        return self.http.get(path, headers={"Authorization": f"Bearer {token}", **headers})

    def send(
        self, method: str, path: str, token: str, document: Any = None, content_type: str = MEDIA_TYPE
    ) -> httpx.Response:
        """Send `document`, or bytes for a whole body, with a bearer token; without one there is no body."""
        headers = {"Authorization": f"Bearer {token}"}
        if document is None:
            return self.http.request(method, path, headers=headers)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.http.request(method, path, content=body, headers=headers | {"Content-Type": content_type})

    def post(self, token: str, data: Any, content_type: str = MEDIA_TYPE) -> httpx.Response:
        """POST `data` to the timeline: a document's data, or bytes for a whole body."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": content_type}
        if isinstance(data, bytes):
            return self.http.post("/api/timeline", content=data, headers=headers)
        return self.http.post("/api/timeline", json={"data": data}, headers=headers)

    def raw(self, method: str, target: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a request whose target goes out as it stands, with no character escaped."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, target, headers=dict(headers))
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
