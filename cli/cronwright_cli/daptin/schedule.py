"""What a Daptin schedule says, as the fields of a Task, and what it means otherwise here."""

import re
from collections.abc import Callable

from cronwright.jsontypes import JSON
from cronwright.schedule import grammar
from cronwright.schedule.errors import ScheduleError
from cronwright.task import DEFAULT_TIME_ZONE
from cronwright_cli.daptin.properties import Properties

SHORTEST_INTERVAL = 60
"""Seconds; below it a Task needs a loop."""
_ZONE_PREFIX = re.compile(r"\s*(?:CRON_)?TZ=(\S*)\s+(.*)", re.DOTALL)

Tell = Callable[[str, str, str], None]
"""Takes a note: property, sentence, change."""


def read_schedule(properties: Properties, time_zone: str | None, tell: Tell) -> dict[str, JSON]:
    """Return `schedule` and `timeZone` of the Task; `time_zone` is that of Daptin's server, where it was given.

    Raises:
        NotConvertible: there is no schedule, or none that a Task can have.
    """
    text = properties.required("Schedule", 'write when the task runs, such as Schedule: "@daily"')
    own_zone = None
    if (zoned := _ZONE_PREFIX.fullmatch(text)) is not None:
        own_zone, text = zoned.groups()
    zone = own_zone or time_zone
    try:
        schedule = grammar.parse(text)
        if isinstance(schedule, grammar.Cron):
            grammar.check_time_zone(schedule, zone)
    except ScheduleError as error:
        subject = "Schedule" if error.field == "schedule" else "the time zone"
        raise properties.refusal(subject, f"can't be kept: {error.problem}", _remedy(error)) from error
    if isinstance(schedule, grammar.Cron):
        tell("Schedule", *_about_zone(own_zone, time_zone, properties.name))
        return {"schedule": text.strip(), "timeZone": zone}
    if isinstance(schedule, grammar.Every):
        _tell_of_interval(schedule.seconds, own_zone, tell)
    return {"schedule": text.strip()}


def _about_zone(own_zone: str | None, time_zone: str | None, name: str) -> tuple[str, str]:
    if own_zone is not None:
        return "the time zone in it becomes timeZone", f"{name} {own_zone}"
    if time_zone is not None:
        return f"read in {time_zone}, as --time-zone says", ""
    return (
        f"Daptin reads it in the time zone of its server, this Task in {DEFAULT_TIME_ZONE}; give --time-zone where that"
        " is another",
        "",
    )


def _tell_of_interval(seconds: int, own_zone: str | None, tell: Tell) -> None:
    if own_zone is not None:
        tell("Schedule", "a time zone has no effect on @every and is left out", own_zone)
    tell(
        "Schedule",
        "Daptin counts @every from its own start, this Task in whole multiples from midnight UTC on 1 January 1970",
        "",
    )
    if seconds < SHORTEST_INTERVAL:
        tell("Schedule", "below a minute a Task is a loop: one pod that stays, in which each run is a process", "")


def _remedy(error: ScheduleError) -> str:
    written = error.value.split()
    # Six fields: some other cron libraries read seconds in front.
    if error.field == "schedule" and len(written) == 6 and not written[0].startswith("@"):
        five = " ".join(written[1:])
        try:
            grammar.parse(five)
        except ScheduleError:
            return error.remedy
        return f"write '{five}' if the first one is seconds, or @every 30s for less than a minute"
    return error.remedy
