"""A schedule in words, as status, Events, page and command line show it.

Says what the fire times are, from the numbers that the fields name and not from their spelling: `0-59` is every minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cronwright.schedule import fields
from cronwright.schedule.grammar import UTC_NAMES, Cron, Every, Schedule

_DAY = 86400  # seconds
_UNITS = ((_DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_MOST_TIMES = 4  # of a day that are listed one by one
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def describe(schedule: Schedule, time_zone: str | None) -> str:
    """The schedule in words, such as `every day at 03:00 Europe/Berlin`; None for `time_zone` means UTC."""
    if isinstance(schedule, Every):
        return _interval(schedule.seconds)
    if not isinstance(schedule, Cron):
        return "only on request"
    if schedule.has_hash:
        return f"{schedule.text}, with each H a number chosen by the Task's name"
    return _cron(schedule, "UTC" if time_zone is None or time_zone in UTC_NAMES else time_zone)


def _interval(seconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    count = seconds // size
    if unit == "day" and count == 1:
        return "every 24 hours, at midnight UTC"
    # Only an interval that divides the day begins anew at each midnight.
    since = "midnight UTC" if _DAY % seconds == 0 else "midnight UTC on 1 January 1970"
    return f"{_every(count, unit)}, counted from {since}"


def _cron(cron: Cron, zone: str) -> str:
    minutes, hours, days_of_month, months, days_of_week = (
        sorted(fields.numbers(getattr(cron, kind.attribute), kind)) for kind in fields.KINDS
    )
    either_day = not (
        fields.is_star(cron.day_of_month, fields.DAY_OF_MONTH) or fields.is_star(cron.day_of_week, fields.DAY_OF_WEEK)
    )
    days = _days(days_of_month, months, days_of_week, either_day)
    if len(minutes) * len(hours) <= _MOST_TIMES:
        times = _and([f"{hour:02}:{minute:02}" for hour in hours for minute in minutes])
        return f"{days} at {times} {zone}"
    times = _times(minutes, hours)
    if len(hours) == 24 and days == "every day":
        return times if zone == "UTC" else f"{times} ({zone})"
    return f"{times}, {days} ({zone})"


def _times(minutes: Sequence[int], hours: Sequence[int]) -> str:
    minute_step, hour_step = _even_step(minutes, 60), _even_step(hours, 24)
    in_hours = "" if len(hours) == 24 else f" in {'hour' if len(hours) == 1 else 'hours'} {_runs(hours, str)}"
    if minute_step is not None and minute_step < 60:
        return f"{_every(minute_step, 'minute')}{in_hours}"
    at_minutes = f"minute {_runs(minutes, str)}" if len(minutes) == 1 else f"minutes {_runs(minutes, str)}"
    if hour_step is not None and hour_step < 24:
        return _every(hour_step, "hour") + ("" if minutes == [0] else f" at {at_minutes}")
    return f"at {at_minutes}{in_hours}"


def _days(days_of_month: Sequence[int], months: Sequence[int], days_of_week: Sequence[int], either: bool) -> str:
    every_day_of_month, every_day_of_week = len(days_of_month) == 31, len(days_of_week) == 7
    named_months = "" if len(months) == 12 else _runs(months, _month)
    numbered = f"{'day' if len(days_of_month) == 1 else 'days'} {_runs(days_of_month, str)} of"
    in_months = f" in {named_months}" if named_months else ""
    if (every_day_of_month or every_day_of_week) if either else (every_day_of_month and every_day_of_week):
        return f"every day{in_months}"
    weekdays = f"every {_runs(days_of_week, _weekday)}"
    if either:
        return f"on {numbered} the month and {weekdays}{in_months}"
    return f"{weekdays}{in_months}" if every_day_of_month else f"on {numbered} {named_months or 'the month'}"


def _every(count: int, unit: str) -> str:
    return f"every {unit}" if count == 1 else f"every {count} {unit}s"


def _even_step(numbers: Sequence[int], size: int) -> int | None:
    """The step of numbers that begin with 0 and go on evenly from one hour, or day, to the next."""
    step, rest = divmod(size, len(numbers))
    return step if rest == 0 and list(numbers) == list(range(0, size, step)) else None


def _weekday(number: int) -> str:
    return _WEEKDAYS[number]


def _month(number: int) -> str:
    return _MONTHS[number - 1]


def _runs(numbers: Sequence[int], word: Callable[[int], str]) -> str:
    """Numbers in words, three and more in a row as `from to`: `1, 3 and 5 to 9`."""
    said: list[str] = []
    start = 0
    for index, number in enumerate(numbers):
        if index + 1 < len(numbers) and numbers[index + 1] == number + 1:
            continue
        if index - start >= 2:
            said.append(f"{word(numbers[start])} to {word(number)}")
        else:
            said.extend(word(each) for each in numbers[start : index + 1])
        start = index + 1
    return _and(said)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
