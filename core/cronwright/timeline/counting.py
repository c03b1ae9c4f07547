"""Fire times of a written schedule, stepped through and counted: what the arithmetic of spans stands on.

`@every` is counted by arithmetic, a week of seconds as fast as one; a cron line by going from one fire time to the
next, and so only up to a number. What is done with the counts is not here.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from cronwright.schedule.errors import ScheduleError
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron, Every, Manual, check_time_zone, parse
from cronwright.schedule.grid import next_tick, tick_at_or_before

MAX_ENUMERATED = 100_000
"""Fire times of a cron line that are counted in one stretch: 69 days of one a minute, and less than a second's work."""

_SECOND = timedelta(seconds=1)


class TooMany(ValueError):
    """A stretch of a cron line has more than MAX_ENUMERATED fire times."""


class Counted:
    """The fire times of one schedule. Instants are aware, the answers in UTC and in whole seconds.

    `time_zone` is the zone of a cron line; `@every` counts in UTC. Raises ScheduleError for a schedule that has no fire
    times or still has an `H` in it, and for a zone that doesn't go with it.
    """

    def __init__(self, schedule: str, time_zone: str) -> None:
        parsed = parse(schedule)
        check_time_zone(parsed, time_zone)
        if isinstance(parsed, Manual):
            raise ScheduleError("schedule", schedule, f'schedule "{schedule}" has no fire times', "write one that has")
        if isinstance(parsed, Cron) and parsed.has_hash:
            problem = f'schedule "{schedule}" holds an H, which stands for another number in each Task'
            raise ScheduleError("schedule", schedule, problem, "write the number that it stands for")
        self._every = parsed if isinstance(parsed, Every) else None
        self._fire_times = FireTimes(parsed, time_zone)

    def is_fire_time(self, at: datetime) -> bool:
        """Whether the schedule names `at`."""
        return tick_at_or_before(self._every, at) == at if self._every else self._fire_times.is_fire_time(at)

    def following(self, at: datetime) -> datetime | None:
        """The first fire time after `at`; None where a cron line has none in five years."""
        return next_tick(self._every, at) if self._every else self._fire_times.next(at)

    def preceding(self, at: datetime) -> datetime | None:
        """The last fire time before `at`; None where a cron line has none in nine years."""
        return self.at_or_before(at - _SECOND)

    def at_or_after(self, at: datetime) -> datetime | None:
        """The first fire time at or after `at`, which is a whole second."""
        return self.following(at - _SECOND)

    def at_or_before(self, at: datetime) -> datetime | None:
        """The last fire time at or before `at`, which is a whole second."""
        return tick_at_or_before(self._every, at) if self._every else self._fire_times.at_or_before(at)

    def count(self, first: datetime, last: datetime) -> int:
        """How many fire times there are from `first` to `last`, both of them fire times and counted.

        Raises:
            TooMany: more of a cron line than MAX_ENUMERATED.
        """
        if self._every:
            return int((last - first).total_seconds()) // self._every.seconds + 1
        found = len(self._fire_times.between(first - _SECOND, last, MAX_ENUMERATED + 1))
        if found > MAX_ENUMERATED:
            raise TooMany(f"more than {MAX_ENUMERATED} fire times from {first} to {last}")
        return found


@lru_cache(maxsize=1024)
def counted(schedule: str, time_zone: str) -> Counted:
    """Return the fire times of a schedule as documents write it. Raises ScheduleError as `Counted`."""
    return Counted(schedule, time_zone)


@lru_cache(maxsize=4096)
def fire_times_between(schedule: str, time_zone: str, first: datetime, last: datetime) -> int:
    """Return how many fire times there are from `first` to `last`, both of them fire times and counted.

    Raises:
        ScheduleError: as `Counted`.
        TooMany: more of a cron line than MAX_ENUMERATED.
    """
    return counted(schedule, time_zone).count(first, last)
