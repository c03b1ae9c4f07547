"""Schedules made for the moment of a test: with a fire time just behind it or just ahead."""

from datetime import datetime, timedelta

from cronwright.schedule.grammar import Every
from cronwright.schedule.grid import exact_cron_line, tick_at_or_before

MINUTE = timedelta(minutes=1)


def minute_before(now: datetime) -> datetime:
    """Return the last whole minute that is at least one minute before `now`."""
    return now.replace(second=0, microsecond=0) - MINUTE


def daily_at(minute: datetime) -> str:
    """Return the line of once a day at `minute`, read in the zone of `minute`."""
    return f"{minute.minute} {minute.hour} * * *"


def every_few_minutes_at(minute: datetime, step: int) -> str:
    """Return the line of every `step` minutes (a divisor of 60), one of them `minute`."""
    return f"{minute.minute % step}-59/{step} * * * *"


def interval(
    now: datetime, last_tick: tuple[int, int], next_tick: tuple[int, int], shortest: int = 61, longest: int = 7200
) -> Every:
    """Return an `@every` that no cron line says, between `shortest` and `longest` seconds.

    Its last tick is as many seconds ago as the range `last_tick` says, its next as far ahead as `next_tick` says.
    """
    for seconds in range(shortest, longest + 1):
        every = Every(seconds)
        ago = (now - tick_at_or_before(every, now)).total_seconds()
        if (
            exact_cron_line(every) is None
            and last_tick[0] <= ago <= last_tick[1]
            and next_tick[0] <= seconds - ago <= next_tick[1]
        ):
            return every
    raise AssertionError(f"at {now} no interval has its last tick {last_tick} s ago and its next {next_tick} s ahead")
