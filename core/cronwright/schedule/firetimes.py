"""The fire times of a schedule, forwards and backwards, in UTC.

Those of a cron line agree with robfig/cron v3, and so with the CronJob controller; those of `@every` are its grid.

This is the one module that imports croniter, which expands the fields. It does so at the first search: a runner, which
only asks whether its own instant is a fire time, starts without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache

from cronwright.schedule import fields, grid
from cronwright.schedule.grammar import Cron, Every, Schedule
from cronwright.schedule.history import last_at_or_before
from cronwright.schedule.line import cron_line
from cronwright.schedule.robfig import Spec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class FireTimes:
    """The fire times of one schedule. Instants are aware, the answers in UTC and in whole seconds.

    `time_zone` is the zone of a cron line; `@every` and `@manual` don't look at it. Raises ValueError for an `H` that
    isn't resolved, and for a zone that isn't in the database.
    """

    def __init__(self, schedule: Schedule, time_zone: str = "Etc/UTC") -> None:
        self.schedule = schedule
        self.time_zone = time_zone
        self._fields = _own_spec(schedule, time_zone) if isinstance(schedule, Cron) else None

    def next(self, after: datetime) -> datetime | None:
        """The first fire time strictly after `after`; None for `@manual`, and where robfig finds none in five years."""
        if isinstance(self.schedule, Every):
            return grid.next_tick(self.schedule, after)
        if self._fields is None:
            return None
        seconds = _seconds(after)
        # robfig takes the next second as it is where it fits; so may we, without croniter.
        if self._fields.matches(seconds + 1):
            return _instant(seconds + 1)
        return _optional_instant(self._search.next(seconds))

    def at_or_before(self, at: datetime, not_before: datetime | None = None) -> datetime | None:
        """The last fire time at or before `at`; None where there is none from `not_before` on, or in nine years."""
        if isinstance(self.schedule, Every):
            tick = grid.tick_at_or_before(self.schedule, at)
            return None if not_before is not None and tick < not_before else tick
        if self._fields is None:
            return None
        # The first whole second that is not before it.
        earliest = None if not_before is None else -((_EPOCH - not_before) // _SECOND)
        return _optional_instant(last_at_or_before(self._search, _seconds(at), earliest))

    def between(self, after: datetime, until: datetime, limit: int) -> list[datetime]:
        """The fire times strictly after `after` and up to `until`, in order, at most `limit` of them."""
        found: list[datetime] = []
        fire_time = self.next(after)
        while fire_time is not None and fire_time <= until and len(found) < limit:
            found.append(fire_time)
            fire_time = self.next(fire_time)
        return found

    def is_fire_time(self, at: datetime) -> bool:
        """Whether the CronJob controller may have started a run for `at`.

        True for an instant whose local time fits, though on the day of a change of clocks a search that began long
        before may pass it over; and for one that such a search finds although its local time doesn't fit.
        """
        if at != _instant(_seconds(at)):
            return False
        if self._fields is not None and self._fields.matches(_seconds(at)):
            return True
        return self.at_or_before(at, not_before=at) == at

    @cached_property
    def _search(self) -> Spec:
        assert isinstance(self.schedule, Cron)
        return _croniter_spec(self.schedule, self.time_zone)


@lru_cache(maxsize=1024)
def _own_spec(cron: Cron, time_zone: str) -> Spec:
    numbers = {kind.attribute: fields.numbers(getattr(cron, kind.attribute), kind) for kind in fields.KINDS}
    return _spec(cron, time_zone, numbers)


@lru_cache(maxsize=1024)
def _croniter_spec(cron: Cron, time_zone: str) -> Spec:
    from croniter import croniter  # costs a runner more than all else of its start

    expanded, _ = croniter.expand(cron_line(cron))
    numbers: dict[str, Iterable[int]] = {}
    for kind, expansion in zip(fields.KINDS, expanded, strict=True):
        numbers[kind.attribute] = (
            range(kind.low, kind.last + 1) if "*" in expansion else [int(number) for number in expansion]
        )
    return _spec(cron, time_zone, numbers)


def _spec(cron: Cron, time_zone: str, numbers: Mapping[str, Iterable[int]]) -> Spec:
    masks = {attribute: sum(1 << number for number in set(named)) for attribute, named in numbers.items()}
    # croniter takes 1-31 for a star, too: whether a field is one is for the text to say.
    either_day = not (
        fields.is_star(cron.day_of_month, fields.DAY_OF_MONTH) or fields.is_star(cron.day_of_week, fields.DAY_OF_WEEK)
    )
    from cronwright.schedule import zones  # only for a cron line: an interval needs no time zone database

    return Spec(
        minutes=masks["minute"],
        hours=masks["hour"],
        days_of_month=masks["day_of_month"],
        months=masks["month"],
        days_of_week=masks["day_of_week"],
        either_day=either_day,
        zone=zones.zone(time_zone),
    )


def _seconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _SECOND


def _instant(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _optional_instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else _instant(seconds)
