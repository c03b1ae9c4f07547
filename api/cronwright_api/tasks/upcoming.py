"""The fire times of a Task as people see them: the next ones, and the schedule in words."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron, Every, check_time_zone, parse
from cronwright.schedule.hashes import resolve
from cronwright.schedule.sentence import describe
from cronwright.task import DEFAULT_TIME_ZONE

SHOWN = 5
"""Fire times that a Task shows."""


class Upcoming:
    """When a schedule fires next. Remembers the first answer until it has passed."""

    def __init__(self, fire_times: FireTimes) -> None:
        self._fire_times = fire_times
        self._asked: datetime | None = None
        self._next: datetime | None = None
        self.description = describe(fire_times.schedule, fire_times.time_zone)

    def next(self, now: datetime) -> datetime | None:
        """Return the first fire time after `now` (aware), None where there is none."""
        known = self._asked is not None and self._asked <= now and (self._next is None or now < self._next)
        if not known:
            self._asked, self._next = now, self._fire_times.next(now)
        return self._next

    def following(self, now: datetime, count: int = SHOWN) -> Sequence[datetime]:
        """Return the next `count` fire times."""
        found: list[datetime] = []
        fire_time = self.next(now)
        while fire_time is not None and len(found) < count:
            found.append(fire_time)
            fire_time = self._fire_times.next(fire_time)
        return found


def upcoming(namespace: str, resource_name: str, schedule: str, time_zone: str | None) -> Upcoming | None:
    """Return when the Task fires, None where its schedule can't be."""
    # Only an H asks for the name, and without it ten thousand Tasks share a handful of answers
    return _upcoming(schedule, time_zone, *((namespace, resource_name) if "H" in schedule else ("", "")))


@lru_cache(maxsize=16_384)
def _upcoming(schedule: str, time_zone: str | None, namespace: str, resource_name: str) -> Upcoming | None:
    try:
        parsed = parse(schedule)
        check_time_zone(parsed, time_zone)
    except ValueError:
        return None
    if isinstance(parsed, Cron):
        parsed = resolve(parsed, namespace, resource_name)
    zone = DEFAULT_TIME_ZONE if time_zone is None or isinstance(parsed, Every) else time_zone
    return Upcoming(FireTimes(parsed, zone))
