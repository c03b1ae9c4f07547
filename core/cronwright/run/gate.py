"""The gate: at a run's start, whether it runs or is skipped, and why.

It needs only the run document, so what the Task said at the last reconcile is honoured with the operator down.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from cronwright.instants import format_seconds
from cronwright.reasons import Reason
from cronwright.run.document import RunDocument
from cronwright.run.ids import scheduled_minute
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import parse


class Skip(NamedTuple):
    """The run is not started, for `reason`; `message` is a sentence with the times in it."""

    reason: Reason
    message: str


class Due(NamedTuple):
    """What a Job's name says: the scheduled time of the run, or None for a manual run; `off_grid` where that time is no
    fire time. With `window` the Job is no run: it serves the ticks of the loop's window that opens at that time. With
    `on_request` a person asked for the run of that time, however late it is.
    """

    scheduled_time: datetime | None
    off_grid: bool = False
    window: bool = False
    on_request: bool = False


def due(document: RunDocument, job_name: str, annotated: datetime | None) -> Due:
    """Return for which fire time a Job runs.

    A Job of the CronJob controller has the minute of its fire time in its name. A plan that is not a loop has at most
    one fire time in a minute; the CronJob of a loop fires when a window opens. A Job whose pod template names a time
    (`annotated`) is for that time. Any other is a manual run.
    """
    if annotated is not None:
        return Due(annotated, on_request=True)
    minute = scheduled_minute(document.resource_name, job_name)
    if minute is None or document.plan == "manual":
        return Due(None)
    if document.loop is not None:
        # What it imports is for loops alone, and every other run would wait for it
        from cronwright.plan.windows import windows_of

        windows = windows_of(document.uid, document.loop.window_seconds)
        return Due(minute, off_grid=not windows.opens_at(minute), window=True)
    fire_times = FireTimes(parse(document.schedule), document.time_zone)
    if document.plan != "every":
        return Due(minute, off_grid=not fire_times.is_fire_time(minute))
    tick = fire_times.next(minute - timedelta(seconds=1))
    if tick is None or tick >= minute + timedelta(minutes=1):
        return Due(minute, off_grid=True)
    return Due(tick)


def gate(document: RunDocument, run: Due, now: datetime) -> Skip | None:
    """Return why the run is skipped, or None where it may start. `now` is aware."""
    if run.scheduled_time is None or run.on_request:
        return None
    scheduled = format_seconds(run.scheduled_time)
    if run.off_grid:
        return Skip(Reason.OFF_THE_GRID, f"{scheduled} is no fire time of {document.schedule} in {document.time_zone}")
    late = (now - run.scheduled_time).total_seconds()
    if late > document.starting_deadline_seconds:
        return Skip(
            Reason.STARTING_DEADLINE_PASSED,
            f"the run of {scheduled} could start only {late:.0f} s late; "
            f"startingDeadlineSeconds is {document.starting_deadline_seconds}",
        )
    return None
