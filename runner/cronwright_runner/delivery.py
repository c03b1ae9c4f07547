"""Posts events to the timeline over HTTP. Knows one try; when to try again is for `cronwright_runner.reporter`."""

import json
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cronwright.jsontypes import JSONObject
from cronwright_runner.exchange import BadAnswer, Exchange

MEDIA_TYPE = "application/vnd.api+json"
_PATH = "/api/timeline"
_TIMEOUT_SECONDS = 4
"""For the connection and for each wait on the answer: two tries fit into the 10 s that an end is given."""
_WORTH_ANOTHER_TRY = frozenset({401, 408, 429})
"""A token that is about to be replaced, a slow request, a busy server: other 4xx stay as they are, whatever we do."""
_SHOWN_BYTES = 500


class Unavailable(Exception):
    """The timeline didn't take the events now, but may later."""


class Refused(Exception):
    """The timeline will never take these events."""


class Delivery(NamedTuple):
    """Where the events go: the API's URL, the file with the pod's token, and the CA certificates of an https URL."""

    url: str
    token_path: Path
    ca_file: str | None

    def post(self, events: Sequence[JSONObject]) -> None:
        """Post `events` (JSON:API attributes), all or none.

        Raises:
            Unavailable: try again later.
            Refused: don't.
        """
        exchange = self.exchange()
        try:
            self.post_over(exchange, [json.dumps(event).encode() for event in events])
        finally:
            exchange.close()

    def exchange(self) -> Exchange:
        """Return what `post_over` posts by.

        Raises:
            Refused: the URL or the CA file can't be used.
        """
        target = urllib.parse.urlsplit(self.url)
        try:
            if target.scheme == "http":
                return Exchange(target.hostname or "", target.port or 80, None, _TIMEOUT_SECONDS)
            import ssl

            context = ssl.create_default_context(cafile=self.ca_file)
            return Exchange(target.hostname or "", target.port or 443, context, _TIMEOUT_SECONDS)
        except (ValueError, OSError) as error:
            raise Refused(f"{self.url} with CA file {self.ca_file} can't be used: {error}") from error

    def post_over(self, exchange: Exchange, events: Sequence[bytes]) -> None:
        """Post `events` (JSON:API attributes, each as JSON), all or none, and leave the connection open where the
        timeline does.

        Raises:
            Unavailable: try again later.
            Refused: don't.
        """
        body = b'{"data": [%s]}' % b", ".join(b'{"type": "timeline", "attributes": %s}' % event for event in events)
        target = urllib.parse.urlsplit(self.url)
        try:
            answer = exchange.post(target.path.rstrip("/") + _PATH, self._headers(target.netloc), body, _SHOWN_BYTES)
        except (OSError, BadAnswer) as error:
            exchange.close()
            raise Unavailable(f"{self.url}: {error or type(error).__name__}") from error
        if 200 <= answer.status < 300:
            return
        detail = answer.beginning.decode("utf-8", "replace").strip()
        said = f"{self.url}{_PATH} answered {answer.status} {answer.phrase}" + (f": {detail}" if detail else "")
        if 400 <= answer.status < 500 and answer.status not in _WORTH_ANOTHER_TRY:
            raise Refused(said)
        raise Unavailable(said if self.token_path.exists() else f"{said} (there is no token at {self.token_path})")

    def _headers(self, netloc: str) -> dict[str, str]:
        headers = {"Host": netloc.rpartition("@")[2], "Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        # Read at each try: the kubelet replaces the token while the pod runs
        if self.token_path.exists():
            headers["Authorization"] = f"Bearer {self.token_path.read_text(encoding='ascii').strip()}"
        return headers
