"""Whether a run that was asked for may be made: a fire time runs once, and only one that is past can be made up for.

How the requests are written is in `cronwright.run.requests`, the Job of one in `cronwright.plan.requested`.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cronwright.instants import format_seconds
from cronwright.plan.choose import MAX_ATTRIBUTES_BYTES, Plan
from cronwright.run.requests import RunRequest, requested_run_id

_EPOCH = datetime.fromtimestamp(0, UTC)
"""Zones have no rules for times long before it."""

_LEAVE_OUT = "leave scheduledTime out to run it for no fire time"


@dataclass(frozen=True, slots=True)
class Started:
    """What has started of a Task: the ids of runs of which the timeline has a start, and the scheduled times of runs
    that have a Job.
    """

    run_ids: Collection[UUID]
    scheduled_times: Collection[datetime]


def refusal(request: RunRequest, task_uid: str, started: Started) -> str:
    """Return why the run can't be made whatever the Task's schedule says, empty where it can: it has been made, or its
    attributes are too large.
    """
    if request.attributes is not None:
        size = len(json.dumps(request.attributes, ensure_ascii=False, separators=(",", ":")).encode())
        if size > MAX_ATTRIBUTES_BYTES:
            return (
                "its attributes are larger than 64 KiB; put the data where the action can fetch it, and name the place "
                "in attributes"
            )
    time = request.scheduled_time
    if requested_run_id(task_uid, request) not in started.run_ids and time not in started.scheduled_times:
        return ""
    if time is None:
        return "a run of this id is on the timeline already; write another id"
    return f"the run of {format_seconds(time)} has started already, and a fire time runs once; {_LEAVE_OUT}"


def refusal_of_fire_time(time: datetime, plan: Plan | None, now: datetime) -> str:
    """Return why `time` (aware) is none that a run can be made for, empty where it is one: it is past, and a fire time
    of `plan`. Without a plan only the first can be told.
    """
    said = format_seconds(time)
    if time > now:
        return f"{said} is still to come; write a fire time that is past, or {_LEAVE_OUT}"
    if plan is not None and (time < _EPOCH or not plan.fire_times.is_fire_time(time)):
        schedule, zone = plan.document.schedule, plan.document.time_zone
        return f"{said} is no fire time of {schedule} in {zone}; write one that is, or {_LEAVE_OUT}"
    return ""


def refusal_of_time(time: datetime, plan: Plan, accounted_until: datetime | None, now: datetime) -> str:
    """Return why no run can be made for `time` under `plan`, empty where one can. Times are aware.

    `accounted_until` is the last time that the CronJob controller has looked after, as its CronJob says: nothing up to
    it starts by itself any more. It says nothing of a loop, whose ticks are started by a ticker.
    """
    why = refusal_of_fire_time(time, plan, now)
    if why or plan.suspend or (not plan.windows and accounted_until is not None and time <= accounted_until):
        return why
    until = time + timedelta(seconds=plan.document.starting_deadline_seconds)
    if now <= until:
        return (
            f"the run of {format_seconds(time)} may still start by itself until {format_seconds(until)}; ask again "
            f"then, or {_LEAVE_OUT}"
        )
    return ""
