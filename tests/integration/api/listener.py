"""A listener of the stream over a real connection: its events one by one, as a client reads them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from .served import Served

QUIET_SECONDS = 30
"""Longer than a heartbeat takes to come; a stream that is silent for so long is broken."""


@dataclass(frozen=True)
class Heard:
    """An event of the stream."""

    id: str
    name: str
    document: Any

    @property
    def title(self) -> str:
        """The title of the row."""
        return str(self.document["data"]["attributes"]["title"])


class Listening:
    """GET /api/timeline/stream as `token`, behind the last event id `last`. Use as a context."""

    def __init__(self, api: Served, token: str, query: str = "", last: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        self._client = httpx.Client(base_url=api.url, timeout=QUIET_SECONDS)
        request = self._client.build_request(
            "GET", f"/api/timeline/stream{query}", headers=headers | ({"Last-Event-ID": last} if last else {})
        )
        self.response = self._client.send(request, stream=True)
        self.last, self._events = last, self._read()

    def __enter__(self) -> Self:
        assert self.response.status_code == 200, self.response.read()
        # The first frame tells where the stream begins: from then on nothing is missed
        self._lines = self.response.iter_lines()
        self._frame()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.response.close()
        self._client.close()

    def __iter__(self) -> Iterator[Heard]:
        return self._events

    def titles(self, count: int) -> list[str]:
        """Return the titles of the next events."""
        return [next(self._events).title for _ in range(count)]

    def _read(self) -> Iterator[Heard]:
        while True:
            fields = self._frame()
            if fields is None:
                return
            if "data" in fields:
                yield Heard(self.last, fields.get("event", ""), json.loads(fields["data"]))

    def _frame(self) -> dict[str, str] | None:
        fields: dict[str, str] = {}
        for line in self._lines:
            if not line:
                self.last = fields.get("id", self.last)
                return fields
            name, _, value = line.partition(": ")
            fields[name] = value
        return None


def refused(api: Served, token: str, query: str = "", **headers: str) -> tuple[int, str]:
    """Return status and code of a stream that is not given."""
    sent = {"Authorization": f"Bearer {token}", **headers}
    with api.http.stream("GET", f"/api/timeline/stream{query}", headers=sent) as response:
        # One that is given has no end to read to
        assert response.status_code != 200
        response.read()
    return response.status_code, response.json()["errors"][0]["code"]
