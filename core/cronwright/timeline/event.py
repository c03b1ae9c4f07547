"""An event: one row of the timeline, and its form on the wire (JSON:API attributes in Daptin's snake_case words)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal
from uuid import UUID

from cronwright.instants import format_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import event_id
from cronwright.timeline.attributes import EventError, check_known, choice, instant, number, text, uuid
from cronwright.timeline.limits import MAX_PAYLOAD_BYTES

EventKind = Literal["start", "end"]
Trigger = Literal["schedule", "manual"]
Reporter = Literal["runner", "operator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The start or the end of an attempt of a run. Times are aware; `duration_ms` in milliseconds; `payload` is the
    action's result.

    An end with `retry_at` is not the run's end: a further attempt starts at that time. `requested_by` is who asked for
    the run, by their own word.
    """

    run_id: UUID
    pod_uid: str
    attempt: int
    kind: EventKind
    reported_by: Reporter
    task: str
    namespace: str
    task_uid: str
    title: str
    trigger: Trigger
    scheduled_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_ms: int | None = None
    retry_at: datetime | None = None
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    action_name: str = ""
    entity_name: str = ""
    as_user_email: str | None = None
    requested_by: str | None = None
    pod: str = ""
    node: str = ""
    log_tail: str = ""
    payload: JSONObject | None = None

    @property
    def id(self) -> UUID:
        """The id of the event's row."""
        return event_id(self.run_id, self.pod_uid, self.attempt, self.kind)


# Worked out once: events come by the hundred
_FIELDS = {field.name for field in fields(Event)}
_OUTCOMES, _REASONS = tuple(Outcome), tuple(Reason)
_INSTANTS = ("scheduled_at", "started_at", "finished_at", "retry_at")


def dump_event(event: Event) -> dict[str, JSON]:
    """Return `event` as JSON:API attributes; what is unset is left out."""
    attributes: dict[str, JSON] = {}
    for field in fields(Event):
        value = getattr(event, field.name)
        if value is None or value == "":
            continue
        if isinstance(value, datetime):
            value = format_instant(value)
        elif isinstance(value, UUID):
            value = str(value)
        attributes[field.name] = value
    return attributes


def load_event(attributes: Mapping[str, JSON]) -> Event:
    """Return the event of JSON:API `attributes`.

    Raises:
        EventError: an attribute is unknown, missing, of the wrong type, too long, or contradicts another.
    """
    check_known(attributes, _FIELDS)
    values: dict[str, object] = {"run_id": uuid(attributes, "run_id")}
    for name in ("pod_uid", "task", "namespace", "task_uid", "title"):
        values[name] = text(attributes, name, required=True)
    for name in ("message", "action_name", "entity_name", "pod", "node", "log_tail"):
        values[name] = text(attributes, name)
    values["kind"] = choice(attributes, "kind", ("start", "end"))
    values["trigger"] = choice(attributes, "trigger", ("schedule", "manual"))
    values["reported_by"] = choice(attributes, "reported_by", ("runner", "operator"))
    values["attempt"] = number(attributes, "attempt", least=1)
    if attributes.get("duration_ms") is not None:
        values["duration_ms"] = number(attributes, "duration_ms", least=0)
    for name in ("as_user_email", "requested_by"):
        if attributes.get(name) is not None:
            values[name] = text(attributes, name)
    for name in _INSTANTS:
        values[name] = instant(attributes, name)
    if attributes.get("outcome") is not None:
        values["outcome"] = Outcome(choice(attributes, "outcome", _OUTCOMES))
    if attributes.get("reason") is not None:
        values["reason"] = Reason(choice(attributes, "reason", _REASONS))
    payload = attributes.get("payload")
    if payload is not None and not isinstance(payload, Mapping):
        raise EventError("payload", "is not an object", 'write an object such as {"rows": 3}')
    if payload is not None and (size := len(json.dumps(payload, ensure_ascii=False).encode())) > MAX_PAYLOAD_BYTES:
        raise EventError("payload", f"has {size} bytes as JSON", f"write at most {MAX_PAYLOAD_BYTES}")
    values["payload"] = payload
    event = Event(**values)  # type: ignore[arg-type]  # each value was checked above by its name
    if (event.kind == "end") != (event.outcome is not None):
        raise EventError("outcome", f"does not go with kind {event.kind}", "write outcome on an end, and only there")
    return event
