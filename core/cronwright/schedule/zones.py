"""The time zone database: which zones there are, and each one's offsets.

Reads the pinned tzdata package and never the machine's own files, so that every program shows the same fire times.
"""

from __future__ import annotations

import os.path
import threading
from bisect import bisect_right
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

import tzdata  # type: ignore[import-untyped]

# os.path and not pathlib, whose import is a fifth of a runner's time to its action.
_DATABASE = os.path.dirname(tzdata.__file__)  # noqa: PTH120
_DAY = 86400  # seconds
_MARGIN = 400 * _DAY  # how far around a time the table is made: a year ahead is where most searches end
_NEAR = 40 * _DAY

_Table = tuple[int, int, list[int], list[int]]


def version() -> str:
    """The database's version, such as 2026f."""
    return str(tzdata.IANA_VERSION)


@cache
def names() -> frozenset[str]:
    """Every zone of the database, links included."""
    with open(os.path.join(_DATABASE, "zones"), encoding="ascii") as file:  # noqa: PTH118, PTH123
        return frozenset(file.read().split())


class Zone:
    """Offsets of one zone, in seconds ahead of UTC, by Unix time in seconds.

    Keeps a table of the stretches with one offset each, and extends it year by year as it is asked. A stretch shorter
    than a day would go unseen; the database has none since 1970 (a test looks).
    """

    def __init__(self, name: str) -> None:
        if name not in names():
            raise ValueError(f"{name!r} is not in the time zone database")
        self.name = name
        path = os.path.join(_DATABASE, "zoneinfo", *name.split("/"))  # noqa: PTH118
        with open(path, "rb") as file:  # noqa: PTH123
            self._source = ZoneInfo.from_file(file, key=name)
        self._extending = threading.Lock()
        # First second, end, starts of the stretches, their offsets: replaced as one, so that readers need no lock.
        self._table: _Table = (0, 0, [], [])

    def offset(self, at: int) -> int:
        """Seconds that local time is ahead of UTC at Unix time `at`."""
        low, high, starts, offsets = self._table
        if not low <= at < high:
            low, high, starts, offsets = self._extend(at)
        return offsets[bisect_right(starts, at) - 1]

    def steady_until(self, at: int) -> int:
        """A Unix time up to which the offset stays what it is at `at`: the next change, or how far the table goes."""
        low, high, starts, _ = self._table
        # Well ahead, or the table's end would look like a change to a search that comes near it.
        if not low <= at < high - _NEAR:
            low, high, starts, _ = self._extend(at)
        index = bisect_right(starts, at)
        return starts[index] if index < len(starts) else high

    def last_change(self, at: int, not_before: int) -> int | None:
        """The last change of the offset at or before Unix time `at`, None where there is none from `not_before` on."""
        while True:
            low, high, starts, _ = self._table
            if not low <= at < high:
                low, high, starts, _ = self._extend(at)
            index = bisect_right(starts, at) - 1
            if index > 0:
                return starts[index] if starts[index] >= not_before else None
            if low <= not_before:
                return None
            self._extend(low - 1)

    def _source_offset(self, at: int) -> int:
        offset = datetime.fromtimestamp(at, self._source).utcoffset()
        assert offset is not None  # every zone of the database has one
        return offset.days * _DAY + offset.seconds

    def _extend(self, at: int) -> _Table:
        """Extend the table to a year around `at`, and return it."""
        with self._extending:
            low, high, starts, offsets = self._table
            day = at // _DAY * _DAY
            if low == high:
                low, high = day - _MARGIN, day + _MARGIN
                starts, offsets = self._stretches(low, high)
            if at < low:
                earlier = day - _MARGIN
                new_starts, new_offsets = self._stretches(earlier, low)
                kept = 1 if new_offsets[-1] == offsets[0] else 0
                low, starts, offsets = earlier, new_starts + starts[kept:], new_offsets + offsets[kept:]
            elif day + _MARGIN > high:
                later = day + _MARGIN
                new_starts, new_offsets = self._stretches(high, later)
                kept = 1 if new_offsets[0] == offsets[-1] else 0
                high, starts, offsets = later, starts + new_starts[kept:], offsets + new_offsets[kept:]
            self._table = (low, high, starts, offsets)
            return self._table

    def _stretches(self, low: int, high: int) -> tuple[list[int], list[int]]:
        starts, offsets = [low], [self._source_offset(low)]
        for day in range(low, high, _DAY):
            offset = self._source_offset(day + _DAY)
            if offset != offsets[-1]:
                change = self._change_between(day, day + _DAY)
                if change < high:
                    starts.append(change)
                    offsets.append(offset)
        return starts, offsets

    def _change_between(self, before: int, after: int) -> int:
        old = self._source_offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self._source_offset(middle) == old:
                before = middle
            else:
                after = middle
        return after


@cache
def zone(name: str) -> Zone:
    """The zone of that name, one for the whole program. Raises ValueError for a name that isn't in the database."""
    return Zone(name)
