"""The grid of `@every`: whole multiples of the interval since the Unix epoch, in UTC, for every replica and edit.

Cheap to import: a runner asks for it at its start.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cronwright.schedule.grammar import Every

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MINUTE, _HOUR, _DAY, _WEEK = 60, 3600, 86400, 604800  # seconds


def exact_cron_line(every: Every) -> str | None:
    """The cron line that says the interval's grid exactly, read in UTC; None where no single line does."""
    seconds = every.seconds
    if seconds == _WEEK:
        return "0 0 * * 4"  # 1 January 1970 was a Thursday
    if seconds == _DAY:
        return "0 0 * * *"
    if seconds % _HOUR == 0 and _DAY % seconds == 0:
        return "0 * * * *" if seconds == _HOUR else f"0 */{seconds // _HOUR} * * *"
    if seconds % _MINUTE == 0 and _HOUR % seconds == 0:
        return "* * * * *" if seconds == _MINUTE else f"*/{seconds // _MINUTE} * * * *"
    return None


def tick_at_or_before(every: Every, at: datetime) -> datetime:
    """The last tick at or before the aware instant `at`, in UTC."""
    whole_seconds = (at - _EPOCH) // _SECOND
    return _EPOCH + timedelta(seconds=whole_seconds // every.seconds * every.seconds)


def next_tick(every: Every, after: datetime) -> datetime:
    """The first tick after the aware instant `after`, in UTC."""
    return tick_at_or_before(every, after) + timedelta(seconds=every.seconds)


def go_duration(seconds: int) -> str:
    """The length as Go's time.Duration prints it, and as robfig/cron reads it after `@every`: 420 is `7m0s`."""
    hours, rest = divmod(seconds, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
