"""Which plan a Task gets: the kind, the CronJob's schedule and zone, the fire times that people see. One pure function
decides.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from cronwright.plan.windows import DEFAULT_WINDOW_SECONDS, Windows, windows_of
from cronwright.reasons import Reason
from cronwright.run.document import PlanKind, RunDocument, document_of
from cronwright.schedule.errors import ScheduleError
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron, Every, Manual, Schedule, check_time_zone, parse
from cronwright.schedule.grid import exact_cron_line, go_duration
from cronwright.schedule.hashes import resolve
from cronwright.schedule.line import cron_line
from cronwright.task import DEFAULT_TIME_ZONE, Task

SHORTEST_CRON_JOB_INTERVAL = 60
"""Seconds. The CronJob controller names Jobs by the minute, so it can't run one twice in a minute."""

MAX_ATTRIBUTES_BYTES = 64 * 1024
NEVER = "0 0 1 1 *"
"""The line of a CronJob that is always suspended: the API server wants one."""

_SHORTEST_DEADLINE, _LONGEST_DEADLINE = 60, 3600
_DEADLINE_SAMPLE = 12
_DEADLINE_SAMPLE_START = datetime(2024, 1, 1, tzinfo=UTC) - timedelta(seconds=1)


class Stall(ValueError):
    """A Task that can't be put in force until a person acts: the reason, and a sentence that says what to write
    instead.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """What the installation says of loops. `native_every` False has every interval that no cron line can say run as a
    loop; `min_interval_seconds` is the shortest interval that is taken; `max_tasks` is how many loops may be in force.
    """

    native_every: bool = True
    min_interval_seconds: int = 1
    max_tasks: int = 100
    window_seconds: int = DEFAULT_WINDOW_SECONDS


@dataclass(frozen=True, slots=True)
class Plan:
    """What a Task becomes. `schedule` and `time_zone` are the CronJob's; `every` is set where its ticks need the lever,
    `windows` where it is a loop.

    `document` is what travels to the runs.
    """

    kind: PlanKind
    schedule: str
    time_zone: str | None
    suspend: bool
    every: Every | None
    windows: Windows | None
    fire_times: FireTimes
    document: RunDocument

    def next_run_time(self, now: datetime) -> datetime | None:
        """Return the first fire time after `now`, or None for a Task that is paused or runs on request only, and for a
        loop: its next tick would be over before anyone has read of it.
        """
        return None if self.suspend or self.windows else self.fire_times.next(now)


def choose(task: Task, loops: LoopSettings = LoopSettings()) -> Plan:
    """Return the plan of `task` in an installation with these settings for `loops`.

    Raises:
        Stall: the Task can't be put in force.
    """
    schedule = _schedule(task)
    if len(json.dumps(task.attributes, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_ATTRIBUTES_BYTES:
        raise Stall(
            Reason.ATTRIBUTES_TOO_LARGE,
            "spec.attributes is larger than 64 KiB; put the data where the action can fetch it, and name the place in "
            "attributes",
        )
    zone = task.time_zone or DEFAULT_TIME_ZONE
    match schedule:
        case Manual():
            return _plan(task, "manual", NEVER, DEFAULT_TIME_ZONE, None, "@manual", schedule)
        case Cron():
            resolved = resolve(schedule, task.namespace, task.resource_name)
            line = cron_line(resolved)
            return _plan(task, "cron", line, zone, None, line, resolved)
        case Every(seconds) if seconds < loops.min_interval_seconds:
            raise Stall(
                Reason.INTERVAL_TOO_SHORT,
                f'schedule "{task.schedule}" is shorter than this installation allows; '
                f"write @every {go_duration(loops.min_interval_seconds)} or more",
            )
        case Every():
            return _every(task, schedule, loops)


def too_many(loops: LoopSettings) -> Stall:
    """Return the refusal of a loop beyond those that the installation allows."""
    return Stall(
        Reason.TOO_MANY_LOOPS,
        f"{loops.max_tasks} loops are in force, as many as this installation allows; write @every 1m or more, pause "
        "another loop, or raise the chart's maxLoopTasks",
    )


def _every(task: Task, schedule: Every, loops: LoopSettings) -> Plan:
    line_of_grid = exact_cron_line(schedule)
    if line_of_grid is not None:
        return _plan(task, "cron", line_of_grid, DEFAULT_TIME_ZONE, None, line_of_grid, schedule)
    text = f"@every {go_duration(schedule.seconds)}"
    if loops.native_every and schedule.seconds >= SHORTEST_CRON_JOB_INTERVAL:
        return _plan(task, "every", text, None, schedule, text, schedule)
    if task.concurrency_policy == "Replace":
        raise Stall(
            Reason.LOOP_REPLACE,
            f'schedule "{task.schedule}" runs as a loop, which can\'t replace a run that is under way; '
            "write concurrencyPolicy Forbid or Allow",
        )
    windows = windows_of(task.uid, loops.window_seconds)
    return _plan(task, "loop", windows.cron_line(), DEFAULT_TIME_ZONE, None, text, schedule, windows)


def _schedule(task: Task) -> Schedule:
    try:
        schedule = parse(task.schedule)
        check_time_zone(schedule, task.time_zone)
    except ScheduleError as error:
        reason = Reason.UNKNOWN_TIME_ZONE if error.field == "timeZone" else Reason.INVALID_SCHEDULE
        raise Stall(reason, str(error)) from error
    return schedule


def _plan(
    task: Task,
    kind: PlanKind,
    line: str,
    zone: str | None,
    every: Every | None,
    document_schedule: str,
    schedule: Schedule,
    windows: Windows | None = None,
) -> Plan:
    fire_times = FireTimes(schedule, zone or DEFAULT_TIME_ZONE)
    deadline = task.starting_deadline_seconds or _default_deadline(document_schedule, zone or DEFAULT_TIME_ZONE)
    return Plan(
        kind=kind,
        schedule=line,
        time_zone=zone,
        suspend=kind == "manual" or not task.is_active,
        every=every,
        windows=windows,
        fire_times=fire_times,
        document=document_of(
            task, kind, document_schedule, zone or DEFAULT_TIME_ZONE, deadline, windows.length if windows else None
        ),
    )


@lru_cache(maxsize=4096)
def _default_deadline(schedule: str, zone: str) -> int:
    """Return one interval in seconds, between 60 and 3600: the shortest gap among a few fire times from a fixed date.

    The date is fixed so that the same Task always makes the same manifest.
    """
    fire_times = FireTimes(parse(schedule), zone)
    previous = fire_times.next(_DEADLINE_SAMPLE_START)
    shortest = _LONGEST_DEADLINE
    for _ in range(_DEADLINE_SAMPLE):
        following = previous and fire_times.next(previous)
        if previous is None or following is None:
            break
        shortest = min(shortest, int((following - previous).total_seconds()))
        previous = following
    return max(shortest, _SHORTEST_DEADLINE)
