"""The windows of a loop: which pod owns which tick of an interval that no CronJob can say.

A loop's CronJob starts a Job each time a window opens, and the Job's pod ticks until the next window's pod takes over.
Who owns a tick follows from the tick's time alone: two pods with clocks that disagree never both run it. All instants
are aware; windows are whole multiples of their length since the Unix epoch, moved by the Task's own offset.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cronwright.schedule.grammar import Every
from cronwright.schedule.grid import next_tick, tick_at_or_before

DEFAULT_WINDOW_SECONDS = 3600
"""An hour: long enough that the start of a pod costs little, short enough that a loop leaves a cordoned node soon."""

LONGEST_MARGIN_SECONDS = 300
"""How long after a window opens its pod takes over: a node that pulls an image or lacks room needs minutes."""

_HOUR, _MINUTE = 3600, 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Ownership(NamedTuple):
    """The ticks from `first` (inclusive) to `end` (exclusive)."""

    first: datetime
    end: datetime

    def owns(self, tick: datetime) -> bool:
        """Return whether `tick` (aware) is one of them."""
        return self.first <= tick < self.end


class Ticks(NamedTuple):
    """A stretch of ticks, from `first` to `last`, both inclusive."""

    first: datetime
    last: datetime
    total: int


class Windows(NamedTuple):
    """Windows of `length` seconds that open `offset` seconds after each multiple of it; both are whole minutes.

    The length divides the hour, so that one cron line says when windows open.
    """

    length: int
    offset: int

    @property
    def margin(self) -> timedelta:
        """How long after it opens a window takes over; a quarter of a short one."""
        return timedelta(seconds=min(LONGEST_MARGIN_SECONDS, self.length // 4))

    def cron_line(self) -> str:
        """Return the line, read in UTC, whose fire times are the openings."""
        minute, minutes = self.offset // _MINUTE, self.length // _MINUTE
        if self.length == _HOUR:
            return f"{minute} * * * *"
        if minutes == 1:
            return "* * * * *"
        return f"{minute}-59/{minutes} * * * *"

    def opened_at_or_before(self, at: datetime) -> datetime:
        """Return when the last window that is open at `at` opened."""
        seconds = int((at - _EPOCH).total_seconds()) - self.offset
        return _EPOCH + timedelta(seconds=seconds // self.length * self.length + self.offset)

    def opens_at(self, at: datetime) -> bool:
        """Return whether a window opens at the aware instant `at`."""
        return self.opened_at_or_before(at) == at

    def owned(self, opened: datetime, start: datetime) -> Ownership:
        """Return what the pod of the window that `opened` owns, for a plan in force since `start`.

        The first window of a plan owns from the plan's start, since none came before it.
        """
        end = opened + timedelta(seconds=self.length) + self.margin
        if self.opened_at_or_before(start) == opened:
            return Ownership(start, end)
        return Ownership(opened + self.margin, end)


def windows_of(task_uid: str, length: int = DEFAULT_WINDOW_SECONDS) -> Windows:
    """Return the windows of a Task: the offset is a hash of its uid, so that not all loops change pods in one minute.

    Raises:
        ValueError: `length` is not whole minutes that divide the hour.
    """
    if length % _MINUTE or not _MINUTE <= length <= _HOUR or _HOUR % length:
        raise ValueError(f"a window of {length} s does not divide the hour into whole minutes; write 3600, 1800 or 600")
    minutes = int.from_bytes(hashlib.sha256(task_uid.encode()).digest()[:8], "big") % (length // _MINUTE)
    return Windows(length, minutes * _MINUTE)


def ticks_between(every: Every, first: datetime, end: datetime) -> Ticks | None:
    """Return the ticks from `first` (inclusive) to `end` (exclusive), or None where there are none."""
    before = tick_at_or_before(every, first)
    earliest = before if before == first else next_tick(every, first)
    if earliest >= end:
        return None
    last = tick_at_or_before(every, end)
    if last == end:
        last -= timedelta(seconds=every.seconds)
    total = int((last - earliest).total_seconds()) // every.seconds + 1
    return Ticks(earliest, last, total)
