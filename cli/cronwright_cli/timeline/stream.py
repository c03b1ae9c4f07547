"""Listens to the API's stream, so that who follows the timeline asks as soon as there is something new, and not before.

What is new is asked for as without a stream: its events say that something has changed, the runs say what it comes to.
"""

import http.client
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from urllib.parse import urlencode

from cronwright_cli.access import Access
from cronwright_cli.timeline.api import Wanted, opener_for, parameters_of

QUIET_SECONDS = 40.0
"""A stream has a heartbeat every 15 seconds; one that is silent for longer is broken."""
AGAIN_SECONDS = 5.0
"""From the end of a stream to the next try."""
LOOK_SECONDS = 30.0
"""How long a look at the runs is put off where the stream is silent."""


@dataclass
class Stream:
    """The stream of what is `wanted`, heard by a thread of its own. `poll_seconds` is the pace without a stream."""

    access: Access
    wanted: Wanted
    poll_seconds: float
    _news: threading.Event = field(default_factory=threading.Event)
    _is_heard: bool = False
    _looked_at: float = float("-inf")

    def start(self) -> None:
        """Begin to listen, for as long as the program runs."""
        threading.Thread(target=self._listen, name="stream", daemon=True).start()

    def wait(self) -> bool:
        """Wait for news, but no longer than a poll takes, and return whether it is time to look."""
        self._news.wait(self.poll_seconds)
        is_due = time.monotonic() - self._looked_at >= LOOK_SECONDS
        if self._news.is_set() or is_due or not self._is_heard:
            self._news.clear()
            self._looked_at = time.monotonic()
            return True
        return False

    def _listen(self) -> None:
        while True:
            try:
                with opener_for(self.access).open(self._request(), timeout=QUIET_SECONDS) as response:
                    # What came between the last look and this moment is not told
                    self._news.set()
                    self._is_heard = True
                    for line in response:
                        if line.startswith(b"data:"):
                            self._news.set()
            except (urllib.error.URLError, http.client.HTTPException, OSError):
                # An API without a stream, or none at all: what to say of it, the questions find out
                pass
            self._is_heard = False
            time.sleep(AGAIN_SECONDS)

    def _request(self) -> urllib.request.Request:
        query = urlencode(parameters_of(self.wanted) | {"fields[timeline]": "kind"})
        headers = {"Authorization": f"Bearer {self.access.token}", "Accept": "text/event-stream"}
        return urllib.request.Request(f"{self.access.url}/api/timeline/stream?{query}", headers=headers)
