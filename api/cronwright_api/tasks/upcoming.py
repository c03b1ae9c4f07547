"""The fire times of a Task as people see them: the next ones, and the schedule in words."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from itertools import islice

from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron, Every, check_time_zone, parse
from cronwright.schedule.hashes import resolve
from cronwright.schedule.sentence import describe
from cronwright.task import DEFAULT_TIME_ZONE

SHOWN = 5
"""Fire times that a Task shows."""


class Upcoming:
    """When a schedule fires next. Remembers what it has found until it has passed."""

    def __init__(self, fire_times: FireTimes) -> None:
        self._fire_times = fire_times
        self.description = describe(fire_times.schedule, fire_times.time_zone)
        # All fire times after `_since`, as far as they were asked for; None at the end stands for no more
        self._since: datetime | None = None
        self._known: deque[datetime | None] = deque()

    def next(self, now: datetime) -> datetime | None:
        """Return the first fire time after `now` (aware), None where there is none."""
        return next(iter(self.following(now, 1)), None)

    def following(self, now: datetime, count: int = SHOWN) -> Sequence[datetime]:
        """Return the next `count` fire times."""
        if self._since is None or now < self._since:
            self._known.clear()
        while self._known and (first := self._known[0]) is not None and first <= now:
            self._known.popleft()
        self._since = now
        while len(self._known) < count and not (self._known and self._known[-1] is None):
            self._known.append(self._fire_times.next(self._known[-1] or now if self._known else now))
        return [known for known in islice(self._known, count) if known is not None]


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
