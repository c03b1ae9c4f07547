"""A Task as the API shows it: each attribute of the collection, and each column's value for conditions and order."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from cronwright.instants import format_instant, format_seconds
from cronwright.jsontypes import JSON, JSONObject
from cronwright.status import LastRun, TaskStatus, load_status
from cronwright.words import FIELDS, RETRY_FIELDS
from cronwright_api.jsonapi.documents import Resource
from cronwright_api.tasks.columns import TASK
from cronwright_api.tasks.record import Record
from cronwright_api.tasks.upcoming import Upcoming, upcoming


def resource_of(record: Record, now: datetime, fields: Sequence[str] | None = None) -> Resource:
    """Return the resource of `record` with the attributes in `fields`, or with all. `now` is aware."""
    names = TASK.attributes if fields is None else fields
    return Resource(TASK.type, record.uid, {name: _json(_ATTRIBUTES[name](record, now)) for name in names})


def value_of(record: Record, column: str, now: datetime) -> Any:
    """Return the value that `record` has in `column`, of the column's type, None where it is unset."""
    return UUID(record.uid) if column in ("id", "reference_id") else _ATTRIBUTES[column](record, now)


def _json(value: Any) -> JSON:
    return format_instant(value) if isinstance(value, datetime) else cast(JSON, value)


def _field(name: str) -> Callable[[Record, datetime], JSON]:
    return lambda record, _: record.field(name)


def _attributes(record: Record, _: datetime) -> JSON:
    return record.field("attributes") or {}


def _retry(record: Record, _: datetime) -> JSON:
    retry = cast("JSONObject | None", record.field("retry"))
    if retry is None:
        return None
    return {word.json_api: retry[word.resource] for word in RETRY_FIELDS if word.resource in retry}


def _upcoming(record: Record) -> Upcoming | None:
    return upcoming(
        record.namespace,
        record.resource_name,
        cast(str, record.field("schedule")),
        cast("str | None", record.field("timeZone")),
    )


def _next_run_at(record: Record, now: datetime) -> datetime | None:
    found = _upcoming(record) if record.field("isActive") is not False else None
    return None if found is None else found.next(now)


def _next_runs(record: Record, now: datetime) -> JSON:
    found = _upcoming(record) if record.field("isActive") is not False else None
    return [] if found is None else [format_instant(fire_time) for fire_time in found.following(now)]


def _description(record: Record, _: datetime) -> JSON:
    found = _upcoming(record)
    return None if found is None else found.description


def _last_run(record: Record, _: datetime) -> JSON:
    last: LastRun | None = load_status(record.manifest()).last_run
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


def _status(record: Record, _: datetime) -> JSON:
    status = load_status(record.manifest())
    return {
        **_ready(status, record.generation),
        **_healthy(status),
        "plan": status.plan_kind
        and {"kind": status.plan_kind, "schedule": status.plan_schedule, "time_zone": status.plan_time_zone},
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


_ATTRIBUTES: Mapping[str, Callable[[Record, datetime], Any]] = {
    **{word.json_api: _field(word.resource) for word in FIELDS},
    "attributes": _attributes,
    "retry": _retry,
    "namespace": lambda record, _: record.namespace,
    "next_run_at": _next_run_at,
    "next_runs": _next_runs,
    "description": _description,
    "last_run": _last_run,
    "status": _status,
    "reference_id": lambda record, _: record.uid,
    "created_at": lambda record, _: record.created_at,
    "updated_at": lambda record, _: record.updated_at,
}
