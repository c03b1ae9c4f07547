"""The action `http` against a real server: what it sends, which answers it takes, which redirects it follows."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from cronwright.jsontypes import JSONObject
from cronwright.reasons import Outcome, Reason

from .pod import Pod
from .timeline import Timeline


class Site:
    """A server whose paths are named after what they do; `seen` holds the requests that came."""

    def __init__(self) -> None:
        site = self
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.seen.append((self.command, self.path, headers, body))
                first, _, rest = self.path.removeprefix("/").partition("/")
                if first == "status":
                    self.say(int(rest), b'{"error": "no such row"}')
                elif first == "redirect":
                    status, _, target = rest.partition("/")
                    self.say(int(status), b"", {"Location": target if "://" in target else f"/{target}"})
                elif first == "bytes":
                    self.say(200, b"x" * int(rest), {"Content-Type": "application/octet-stream"})
                elif first == "letters":
                    self.say(200, b"x" * int(rest), {"Content-Type": "text/plain"})
                else:
                    # Silence, until the client has had enough and closes
                    self.connection.recv(1)

            do_GET = do_POST = do_PUT = do_HEAD = answer

            def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for name, value in ({"Content-Type": "application/json"} | (headers or {})).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                """Say nothing: the tests look at `seen`."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that listens."""
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_the_request_is_as_the_attributes_say_and_carries_the_runs_id(pod: Pod, timeline: Timeline, site: Site) -> None:
    pod.runs(
        "http",
        {
            "url": f"{site.url}/status/201",
            "method": "POST",
            "headers": {"Authorization": "Bearer abc", "X-Empty": ""},
            "body": {"rows": [1, "ž"]},
        },
    ).run()

    (end,) = timeline.ends
    ((method, path, headers, body),) = site.seen
    assert (method, path, json.loads(body)) == ("POST", "/status/201", {"rows": [1, "ž"]})
    assert headers["idempotency-key"] == str(end.run_id)
    assert headers["content-type"] == "application/json"
    assert (headers["authorization"], headers["x-empty"], headers["user-agent"]) == ("Bearer abc", "", "cronwright")
    payload = dict(end.payload or {})
    assert isinstance(payload.pop("elapsedMs"), int)
    assert payload == {"status": 201, "bytes": 24, "body": '{"error": "no such row"}'}


RESULTS: dict[str, tuple[JSONObject, Outcome, str]] = {
    "an expected failure": ({"url": "/status/404", "expectStatus": [404]}, Outcome.SUCCEEDED, ""),
    "an unexpected failure": (
        {"url": "/status/500"},
        Outcome.FAILED,
        'GET {site}/status/500 answered 500 Internal Server Error, not 200-299: {{"error": "no such row"}}',
    ),
    "an unexpected success": (
        {"url": "/status/200", "expectStatus": 204},
        Outcome.FAILED,
        'GET {site}/status/200 answered 200 OK, not 204: {{"error": "no such row"}}',
    ),
    "a redirect within the host": ({"url": "/redirect/302/status/200"}, Outcome.SUCCEEDED, ""),
    "a redirect that was expected": ({"url": "/redirect/302/status/500", "expectStatus": 302}, Outcome.SUCCEEDED, ""),
    "a POST redirected with its body": (
        {"url": "/redirect/307/status/200", "method": "POST", "body": "x"},
        Outcome.SUCCEEDED,
        "",
    ),
    "a POST redirected as a GET": (
        {"url": "/redirect/302/status/200", "method": "POST", "body": "x"},
        Outcome.FAILED,
        "POST {site}/redirect/302/status/200 answered 302 to {site}/status/200, which would make a GET of it; "
        "write that as attributes.url",
    ),
    "a redirect to another host": (
        {"url": "/redirect/302/http://localhost:1/"},
        Outcome.FAILED,
        "GET {site}/redirect/302/http://localhost:1/ redirects to http://localhost:1/, another host, "
        "which is not followed; write that as attributes.url",
    ),
    "a redirect without an end": (
        {"url": "/redirect/302/redirect/302/redirect/302/redirect/302/redirect/302/redirect/302/status/200"},
        Outcome.FAILED,
        "GET {site}/redirect/302/redirect/302/redirect/302/redirect/302/redirect/302/redirect/302/status/200 "
        "was redirected more than 5 times",
    ),
    "no answer in time": (
        {"url": "/silence", "timeoutSeconds": 0.3},
        Outcome.FAILED,
        "GET {site}/silence failed: HTTPConnectionPool(host='127.0.0.1', port={port}): Read timed out. "
        "(read timeout=0.3)",
    ),
}


@pytest.mark.parametrize(("attributes", "outcome", "message"), RESULTS.values(), ids=RESULTS)
def test_an_answer_is_as_expected_or_not(
    pod: Pod, timeline: Timeline, site: Site, attributes: JSONObject, outcome: Outcome, message: str
) -> None:
    pod.runs("http", {**attributes, "url": f"{site.url}{attributes['url']}"}).run()

    (end,) = timeline.ends
    assert end.message == message.format(site=site.url, port=site.server.server_port)
    assert end.outcome is outcome


def test_a_redirect_gets_the_same_request(pod: Pod, timeline: Timeline, site: Site) -> None:
    pod.runs("http", {"url": f"{site.url}/redirect/308/status/200", "method": "PUT", "body": "kept"}).run()

    first, second = site.seen
    assert (first[0], second[0], second[1], second[3]) == ("PUT", "PUT", "/status/200", b"kept")
    assert first[2]["idempotency-key"] == second[2]["idempotency-key"]
    (end,) = timeline.ends
    assert (end.payload or {})["url"] == f"{site.url}/status/200"


def test_a_large_answer_is_counted_and_its_beginning_kept(pod: Pod, timeline: Timeline, site: Site) -> None:
    pod.runs("http", {"url": f"{site.url}/letters/300000"}).run()

    (end,) = timeline.ends
    payload = end.payload or {}
    assert (payload["bytes"], payload["body"]) == (300000, "x" * 2048)


def test_an_answer_that_is_no_text_is_only_counted(pod: Pod, timeline: Timeline, site: Site) -> None:
    pod.runs("http", {"url": f"{site.url}/bytes/10"}).run()

    (end,) = timeline.ends
    payload = end.payload or {}
    assert payload["bytes"] == 10
    assert "body" not in payload


def test_a_server_that_is_not_there_is_named(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("http", {"url": "http://127.0.0.1:1/ping"}).run()

    (end,) = timeline.ends
    assert end.reason is Reason.ACTION_FAILED
    assert end.message.startswith("GET http://127.0.0.1:1/ping failed: ")
    assert "Connection refused" in end.message
    assert ended.exit_code == 64
