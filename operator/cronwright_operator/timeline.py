"""Posting of events and spans to the timeline's HTTP service, with the operator's own token. Reading is in `follow`."""

import asyncio
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from cronwright.jsontypes import JSONObject
from cronwright.timeline.event import Event, dump_event
from cronwright.timeline.span import Span, dump_span
from cronwright_operator.authority import Authority
from cronwright_operator.errors import TimelineError

POST_TIMEOUT_SECONDS = 5
PAUSE_AFTER_FAILURE_SECONDS = 10
"""While the timeline is away, nobody waits for it: for this long after a failure posting fails at once."""


MOST_KEPT = 1000
"""Spans that are kept while the timeline is away: one for each change of a loop then."""

_MOST_POSTED = 100


class Timeline:
    """The service at `url`, checked against `authority`; without one, posting is an error of the caller."""

    def __init__(self, url: str | None, token_path: Path, authority: Authority) -> None:
        self._url, self._token_path, self._authority = url, token_path, authority
        self._session: aiohttp.ClientSession | None = None
        self._away_until = 0.0
        self._kept: deque[Span] = deque(maxlen=MOST_KEPT)

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    def keep(self, spans: Sequence[Span]) -> None:
        """Take `spans` that nothing will tell of again; `post_kept` posts them."""
        if self._url is not None:
            self._kept.extend(spans)

    async def post_kept(self) -> None:
        """Post what is kept, the oldest first.

        Raises:
            TimelineError: not all of it was taken; the rest is still kept.
        """
        while self._kept:
            first = [self._kept[place] for place in range(min(len(self._kept), _MOST_POSTED))]
            await self.post(first)
            for _ in first:
                self._kept.popleft()

    async def post(self, events: Sequence[Event | Span]) -> None:
        """Post `events`; posting one twice is posting it once.

        Raises:
            TimelineError: they were not taken.
        """
        clock = asyncio.get_running_loop().time
        if clock() < self._away_until:
            raise TimelineError("the timeline was away a moment ago")
        try:
            await self._post(events)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._away_until = clock() + PAUSE_AFTER_FAILURE_SECONDS
            raise TimelineError(f"{self._url}: {str(error) or type(error).__name__}") from error

    async def _post(self, events: Sequence[Event | Span]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_SECONDS))
        # Read each time: the kubelet renews the file.
        token = self._token_path.read_text().strip()
        async with self._session.post(
            f"{self._url}/api/timeline",
            json={"data": [{"type": "timeline", "attributes": _dump(event)} for event in events]},
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.api+json"},
            ssl=self._authority.context,
        ) as response:
            if response.status >= 300:
                raise TimelineError(f"the timeline answered {response.status}: {(await response.text())[:500]}")


def _dump(row: Event | Span) -> JSONObject:
    return dump_span(row) if isinstance(row, Span) else dump_event(row)
