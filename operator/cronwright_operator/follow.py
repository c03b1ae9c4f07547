"""Follows the timeline for what becomes of the ticks of loops, which are no Jobs, and keeps it for their status.

The rows are asked for again and again, only while there are loops. What they come to for a Task is shown to decisions
at most every half minute, so that a loop costs its Task's status no more writes than that.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import structlog

from cronwright.instants import format_instant, parse_instant
from cronwright.run.ticks import TickFacts, TickRow, facts_of, fold, parse_row
from cronwright_operator.authority import Authority
from cronwright_operator.errors import TimelineError
from cronwright_operator.observe import Key, Observed
from cronwright_operator.queue import KeyedQueue
from cronwright_operator.timeline import Timeline

log = structlog.get_logger(__name__)

ASK_SECONDS = 10.0
SHOW_AFTER = timedelta(seconds=30)
"""How long a Task's status stays as it is about its ticks."""

PROBLEM_AFTER = timedelta(seconds=60)
"""How long the timeline may be away before the status says so: as long as a new version of the API takes to start."""

GOES_ON_FOR = timedelta(seconds=90)
"""How long a Task that is no loop any more is followed after its last pod has ended, whose word is on its way."""

LOOKS_BACK = timedelta(minutes=10)
"""How far an operator that starts looks back: further, a loop of every second would cost it minutes."""

SETTLES_AFTER = timedelta(seconds=5)
"""How much later than a row one may appear that was made before it."""

NO_TIMELINE = (
    "there is no timeline, so nobody knows how the runs of a loop end; set the chart's api, or read the pod's log"
)

_TIMEOUT_SECONDS = 10
_PAGE_SIZE = 500
_MOST_UIDS = 200
"""More of them make an address that is longer than some proxies take; then all rows are asked for."""

