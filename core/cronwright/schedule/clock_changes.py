"""What a change of clocks does to a cron schedule: local times that don't exist, and local times that come twice.

Fire times are those of `firetimes`, and so of the CronJob controller; this only says which local times of the schedule
fall into the hour that is left out or repeated.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron
from cronwright.schedule.zones import Zone, zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MOST_TIMES = 2000  # of one change: more than the minutes of a day


class Affected(NamedTuple):
    """A local time (naive) that the schedule names, and when it fires at it (UTC): never, once or twice."""

    local: datetime
    runs: tuple[datetime, ...]


class ClockChange(NamedTuple):
    """Clocks change at `at` (UTC): local times from `first` to `end` (naive, `end` exclusive) are left out (`gap`) or
    come twice (`repeat`)."""

    at: datetime
    kind: Literal["gap", "repeat"]
    first: datetime
    end: datetime
    affected: tuple[Affected, ...]


def clock_changes(fire_times: FireTimes, after: datetime, until: datetime) -> list[ClockChange]:
    """Return the changes of clocks between `after` and `until` (aware) that touch a fire time of a cron schedule.

    Empty for `@every`, which counts in UTC, and `@manual`.
    """
    if not isinstance(fire_times.schedule, Cron):
        return []
    local = FireTimes(fire_times.schedule, "Etc/UTC")
    found = []
    for at, before, now in _offsets(zone(fire_times.time_zone), after, until):
        instant = _EPOCH + timedelta(seconds=at)
        first, end = sorted((instant + timedelta(seconds=before), instant + timedelta(seconds=now)))
        named = local.between(first - _SECOND, end - _SECOND, _MOST_TIMES)
        if not named:
            continue
        runs: set[datetime] = set()
        if now < before:
            stretch = end - first
            runs = set(fire_times.between(instant - stretch - _SECOND, instant + stretch, 2 * _MOST_TIMES))
        affected = tuple(
            Affected(
                each.replace(tzinfo=None),
                tuple(run for offset in (before, now) if (run := each - timedelta(seconds=offset)) in runs),
            )
            for each in named
        )
        kind: Literal["gap", "repeat"] = "gap" if now > before else "repeat"
        found.append(ClockChange(instant, kind, first.replace(tzinfo=None), end.replace(tzinfo=None), affected))
    return found


def say(change: ClockChange, time_zone: str) -> str:
    """Return `change` as a sentence."""
    times = _and([f"{each.local:%H:%M}" for each in change.affected])
    between = f"On {change.first:%Y-%m-%d} clocks in {time_zone}"
    if change.kind == "gap":
        return f"{between} go from {change.first:%H:%M} to {change.end:%H:%M}: no run for {times}."
    again = f"{between} go back from {change.end:%H:%M} to {change.first:%H:%M}"
    twice = [f"{each.local:%H:%M}" for each in change.affected if len(each.runs) > 1]
    if len(twice) == len(change.affected):
        return f"{again}: two runs for {times}."
    return f"{again}: of {times} only {_and(twice) or 'none'} runs twice."


_SHOWN_TIMES = 4


def _and(times: list[str]) -> str:
    if len(times) > _SHOWN_TIMES:
        return f"{', '.join(times[:_SHOWN_TIMES])} and {len(times) - _SHOWN_TIMES} more"
    return times[0] if len(times) == 1 else f"{', '.join(times[:-1])} and {times[-1]}" if times else ""


def _offsets(zone_of_schedule: Zone, after: datetime, until: datetime) -> Iterator[tuple[int, int, int]]:
    """Each change of the offset: its Unix time, the offset in seconds before it, and from then on."""
    at, end = (after - _EPOCH) // _SECOND, (until - _EPOCH) // _SECOND
    while True:
        at = zone_of_schedule.steady_until(at)
        if at > end:
            return
        before, now = zone_of_schedule.offset(at - 1), zone_of_schedule.offset(at)
        if before != now:
            yield at, before, now
