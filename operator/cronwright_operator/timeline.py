"""Posting of events to the timeline's HTTP service, with the operator's own token."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from cronwright.timeline.event import Event, dump_event
from cronwright_operator.errors import TimelineError

POST_TIMEOUT_SECONDS = 5
PAUSE_AFTER_FAILURE_SECONDS = 10
"""While the timeline is away, nobody waits for it: for this long after a failure posting fails at once."""


class Timeline:
    """The service at `url`; without one, posting is an error of the caller."""

    def __init__(self, url: str | None, token_path: Path) -> None:
        self._url, self._token_path = url, token_path
        self._session: aiohttp.ClientSession | None = None
        self._away_until = 0.0

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def post(self, events: Sequence[Event]) -> None:
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

    async def _post(self, events: Sequence[Event]) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=POST_TIMEOUT_SECONDS))
        # Read each time: the kubelet renews the file.
        token = self._token_path.read_text().strip()
        async with self._session.post(
            f"{self._url}/api/timeline",
            json={"data": [{"type": "timeline", "attributes": dump_event(event)} for event in events]},
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.api+json"},
        ) as response:
            if response.status >= 300:
                raise TimelineError(f"the timeline answered {response.status}: {(await response.text())[:500]}")
