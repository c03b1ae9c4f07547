"""Posts events to the timeline over HTTP. Knows one try; when to try again is for `cronwright_runner.reporter`."""

import http.client
import json
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cronwright.jsontypes import JSONObject

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


@dataclass(frozen=True, slots=True)
class Delivery:
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
        connection = self.connection()
        try:
            self.post_over(connection, [json.dumps(event).encode() for event in events])
        finally:
            connection.close()

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection for `post_over`, which opens it.

        Raises:
            Refused: the URL or the CA file can't be used.
        """
        try:
            return self._connection(urllib.parse.urlsplit(self.url))
        except (ValueError, OSError) as error:
            raise Refused(f"{self.url} with CA file {self.ca_file} can't be used: {error}") from error

    def post_over(self, connection: http.client.HTTPConnection, events: Sequence[bytes]) -> None:
        """Post `events` (JSON:API attributes, each as JSON), all or none, and leave the connection as the answer does.

        Raises:
            Unavailable: try again later, over another connection.
            Refused: don't.
        """
        body = b'{"data": [%s]}' % b", ".join(b'{"type": "timeline", "attributes": %s}' % event for event in events)
        target = urllib.parse.urlsplit(self.url)
        try:
            connection.request("POST", target.path.rstrip("/") + _PATH, body, self._headers())
            answer = connection.getresponse()
            detail = answer.read(_SHOWN_BYTES).decode("utf-8", "replace").strip()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self.url}: {error or type(error).__name__}") from error
        if 200 <= answer.status < 300:
            return
        said = f"{self.url}{_PATH} answered {answer.status} {answer.reason}" + (f": {detail}" if detail else "")
        if 400 <= answer.status < 500 and answer.status not in _WORTH_ANOTHER_TRY:
            raise Refused(said)
        raise Unavailable(said if self.token_path.exists() else f"{said} (there is no token at {self.token_path})")

    def _connection(self, target: urllib.parse.SplitResult) -> http.client.HTTPConnection:
        host = target.hostname or ""
        if target.scheme == "http":
            return http.client.HTTPConnection(host, target.port, timeout=_TIMEOUT_SECONDS)
        import ssl

        context = ssl.create_default_context(cafile=self.ca_file)
        return http.client.HTTPSConnection(host, target.port, timeout=_TIMEOUT_SECONDS, context=context)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": MEDIA_TYPE, "Accept": MEDIA_TYPE}
        # Read at each try: the kubelet replaces the token while the pod runs
        if self.token_path.exists():
            headers["Authorization"] = f"Bearer {self.token_path.read_text(encoding='ascii').strip()}"
        return headers
