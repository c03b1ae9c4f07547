"""The CLI as a program of its own, and a real API process that asks the real cluster who may see what."""

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.span import Span, dump_span
from support.cluster import Cluster, wait_for

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
PROGRAM = str(PROGRAMS / "kubectl-cronwright")
SECONDS = 30
"""How long a program that ends by itself may take on a busy machine."""
START_SECONDS = 90
"""How long an API may take to make its database and to serve."""


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment without what points the CLI anywhere, and with `changes`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRONWRIGHT_")}
    return kept | {"TZ": "UTC", "COLUMNS": "200", **changes}


def cronwright(
    *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the CLI to its end."""
    return subprocess.run(
        [PROGRAM, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=dict(env or environment()),
        cwd=cwd,
        check=False,
    )


@dataclass(frozen=True)
class Api:
    """A running API: its URL, the namespace that its tests may use, and tokens of accounts in there."""

    url: str
    namespace: str
    reporter: str
    reader: str
    stranger: str

    def post(self, events: Sequence[Event | Span]) -> None:
        """Put events and spans on the timeline, as the operator does."""
        dumped = [dump_span(one) if isinstance(one, Span) else dump_event(one) for one in events]
        resources = [{"type": "timeline", "attributes": attributes} for attributes in dumped]
        request = urllib.request.Request(
            f"{self.url}/api/timeline",
            json.dumps({"data": resources}).encode(),
            {"Authorization": f"Bearer {self.reporter}", "Content-Type": "application/vnd.api+json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS):
                pass
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.code}: {error.read().decode()}") from error

    def env(self, **changes: str) -> dict[str, str]:
        """Return the environment of a person who may see the namespace's Tasks."""
        return environment(CRONWRIGHT_URL=self.url, CRONWRIGHT_TOKEN=self.reader) | changes


@dataclass(frozen=True)
class Accounts:
    """Service accounts: who reports (audience cronwright), who may list Tasks in the namespace, and who may nothing."""

    namespace: str
    reporter: str
    reader: str
    stranger: str


def kubeconfig(folder: Path, user: Mapping[str, str], namespace: str | None = None) -> str:
    """Write a kubeconfig of one context, and return its path."""
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "contexts": [{"name": "x", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": user}],
    }
    file = folder / "kubeconfig"
    file.write_text(json.dumps(document))
    return str(file)


def free_port() -> int:
    """Return a TCP port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(cluster: Cluster, accounts: Accounts, folder: Path, port: int) -> Iterator[Api]:
    """Run the API on `port`, its database in `folder`, until the block ends."""
    url = f"http://127.0.0.1:{port}"
    settings = {
        "KUBECONFIG": str(cluster.kubeconfig),
        "CRONWRIGHT_DATABASE_URL": f"sqlite:///{folder}/timeline.db",
        "CRONWRIGHT_LISTEN_HOST": "127.0.0.1",
        "CRONWRIGHT_LISTEN_PORT": str(port),
        "CRONWRIGHT_METRICS_HOST": "127.0.0.1",
        "CRONWRIGHT_METRICS_PORT": str(free_port()),
        "CRONWRIGHT_OPERATOR_ACCOUNT": f"system:serviceaccount:{accounts.namespace}:reporter",
    }
    with (folder / "api.log").open("a") as log:
        process = subprocess.Popen(
            [str(PROGRAMS / "cronwright-api"), "serve"], env=environment(**settings), stderr=log, stdout=log
        )
        try:
            wait_for("the API is ready", lambda: _is_ready(url, process, folder), START_SECONDS)
            yield Api(url, accounts.namespace, accounts.reporter, accounts.reader, accounts.stranger)
        finally:
            process.terminate()
            process.wait(SECONDS)


def _is_ready(url: str, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "api.log").read_text()
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False
