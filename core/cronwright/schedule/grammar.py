"""What may stand in a Task's `schedule` and `timeZone`: text in, a frozen schedule or one clear sentence out.

Takes and refuses what the CEL rules of the Task resource take and refuse, in the same words, and besides that what CEL
can't see: every day that no month of the schedule has, and zones that don't exist. No fire times here.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cronwright.schedule import fields
from cronwright.schedule.errors import ScheduleError

LONGEST_TEXT = 120  # characters; maxLength of spec.schedule
LONGEST_INTERVAL = 8760 * 3600  # seconds; a year
UTC_NAMES = ("UTC", "Etc/UTC")


class Cron(NamedTuple):
    """Five cron fields in robfig/cron's spelling (names in lower case), `H` and 7 for Sunday still in them.

    `text` is the schedule as written, without the white space around it: a preset's word, where it was one.
    """

    minute: str
    hour: str
    day_of_month: str
    month: str
    day_of_week: str
    has_hash: bool
    text: str


class Every(NamedTuple):
    """Whole multiples of `seconds` since the Unix epoch, in UTC."""

    seconds: int


class Manual(NamedTuple):
    """Only on request."""


Schedule = Cron | Every | Manual

_PRESETS = {
    "@yearly": ("0", "0", "1", "1", "*"),
    "@annually": ("0", "0", "1", "1", "*"),
    "@monthly": ("0", "0", "1", "*", "*"),
    "@weekly": ("0", "0", "*", "*", "0"),
    "@daily": ("0", "0", "*", "*", "*"),
    "@midnight": ("0", "0", "*", "*", "*"),
    "@hourly": ("0", "*", "*", "*", "*"),
}

# White_Space of Unicode, which CEL's trim() takes away; str.strip() would take the separators 1C to 1F, too.
_WHITE_SPACE = " \t\n\v\f\r\x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"

# The part of Go's time.ParseDuration whose values are whole milliseconds and can't overflow 64 bits of nanoseconds.
# Patterns of `@every` and of zones are compiled when they are first needed, which a runner mostly doesn't.
_INTERVAL = (
    r"[ \t]*@every[ \t]+"
    r"((?:[0-9]{1,5}(?:\.[0-9]{1,3})?h|[0-9]{1,7}(?:\.[0-9]{1,3})?m|[0-9]{1,9}(?:\.[0-9]{1,3})?s|[0-9]{1,11}ms){1,5})"
    r"[ \t]*"
)
_INTERVAL_PART = r"([0-9]+)(?:\.([0-9]+))?(h|ms|m|s)"
_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}

_ZONE = r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}"


def parse(text: str) -> Schedule:
    """The schedule that `text` says. Raises ScheduleError with the first thing that is wrong."""
    if len(text) > LONGEST_TEXT:
        raise ScheduleError(
            "schedule",
            text,
            f"schedule is {len(text)} characters long, more than the {LONGEST_TEXT} that it may have",
            "write ranges and steps such as 0-30/5 in place of long lists",
        )
    if "\n" in text or "\r" in text:
        raise ScheduleError(
            "schedule",
            text,
            "schedule holds a line break",
            "write one line, such as schedule: '0 3 * * *', and one Task for each schedule",
        )
    if "TZ=" in text:
        raise ScheduleError(
            "schedule",
            text,
            "schedule holds a time zone",
            "write it as timeZone: Europe/Berlin, and only the five fields here",
        )
    trimmed = text.strip(_WHITE_SPACE)
    if trimmed.startswith("@every"):
        return _every(text, trimmed)
    if trimmed == "@manual":
        return Manual()
    if trimmed in _PRESETS:
        return Cron(*_PRESETS[trimmed], has_hash=False, text=trimmed)
    if trimmed.startswith("@"):
        raise ScheduleError(
            "schedule",
            text,
            f'schedule "{trimmed}" is unknown',
            "write @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, @manual, @every 30m or five cron"
            " fields such as 0 3 * * *",
        )
    return _cron(text, trimmed)


def check_time_zone(schedule: Schedule, time_zone: str | None) -> None:
    """Whether `time_zone`, None for an unset one, may stand beside the schedule. Raises ScheduleError."""
    if time_zone is None:
        return
    if re.fullmatch(_ZONE, time_zone) is None or time_zone.lower() == "local":
        raise ScheduleError(
            "timeZone",
            time_zone,
            f'timeZone "{time_zone}" is no IANA zone',
            "write one such as Europe/Berlin, America/New_York or Etc/UTC",
        )
    if isinstance(schedule, Every):
        if time_zone not in UTC_NAMES:
            raise ScheduleError(
                "timeZone",
                time_zone,
                "timeZone has no effect on @every, which counts in UTC from midnight on 1 January 1970",
                "remove timeZone or write a cron line such as '0 3 * * *'",
            )
        return
    # Only here, so that a schedule without a zone costs no look at the database.
    from cronwright.schedule import zones

    known = zones.names()
    if time_zone in known:
        return
    for name in known:
        if name.lower() == time_zone.lower():
            raise ScheduleError(
                "timeZone",
                time_zone,
                f'timeZone "{time_zone}" has other capitals in the time zone database',
                f"write {name}",
            )
    raise ScheduleError(
        "timeZone",
        time_zone,
        f'timeZone "{time_zone}" is not in the time zone database',
        "write a name that is, such as Europe/Berlin, America/New_York or Etc/UTC",
    )


def _every(text: str, trimmed: str) -> Every:
    match = re.fullmatch(_INTERVAL, text)
    if match is None:
        raise ScheduleError("schedule", text, f'schedule "{trimmed}" is no interval', _interval_remedy(text, trimmed))
    milliseconds = 0
    for whole, fraction, unit in re.findall(_INTERVAL_PART, match[1]):
        milliseconds += (
            int(whole) * _MILLISECONDS[unit] + int((fraction or "0").ljust(3, "0")) * _MILLISECONDS[unit] // 1000
        )
    wrong: tuple[str, str] | None = None
    if milliseconds < 1000:
        wrong = "shorter than a second", "write at least @every 1s"
    elif milliseconds > LONGEST_INTERVAL * 1000:
        wrong = "longer than a year", "write at most @every 8760h"
    elif milliseconds % 1000:
        wrong = "not a whole number of seconds", "write one that is, such as @every 2s"
    if wrong is not None:
        problem, remedy = wrong
        raise ScheduleError("schedule", text, f'schedule "{trimmed}" is {problem}', remedy)
    return Every(milliseconds // 1000)


def _interval_remedy(text: str, trimmed: str) -> str:
    if trimmed == "@every":
        return "its length is missing, write one such as @every 5m"
    if re.search(r"[0-9][ \t]*(d|day|days)\Z", text):
        return "there is no unit for days, write @every 24h for one day"
    if re.search(r"[0-9][ \t]*(w|week|weeks)\Z", text):
        return "there is no unit for weeks, write @every 168h for one week"
    if "+" in text or "-" in text:
        return "an interval has no sign, write @every 5m"
    if re.search(r"@every[ \t]+[0-9.]+[ \t]*\Z", text):
        return "the unit is missing, write h, m or s, such as @every 5m"
    if re.search(r"@every[^ \t]", text):
        return "write a space after @every, such as @every 5m"
    if re.search(r"[0-9](?:h|m|s)[ \t]+[0-9]", text):
        return "write no space between its parts, such as @every 1h30m"
    if re.search(r"[0-9](?:H|M|S)", text):
        return "the units are small letters, write h, m or s, such as @every 5m"
    if re.fullmatch(r"[ \t]*@every[ \t]+(?:[0-9]+(?:\.[0-9]+)?(?:h|ms|m|s))+[ \t]*", text):
        return "it has too many digits or parts, write it shorter, at most @every 8760h"
    return (
        "write numbers with h, m and s and no space between, such as @every 90s, @every 7m or @every 1h30m, at most"
        " @every 8760h"
    )


def _cron(text: str, trimmed: str) -> Cron:
    written = [part for part in text.replace("\t", " ").split(" ") if part]
    if len(written) != len(fields.KINDS):
        remedy = "write minute, hour, day of the month, month and day of the week, such as 0 3 * * *"
        if len(written) > len(fields.KINDS):
            remedy += "; there is no field for seconds or years, write @every 30s for less than a minute"
        elif not written:
            remedy += ", or @manual for a task that runs only on request"
        elif f"@{trimmed}" in _PRESETS or trimmed == "manual":
            remedy += f", or with its sign @{trimmed}"
        elif re.search(r"^[ \t]*(?:[0-9]+[hms])+[ \t]*\Z", text):
            remedy += f", or as an interval @every {trimmed}"
        raise ScheduleError("schedule", text, f'schedule "{text}" is not five fields', remedy)
    is_reversed = False
    for part, kind in zip(written, fields.KINDS, strict=True):
        try:
            fields.items(part, kind)
        except fields.NotUnderstood as error:
            # Only here, so that a runner, whose schedule was taken, doesn't load it.
            from cronwright.schedule import mistakes

            raise ScheduleError("schedule", text, *mistakes.explain(part, kind)) from error
        except fields.Reversed:
            # Said only once all five are understood: a field that isn't is the greater surprise.
            is_reversed = True
    if is_reversed:
        raise ScheduleError(
            "schedule",
            text,
            f'schedule "{text}" holds a range that ends before it starts',
            "write the smaller one first, and Sunday at the end of a range as 7, such as fri-7",
        )
    # Names in lower case, so that an H is a hash and not part of THU.
    normal = [re.sub("[A-Za-z]{3}", lambda name: name[0].lower(), part).replace("?", "*") for part in written]
    minute, hour, day_of_month, month, day_of_week = normal
    _check_days_exist(text, day_of_month, month, day_of_week)
    return Cron(minute, hour, day_of_month, month, day_of_week, has_hash="H" in "".join(normal), text=trimmed)


_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _check_days_exist(text: str, day_of_month: str, month: str, day_of_week: str) -> None:
    """Refuse days that none of the months has, and days that none might have, depending on what an `H` becomes.

    With a restricted day of the week there are fire times all the same, since either kind of day is enough.
    """
    if not fields.is_star(day_of_week, fields.DAY_OF_WEEK):
        return
    days = fields.alternatives(day_of_month, fields.DAY_OF_MONTH)
    months = fields.alternatives(month, fields.MONTH)
    exist = {_any_exists(some_days, some_months) for some_days in days for some_months in months}
    if exist == {True}:
        return
    if True in exist:
        raise ScheduleError(
            "schedule",
            text,
            f"day {day_of_month} may not exist in month {month}, so the task might never run",
            "write a day that each of the months has, such as 28",
        )
    raise ScheduleError(
        "schedule",
        text,
        f"day {day_of_month} does not exist in month {month}, so the task would never run",
        "write a day that the month has, such as 28",
    )


def _any_exists(days: frozenset[int], months: frozenset[int]) -> bool:
    # A month that has a day has all days before it, so the first day and the longest month decide.
    return min(days) <= max(_DAYS_OF_MONTH[month - 1] for month in months)
