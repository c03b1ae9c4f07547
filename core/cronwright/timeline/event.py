"""An event: one row of the timeline, and its form on the wire (JSON:API attributes in Daptin's snake_case words)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal, cast
from uuid import UUID

from cronwright.instants import format_instant, parse_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import event_id
from cronwright.timeline.limits import MAX_LOG_TAIL_BYTES, MAX_MESSAGE_CHARACTERS, MAX_PAYLOAD_BYTES

EventKind = Literal["start", "end"]
Trigger = Literal["schedule", "manual"]
Reporter = Literal["runner", "operator"]


class EventError(ValueError):
    """An event that can't be taken: which attribute, what stands there, what to write instead."""

    def __init__(self, attribute: str, problem: str, remedy: str) -> None:
        self.attribute, self.problem, self.remedy = attribute, problem, remedy
        super().__init__(f"{attribute} {problem}; {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The start or the end of an attempt of a run. Times are aware; `duration_ms` in milliseconds; `payload` is the
    action's result.

    An end with `retry_at` is not the run's end: a further attempt starts at that time.
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
    pod: str = ""
    node: str = ""
    log_tail: str = ""
    payload: JSONObject | None = None

    @property
    def id(self) -> UUID:
        """The id of the event's row."""
        return event_id(self.run_id, self.pod_uid, self.attempt, self.kind)


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
    known = {field.name for field in fields(Event)}
    for name in attributes:
        if name not in known:
            raise EventError(name[:80], "is unknown", f"write some of {', '.join(sorted(known))}")
    values: dict[str, object] = {"run_id": _uuid(attributes, "run_id")}
    for name in ("pod_uid", "task", "namespace", "task_uid", "title"):
        values[name] = _text(attributes, name, required=True)
    for name in ("message", "action_name", "entity_name", "pod", "node", "log_tail"):
        values[name] = _text(attributes, name)
    values["kind"] = _choice(attributes, "kind", ("start", "end"))
    values["trigger"] = _choice(attributes, "trigger", ("schedule", "manual"))
    values["reported_by"] = _choice(attributes, "reported_by", ("runner", "operator"))
    values["attempt"] = _number(attributes, "attempt", least=1)
    if attributes.get("duration_ms") is not None:
        values["duration_ms"] = _number(attributes, "duration_ms", least=0)
    if attributes.get("as_user_email") is not None:
        values["as_user_email"] = _text(attributes, "as_user_email")
    for name in _INSTANTS:
        values[name] = _instant(attributes, name)
    if attributes.get("outcome") is not None:
        values["outcome"] = Outcome(_choice(attributes, "outcome", tuple(Outcome)))
    if attributes.get("reason") is not None:
        values["reason"] = Reason(_choice(attributes, "reason", tuple(Reason)))
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


def _text(attributes: Mapping[str, JSON], name: str, required: bool = False) -> str:
    value = attributes.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        remedy = "write a string that is not empty" if required else "write a string"
        raise EventError(name, f"is {_shown(value)}", remedy)
    if name == "log_tail" and (size := len(value.encode())) > MAX_LOG_TAIL_BYTES:
        raise EventError(name, f"has {size} bytes", f"write at most {MAX_LOG_TAIL_BYTES}, the last ones")
    if name != "log_tail" and len(value) > MAX_MESSAGE_CHARACTERS:
        raise EventError(name, f"has {len(value)} characters", f"write at most {MAX_MESSAGE_CHARACTERS}")
    # PostgreSQL's text can't hold it
    if "\x00" in value:
        raise EventError(name, "holds a NUL character", "leave it out")
    return value


def _choice(attributes: Mapping[str, JSON], name: str, choices: tuple[str, ...]) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or value not in choices:
        raise EventError(name, f"is {_shown(value)}", f"write one of {', '.join(choices)}")
    return value


def _number(attributes: Mapping[str, JSON], name: str, least: int) -> int:
    value = attributes.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
        raise EventError(name, f"is {_shown(value)}", f"write a whole number from {least}")
    return value


def _uuid(attributes: Mapping[str, JSON], name: str) -> UUID:
    try:
        return UUID(cast(str, attributes.get(name)))
    except (ValueError, TypeError, AttributeError):
        raise EventError(name, f"is {_shown(attributes.get(name))}", "write a UUID") from None


def _instant(attributes: Mapping[str, JSON], name: str) -> datetime | None:
    value = attributes.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise EventError(name, f"is {_shown(value)}", "write a time such as 2027-01-04T08:00:00Z")
    try:
        return parse_instant(value)
    except ValueError:
        raise EventError(name, f"is {_shown(value)}", "write a time such as 2027-01-04T08:00:00Z") from None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


# Enough of a wrong value to find it, not so much that the answer becomes as large as the request.
_SHOWN_CHARACTERS = 80
