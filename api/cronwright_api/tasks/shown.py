"""A Task as the API shows it: each attribute of the collection, and each column's value for conditions and order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from cronwright.instants import format_instant, format_seconds
from cronwright.jsontypes import JSON, JSONObject
from cronwright.status import TaskStatus, load_status
from cronwright.words import FIELDS, RETRY_FIELDS
from cronwright_api.jsonapi.documents import Resource
from cronwright_api.tasks.columns import TASK
from cronwright_api.tasks.record import Record
from cronwright_api.tasks.upcoming import Upcoming, upcoming


def resource_of(record: Record, now: datetime, fields: Sequence[str] | None = None) -> Resource:
    """Return the resource of `record` with the attributes in `fields`, or with all. `now` is aware."""
    task = _Seen(record, now)
    names = TASK.attributes if fields is None else fields
    return Resource(TASK.type, record.uid, {name: _json(_ATTRIBUTES[name](task)) for name in names})


def next_change(record: Record, now: datetime, fields: Sequence[str]) -> datetime | None:
    """Return when the attributes in `fields` change by themselves: with the next fire time; None for never."""
    if not _OF_THE_CLOCK.intersection(fields):
        return None
    runs = _Seen(record, now).runs
    return runs.next(now) if runs else None


def values_of(column: str, now: datetime) -> Callable[[Record], Any]:
    """Return what gives the value that a record has in `column`, of the column's type, None where it is unset."""
    own = _OF_THE_RECORD.get(column)
    if own is not None:
        return own
    shown = _ATTRIBUTES[column]
    return lambda record: shown(_Seen(record, now))


class _Seen:
    """A Task at one instant. What several attributes need is worked out once, and only where one of them is asked
    for."""

    def __init__(self, record: Record, now: datetime) -> None:
        self.record, self.now = record, now

    def field(self, name: str) -> JSON:
        return self.record.field(name)

    @cached_property
    def status(self) -> TaskStatus:
        return load_status({"status": self.record.status()})

    @cached_property
    def upcoming(self) -> Upcoming | None:
        """When the schedule fires, also of a paused Task; None where it can't be."""
        return upcoming(
            self.record.namespace,
            self.record.resource_name,
            cast(str, self.field("schedule")),
            cast("str | None", self.field("timeZone")),
        )

    @cached_property
    def runs(self) -> Upcoming | None:
        """When runs start; None while it is paused."""
        return self.upcoming if self.field("isActive") is not False else None


def _json(value: Any) -> JSON:
    return format_instant(value) if isinstance(value, datetime) else cast(JSON, value)


def _field(name: str) -> Callable[[_Seen], JSON]:
    return lambda task: task.field(name)


def _retry(task: _Seen) -> JSON:
    retry = cast("JSONObject | None", task.field("retry"))
    if retry is None:
        return None
    return {word.json_api: retry[word.resource] for word in RETRY_FIELDS if word.resource in retry}


def _last_run(task: _Seen) -> JSON:
    last = task.status.last_run
    if last is None:
        return None
    return {
        "run_id": last.run_id,
        "scheduled_at": format_seconds(last.scheduled_time),
        "started_at": _time(last.start_time),
        "finished_at": _time(last.completion_time),
        "outcome": last.outcome.lower(),
        "reason": last.reason or None,
        "message": last.message or None,
    }


def _status(task: _Seen) -> JSON:
    status = task.status
    plan: JSON = None
    if status.plan_kind is not None:
        plan = {"kind": status.plan_kind, "schedule": status.plan_schedule, "time_zone": status.plan_time_zone}
    return {
        **_ready(status, task.record.generation),
        **_healthy(status),
        "plan": plan,
        "active": status.active or 0,
        "consecutive_failures": status.consecutive_failures,
        "last_successful_at": _time(status.last_successful_time),
        "last_failure_at": _time(status.last_failure_time),
    }


def _ready(status: TaskStatus, generation: int) -> Mapping[str, JSON]:
    """Whether the Task as written is in force; null until the operator has seen it as it is now."""
    condition = status.conditions.get("Ready")
    if condition is None or condition.observed_generation != generation:
        return {"ready": None, "reason": None, "message": None}
    return {"ready": condition.status == "True", "reason": condition.reason, "message": condition.message}


def _healthy(status: TaskStatus) -> Mapping[str, JSON]:
    """How the last run ended; null before there was one."""
    condition = status.conditions.get("Healthy")
    if condition is None:
        return {"healthy": None, "health_reason": None, "health_message": None}
    truth = {"True": True, "False": False}.get(condition.status)
    return {"healthy": truth, "health_reason": condition.reason, "health_message": condition.message}


def _time(instant: datetime | None) -> str | None:
    return None if instant is None else format_seconds(instant)


_ATTRIBUTES: Mapping[str, Callable[[_Seen], Any]] = {
    **{word.json_api: _field(word.resource) for word in FIELDS},
    "attributes": lambda task: task.field("attributes") or {},
    "retry": _retry,
    "namespace": lambda task: task.record.namespace,
    "next_run_at": lambda task: task.runs and task.runs.next(task.now),
    "next_runs": lambda task: [format_instant(each) for each in task.runs.following(task.now)] if task.runs else [],
    "description": lambda task: task.upcoming and task.upcoming.description,
    "last_run": _last_run,
    "status": _status,
    "reference_id": lambda task: task.record.uid,
    "created_at": lambda task: task.record.created_at,
    "updated_at": lambda task: task.record.updated_at,
}

_OF_THE_CLOCK = {"next_run_at", "next_runs"}
_OF_THE_RECORD: Mapping[str, Callable[[Record], Any]] = {
    "id": lambda record: UUID(record.uid),
    "reference_id": lambda record: UUID(record.uid),
    "namespace": attrgetter("namespace"),
    "created_at": attrgetter("created_at"),
    "updated_at": attrgetter("updated_at"),
}
