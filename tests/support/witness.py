"""A server in the cluster that writes down what runs did, so that a test need not take the timeline's word for it.

Runs reach it by the action `http`. Each request is a line in its pod's log: when it came, under which idempotency key
(a run's id), and whether it was answered. The query `?hold=3` answers after three seconds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cronwright.instants import parse_instant
from support.cluster import CORE, Cluster, wait_for

NAME = "witness"
_PORT = 8000

_PROGRAM = """
import json, sys, threading, time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

def note(what, handler):
    at = datetime.now(UTC).isoformat()
    task, generation = urlsplit(handler.path).path.strip("/").split("/")
    key = handler.headers.get("Idempotency-Key", "")
    line = json.dumps({"what": what, "at": at, "task": task, "generation": int(generation), "key": key})
    # In one write, or lines of two threads mix
    sys.stdout.write(line + "\\n")
    sys.stdout.flush()

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        note("asked", self)
        query = parse_qs(urlsplit(self.path).query)
        time.sleep(float(query.get("hold", ["0"])[0]))
        self.send_response(204)
        self.end_headers()
        note("answered", self)

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

print("ready", flush=True)
Server(("", 8000), Handler).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Note:
    """A request: for which Task, which generation of it, under which key, and when it came."""

    task: str
    generation: int
    key: str
    at: datetime
    answered: bool


class Witness:
    """The server of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str, address: str) -> None:
        self._cluster, self._namespace, self._address = cluster, namespace, address
        self._pod = f"{CORE}/namespaces/{namespace}/pods/{NAME}"
        # Not by name: a question to DNS that is lost takes five seconds, which are several ticks
        self._host = f"{f'[{address}]' if ':' in address else address}:{_PORT}"

    def through(self, cluster: Cluster) -> "Witness":
        """Return the same witness, asked through other connections."""
        return Witness(cluster, self._namespace, self._address)

    def action(self, task: str, hold: float = 0, generation: int = 1) -> dict[str, Any]:
        """Return a Task's fields that let each of its runs be noted, and last `hold` seconds."""
        query = f"?hold={hold}" if hold else ""
        url = f"http://{self._host}/{task}/{generation}{query}"
        return {"actionName": "http", "attributes": {"method": "POST", "url": url, "expectStatus": 204}}

    def notes(self, task: str, since_seconds: int | None = None) -> Sequence[Note]:
        """Return the requests of the runs of `task`, all or those of the last seconds, as they came."""
        recent = {} if since_seconds is None else {"sinceSeconds": str(since_seconds)}
        answer = self._cluster.http.get(f"{self._pod}/log", params=recent)
        assert answer.status_code == 200, answer.text
        lines = [json.loads(line) for line in answer.text.splitlines() if line.startswith("{")]
        own = [line for line in lines if line["task"] == task]
        answered = {line["key"] for line in own if line["what"] == "answered"}
        return [
            Note(task, line["generation"], line["key"], parse_instant(line["at"]), line["key"] in answered)
            for line in own
            if line["what"] == "asked"
        ]


def witness_in(cluster: Cluster, namespace: str, image: str) -> Witness:
    """Start the witness of a namespace, in a container of the runner's image, and return when it can be asked."""
    labels = {"app": NAME}
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["python3", "-c", _PROGRAM],
        "readinessProbe": {"tcpSocket": {"port": _PORT}, "periodSeconds": 1},
    }
    cluster.create(
        f"{CORE}/namespaces/{namespace}/pods",
        {
            "metadata": {"name": NAME, "labels": labels},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
        },
    )
    service = cluster.create(
        f"{CORE}/namespaces/{namespace}/services",
        {"metadata": {"name": NAME}, "spec": {"selector": labels, "ports": [{"port": _PORT}]}},
    )
    path = f"{CORE}/namespaces/{namespace}/pods/{NAME}"
    wait_for("the witness", lambda: _is_ready(cluster.get(path)), 60)
    return Witness(cluster, namespace, service["spec"]["clusterIP"])


def _is_ready(pod: Any) -> bool:
    conditions = pod["status"].get("conditions") or ()
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)
