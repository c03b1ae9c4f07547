"""What a Task would do if it were written: fire times, changes of clocks, the plan, what an edit does."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from cronwright.instants import format_instant, parse_instant
from cronwright.jsontypes import JSON
from cronwright.plan.choose import Plan, Stall, choose
from cronwright.plan.edit import effects
from cronwright.reasons import Reason
from cronwright.schedule.clock_changes import ClockChange, clock_changes, say
from cronwright.schedule.sentence import describe
from cronwright.task import DEFAULT_TIME_ZONE, TaskError, parse_task
from cronwright_api.errors import BadRequest, Invalid
from cronwright_api.tasks.record import Manifest
from cronwright_api.tasks.refusals import ATTRIBUTES, in_http_words
from cronwright_api.tasks.upcoming import SHOWN
from cronwright_api.tasks.written import new_task

MOST_SHOWN = 100
"""Fire times of one preview."""
CLOCKS_AHEAD = timedelta(days=366)
"""How far ahead changes of clocks are told: the next one of each kind."""
_MOST_LOCAL_TIMES = 12
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_NOBODY = "00000000-0000-0000-0000-000000000000"
_STANDS_FOR = {"name": "preview", "action_name": "preview"}


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """How many fire times, and those after which instant (aware)."""

    count: int
    after: datetime


def parse_preview(pairs: Sequence[tuple[str, str]], now: datetime) -> PreviewRequest:
    """Return what the query parameters ask for; `now` is where fire times are counted from unless they say otherwise.

    Raises:
        BadRequest: a parameter is unknown, or not as it must be.
    """
    count, after = SHOWN, now
    for number, (name, value) in enumerate(pairs):
        if name not in ("count", "from"):
            detail = f"the parameter {name[:80]!a} is unknown; write some of count, from"
            raise BadRequest("parameter_unknown", detail, parameter=name[:80])
        if name in (former for former, _ in pairs[:number]):
            raise BadRequest("parameter_twice", f"{name} is given twice; write it once", parameter=name)
        if name == "count":
            if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= MOST_SHOWN:
                detail = f"count is {value[:80]!a}; write a whole number from 1 to {MOST_SHOWN}"
                raise BadRequest("count_invalid", detail, parameter=name)
            count = int(value)
        else:
            after = _after(value)
    return PreviewRequest(count, after)


def drafted(attributes: Mapping[str, JSON], default_namespace: str) -> Manifest:
    """Return the manifest of a Task that isn't there yet; only the schedule must be given.

    Raises:
        Invalid: an attribute is not as it must be.
    """
    manifest = new_task({**_STANDS_FOR, **attributes}, default_namespace, {"schedule": "@daily"})
    if "name" not in attributes and "H" in str(cast("Mapping[str, JSON]", manifest["spec"])["schedule"]):
        detail = "the schedule holds an H, whose number the Task's name chooses; write name, too"
        raise Invalid("attribute_missing", detail, pointer=f"{ATTRIBUTES}/name")
    metadata = cast("Mapping[str, JSON]", manifest["metadata"])
    return {**manifest, "metadata": {**metadata, "uid": _NOBODY}}


def preview(before: Manifest | None, after: Manifest, asked: PreviewRequest, now: datetime) -> Mapping[str, JSON]:
    """Return what the Task `after` does, and where there is one `before` it, what the edit does. `now` is aware.

    Raises:
        Invalid: the Task could not be put in force.
    """
    plan = _plan(after)
    fire_times = plan.fire_times
    following: list[datetime] = []
    fire_time = fire_times.next(asked.after)
    while fire_time is not None and len(following) < asked.count:
        following.append(fire_time)
        fire_time = fire_times.next(fire_time)
    zone = fire_times.time_zone
    return {
        "description": describe(fire_times.schedule, plan.time_zone or DEFAULT_TIME_ZONE),
        "from": format_instant(asked.after),
        "next_runs": [format_instant(each) for each in following],
        "is_active": not plan.suspend or plan.kind == "manual",
        "plan": {
            "kind": plan.kind,
            # That of a loop follows from the Task's UID, which a new one doesn't have yet
            "schedule": None if plan.windows and before is None else plan.schedule,
            "time_zone": plan.time_zone,
            "starting_deadline_seconds": plan.document.starting_deadline_seconds,
        },
        "clock_changes": [
            _clock_change(change, zone) for change in clock_changes(fire_times, asked.after, asked.after + CLOCKS_AHEAD)
        ],
        "effects": list(_effects(before, plan, now)),
    }


def _effects(before: Manifest | None, plan: Plan, now: datetime) -> Sequence[str]:
    if before is None:
        first = None if plan.suspend else plan.fire_times.next(now)
        return ("No run starts by itself." if first is None else f"The first run is that of {format_instant(first)}.",)
    try:
        former = choose(parse_task(before))
    except (Stall, TaskError) as error:
        return (f"The Task as it is now is not in force: {in_http_words(str(error))}",)
    return effects(former, plan, now)


def _plan(manifest: Manifest) -> Plan:
    try:
        return choose(parse_task(manifest))
    except Stall as error:
        attribute = _AT_FAULT.get(error.reason)
        pointer = f"{ATTRIBUTES}/{attribute}" if attribute else ATTRIBUTES
        raise Invalid("attribute_invalid", in_http_words(error.message), pointer=pointer) from error


_AT_FAULT = {
    Reason.INVALID_SCHEDULE: "schedule",
    Reason.INTERVAL_TOO_SHORT: "schedule",
    Reason.UNKNOWN_TIME_ZONE: "time_zone",
    Reason.ATTRIBUTES_TOO_LARGE: "attributes",
    Reason.LOOP_REPLACE: "concurrency_policy",
}


def _clock_change(change: ClockChange, zone: str) -> Mapping[str, JSON]:
    return {
        "at": format_instant(change.at),
        "kind": change.kind,
        "sentence": say(change, zone),
        "local_times": [
            {
                "local": each.local.isoformat(timespec="minutes"),
                "runs": [format_instant(run) for run in each.runs],
            }
            for each in change.affected[:_MOST_LOCAL_TIMES]
        ],
        "local_times_total": len(change.affected),
    }


def _after(value: str) -> datetime:
    try:
        after = parse_instant(value)
    except ValueError:
        after = None
    if after is None or not _EARLIEST <= after <= _LATEST:
        detail = f"from is {value[:80]!a}; write a time from 1970 to 2200, such as 2027-01-04T08:00:00Z"
        raise BadRequest("from_invalid", detail, parameter="from")
    return after