_FIELDS = (
    "created_at,task_uid,kind,trigger,run_id,scheduled_at,started_at,finished_at,retry_at,outcome,reason,message,"
    "first_at,last_at,count"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row as it was read: what it is, when it was made, and what of it can change."""

    version: tuple[str, str]
    created_at: datetime
    tick: TickRow | None


@dataclass(slots=True)
class _Loop:
    """What is known of a loop that was one when last `seen_at`, and what of it is shown since when."""

    facts: TickFacts
    seen_at: datetime
    shown: TickFacts | None = None
    shown_at: datetime | None = None


class TimelineReader:
    """The timeline at `url`, checked against `authority` and read with the token in a file."""

    def __init__(self, url: str, token_path: Path, authority: Authority) -> None:
        self._url, self._token_path, self._authority = url, token_path, authority
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    async def rows(self, uids: Collection[str], since: datetime) -> AsyncIterator[list[_Row]]:
        """Yield the rows about the Tasks of these `uids` that were made since then (aware), in that order, page by
        page.

        Raises:
            TimelineError: there was no answer, or none that can be read.
        """
        query: list[dict[str, Any]] = [{"column": "created_at", "operator": "gte", "value": format_instant(since)}]
        if len(uids) <= _MOST_UIDS:
            query.append({"column": "task_uid", "operator": "any of", "value": sorted(uids)})
        asked = {
            "query": json.dumps(query, separators=(",", ":")),
            "sort": "created_at",
            "page[size]": str(_PAGE_SIZE),
            "fields[timeline]": _FIELDS,
        }
        while True:
            with self._telling():
                page = await self._page(asked)
                rows = [_row(resource) for resource in page]
            yield rows
            if len(page) < _PAGE_SIZE:
                return
            asked["page[after]"] = page[-1]["id"]

    async def started(self, run_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of these runs that have started.

        Raises:
            TimelineError: there was no answer, or none that can be read.
        """
        query: list[dict[str, Any]] = [
            {"column": "id", "operator": "any of", "value": sorted(map(str, run_ids))},
            {"column": "started_at", "operator": "is not empty"},
        ]
        asked = {
            "query": json.dumps(query, separators=(",", ":")),
            "page[size]": str(_PAGE_SIZE),
            "fields[run]": "started_at",
        }
        with self._telling():
            return frozenset(UUID(resource["id"]) for resource in await self._page(asked, "run"))

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what goes wrong into our error."""
        try:
            yield
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TimelineError(f"{self._url}: {str(error) or type(error).__name__}") from error
        except (KeyError, ValueError, TypeError) as error:
            raise TimelineError(f"{self._url} answers with rows that can't be read: {error!r}") from error

    async def _page(self, asked: dict[str, str], collection: str = "timeline") -> list[Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
        # Read each time: the kubelet renews the file.
        headers = {"Authorization": f"Bearer {self._token_path.read_text().strip()}"}
        url, ssl = f"{self._url}/api/{collection}", self._authority.context
        async with self._session.get(url, params=asked, headers=headers, ssl=ssl) as response:
            if response.status >= 300:
                raise TimelineError(f"{self._url} answered {response.status}: {(await response.text())[:300]}")
            return list((await response.json(content_type=None))["data"])


def _row(resource: Any) -> _Row:
    attributes = resource["attributes"]
    changing = [attributes.get(name) for name in ("created_at", "first_at", "last_at", "count")]
    return _Row(
        (resource["id"], json.dumps(changing)),
        parse_instant(attributes["created_at"]),
        parse_row(resource["id"], attributes),
    )


class Follower:
    """Keeps what the timeline says of each loop's ticks."""

    def __init__(
        self,
        reader: TimelineReader | None,
        timeline: Timeline,
        observed: Observed,
        queue: KeyedQueue[Key],
        now: Callable[[], datetime],
    ) -> None:
        self._reader, self._timeline, self._observed, self._queue, self._now = reader, timeline, observed, queue, now
        self._loops: dict[str, _Loop] = {}
        self._since: datetime | None = None
        self._known: dict[tuple[str, str], datetime] = {}
        self._failing_since: datetime | None = None
        self.problem = "" if reader else NO_TIMELINE
        """Why nothing is known of ticks; empty while the timeline answers."""

    def ticks_of(self, task_uid: str) -> TickFacts | None:
        """Return what is shown of a loop's ticks, None where the timeline has not been asked yet."""
        loop = self._loops.get(task_uid)
        return loop.shown if loop else None

    async def started(self, run_ids: Collection[UUID]) -> frozenset[UUID] | None:
        """Return those of these runs of which the timeline has a start, none where there is no timeline; None where it
        does not answer.
        """
        if self._reader is None:
            return frozenset()
        try:
            return await self._reader.started(run_ids)
        except TimelineError as error:
            log.warning("the timeline does not tell which runs have started", error=str(error))
            return None

    async def follow(self) -> None:
        """Ask again and again, for ever."""
        while True:
            with suppress(TimelineError):
                await self._timeline.post_kept()
            if self._reader is not None:
                await self._look(self._reader)
            await asyncio.sleep(ASK_SECONDS)

    async def _look(self, reader: TimelineReader) -> None:
        now = self._now()
        keys = self._followed(now)
        if not keys:
            self._since = None
            return
        try:
            await self._take_in(reader, now)
        except TimelineError as error:
            self._failed(error, keys.values(), now)
            return
        self._answered(keys.values())
        self._show(keys, now)

    def _followed(self, now: datetime) -> dict[str, Key]:
        """Return the Tasks that are followed, by uid: loops, and those that were loops until a moment ago."""
        keys: dict[str, Key] = {}
        if not self._observed.loops and not self._loops:
            return keys
        for key, task in self._observed.tasks.objects.items():
            loop = self._loops.get(task.uid)
            ticks = key in self._observed.loops or (loop is not None and self._observed.has_window(key))
            if task.deleted or not (ticks or (loop and now - loop.seen_at < GOES_ON_FOR)):
                continue
            keys[task.uid] = key
            if loop is None:
                self._loops[task.uid] = _Loop(facts_of(task.status), now)
            elif ticks:
                loop.seen_at = now
        self._loops = {uid: loop for uid, loop in self._loops.items() if uid in keys}
        return keys

    async def _take_in(self, reader: TimelineReader, now: datetime) -> None:
        since = self._since or self._first_look(now)
        newest = since
        async for rows in reader.rows(self._loops, since):
            fresh: dict[str, list[TickRow]] = {}
            for row in rows:
                newest = max(newest, row.created_at)
                if row.version not in self._known:
                    self._known[row.version] = row.created_at
                    if row.tick and row.tick.task_uid in self._loops:
                        fresh.setdefault(row.tick.task_uid, []).append(row.tick)
            for uid, ticks in fresh.items():
                loop = self._loops[uid]
                loop.facts = fold(loop.facts, ticks)
        self._since = max(since, newest - SETTLES_AFTER)
        self._known = {version: at for version, at in self._known.items() if at >= self._since}

    def _first_look(self, now: datetime) -> datetime:
        """From where an operator that has just started reads on: the ends that the statuses know."""
        known = [loop.facts.counted_until for loop in self._loops.values() if loop.facts.counted_until]
        return max(min(known, default=now - SHOW_AFTER), now - LOOKS_BACK)

    def _failed(self, error: TimelineError, keys: Collection[Key], now: datetime) -> None:
        log.debug("the timeline does not tell of ticks", error=str(error))
        self._failing_since = self._failing_since or now
        if not self.problem and now - self._failing_since >= PROBLEM_AFTER:
            # It stays as it is until the timeline answers, or each try would cost each loop a write
            self.problem = f"the timeline can't be read: {error}"
            log.warning("the timeline does not tell of ticks", error=str(error))
            self._look_at(keys)

    def _answered(self, keys: Collection[Key]) -> None:
        self._failing_since = None
        if self.problem:
            self.problem = ""
            self._look_at(keys)

    def _show(self, keys: dict[str, Key], now: datetime) -> None:
        for uid, key in keys.items():
            loop = self._loops[uid]
            if loop.shown_at is not None and now - loop.shown_at < SHOW_AFTER:
                continue
            if loop.shown != loop.facts:
                loop.shown, loop.shown_at = loop.facts, now
                self._queue.add(key)

    def _look_at(self, keys: Collection[Key]) -> None:
        for key in keys:
            self._queue.add(key)
