"""The runner's peer: an HTTP server on this machine that keeps the events posted to it and answers as it is told."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cronwright.timeline.event import Event, load_event
from cronwright.timeline.span import KIND, Span, load_span


@dataclass
class Post:
    """One request: its path, its headers in lower case, and its events as core reads them."""

    path: str
    headers: dict[str, str]
    events: list[Event]
    status: int
    spans: list[Span] = field(default_factory=list)


@dataclass
class Timeline:
    """Answers posts with `answers`, one after the other, then with 201; a post with one of `refuse_kinds` with 422."""

    answers: list[int] = field(default_factory=list)
    refuse_kinds: tuple[str, ...] = ()
    posts: list[Post] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def events(self) -> list[Event]:
        """All events that were taken, in order."""
        return [event for post in self.posts if post.status == 201 for event in post.events]

    @property
    def spans(self) -> list[Span]:
        """All spans that were taken, in order."""
        return [span for post in self.posts if post.status == 201 for span in post.spans]

    @property
    def starts(self) -> list[Event]:
        """The starts among them."""
        return [event for event in self.events if event.kind == "start"]

    @property
    def ends(self) -> list[Event]:
        """The ends among them."""
        return [event for event in self.events if event.kind == "end"]

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Keep a post and return the status to answer it with."""
        rows = [item["attributes"] for item in json.loads(body)["data"]]
        events = [load_event(row) for row in rows if row["kind"] != KIND]
        spans = [load_span(row) for row in rows if row["kind"] == KIND]
        status = self.answers.pop(0) if self.answers else 201
        if any(event.kind in self.refuse_kinds for event in events):
            status = 422
        self.posts.append(Post(path, headers, events, status, spans))
        return status

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        timeline = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = timeline.answer(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                answer = json.dumps({"errors": [{"detail": f"told to say {status}"}]}).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None:
                """Say nothing: the tests look at `posts`."""

        return Handler
