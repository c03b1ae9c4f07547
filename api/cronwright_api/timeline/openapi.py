"""What /openapi.json says of the timeline's routes, made from the same tables that the routes obey."""

from dataclasses import MISSING, fields
from typing import Any

from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.limits import MAX_LOG_TAIL_BYTES, MAX_MESSAGE_CHARACTERS
from cronwright.timeline.span import KIND, REASONS_OF_SPANS, Span
from cronwright_api.jsonapi.lists import LAST_EVENT_ID
from cronwright_api.jsonapi.negotiation import EVENT_STREAM
from cronwright_api.jsonapi.openapi import (
    REPORTING,
    SCHEMAS,
    SECURITY,
    Schema,
    body,
    document,
    errors,
    fields_parameter,
    identity_parameter,
    instant_pattern,
    list_parameters,
    parameter,
    ref,
    resource,
    schemas_of,
)
from cronwright_api.timeline.columns import RUN, TIMELINE, StoredCollection


def listing(stored: StoredCollection) -> Schema:
    """Return what OpenAPI says of a list of `stored`."""
    return {
        "parameters": list_parameters(stored.collection),
        "responses": {
            "200": document("A page", {"type": "array", "items": _resource(stored)}),
            **errors(400, 401, 403, 406, 503),
        },
        "security": SECURITY,
    }


def streaming() -> Schema:
    """Return what OpenAPI says of the stream."""
    asked = ("query", "filter[namespace]", "fields[timeline]", "page[after]")
    listed = [described for described in list_parameters(TIMELINE.collection) if described["name"] in asked]
    place = next(described["schema"] for described in listed if described["name"] == "page[after]")
    last = parameter(LAST_EVENT_ID, "The id of the last event that was read; comes before page[after].", place) | {
        "in": "header"
    }
    events = "Events whose data is the document of a row and whose id is its place; at last one named problem, if any"
    return {
        "parameters": [*listed, last],
        "responses": {
            "200": {"description": events, "content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
            **errors(400, 401, 403, 406, 503),
        },
        "security": SECURITY,
    }


def reading(stored: StoredCollection) -> Schema:
    """Return what OpenAPI says of a resource of `stored`."""
    return {
        "parameters": [identity_parameter(), fields_parameter(stored.collection)],
        "responses": {"200": document("The resource", _resource(stored)), **errors(400, 401, 404, 406, 503)},
        "security": SECURITY,
    }


def posting() -> Schema:
    """Return what OpenAPI says of posting events and spans."""
    one = {
        "type": "object",
        "required": ["type", "attributes"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": TIMELINE.collection.type},
            "attributes": {"oneOf": [_start(), _end(), _span()]},
        },
    }
    data = {"oneOf": [one, {"type": "array", "items": one}]}
    examples = {name: {"data": _example(**example)} for name, example in _EXAMPLES.items()}
    return {
        "parameters": [fields_parameter(TIMELINE.collection)],
        "requestBody": body(
            {
                "type": "object",
                "required": ["data"],
                "additionalProperties": False,
                "properties": {"data": data},
            },
            examples=examples | {"several": {"data": [one["data"] for one in examples.values()]}},
        ),
        "responses": {
            "201": document(
                "The rows, new ones and those that were there; for a span the row that has its first fire time",
                {"oneOf": [_resource(TIMELINE), {"type": "array", "items": _resource(TIMELINE)}]},
                links={
                    "readEvent": {"operationId": "readEvent", "parameters": {"identity": "$response.body#/data/id"}}
                },
            ),
            **errors(400, 401, 403, 406, 409, 413, 415, 422, 503),
        },
        "security": REPORTING,
    }


def schemas() -> dict[str, Schema]:
    """Return the named schemas of both collections."""
    described: dict[str, Schema] = {}
    for stored in (TIMELINE, RUN):
        columns = stored.collection.columns
        properties = {name: SCHEMAS[columns[name]] if name in columns else {} for name in stored.collection.attributes}
        described |= schemas_of(stored.collection)
        described[_name(stored)] = resource(stored.collection.type, {"type": "object", "properties": properties})
    return described


def _resource(stored: StoredCollection) -> Schema:
    return ref(_name(stored))


def _name(stored: StoredCollection) -> str:
    return stored.collection.type.title()


def _start() -> Schema:
    described = _described(Event) | {"kind": {"const": "start"}, "outcome": {"type": "null"}}
    return _posted(Event, "Start of an attempt", described, ["kind"])


def _end() -> Schema:
    described = _described(Event) | {"kind": {"const": "end"}, "outcome": {"enum": list(Outcome)}}
    return _posted(Event, "End of an attempt", described, ["kind", "outcome"])


def _span() -> Schema:
    described = _described(Span) | {
        "kind": {"const": KIND},
        "reason": {"enum": list(REASONS_OF_SPANS)},
        "outcome": {"enum": [None, *Outcome], "description": "Follows from the reason."},
    }
    of_each = [
        {
            "properties": {
                "outcome": {"enum": [None, outcome]},
                "reason": {"enum": [reason for reason in REASONS_OF_SPANS if EXPLANATIONS[reason].outcome == outcome]},
            }
        }
        for outcome in dict.fromkeys(EXPLANATIONS[reason].outcome for reason in REASONS_OF_SPANS)
    ]
    return _posted(Span, "Span", described, ["kind"]) | {"anyOf": of_each}


def _posted(posted: type[Event] | type[Span], title: str, described: dict[str, Schema], more: list[str]) -> Schema:
    required = [field.name for field in fields(posted) if field.default is MISSING and field.name not in more]
    return {
        "type": "object",
        "title": title,
        "required": [*more, *required],
        "additionalProperties": False,
        "properties": described,
    }


def _described(posted: type[Event] | type[Span]) -> dict[str, Schema]:
    return {
        field.name: _ATTRIBUTES.get(field.name) or (_WORD if field.default is MISSING else _TEXT)
        for field in fields(posted)
    }


def _text(longest: int, **more: Any) -> Schema:
    # PostgreSQL's text can't hold a NUL
    return {"type": ["string", "null"], "maxLength": longest, "pattern": r"^[^\x00]*$", **more}


_TEXT = _text(MAX_MESSAGE_CHARACTERS)
_WORD = _TEXT | {"type": "string", "minLength": 1}
_AT: Schema = {"type": ["string", "null"], "format": "date-time", "pattern": f"^{instant_pattern('20[0-9]{2}')}$"}
_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0, "maximum": 2**63 - 1}
_ATTRIBUTES: dict[str, Schema] = {
    "run_id": SCHEMAS[TIMELINE.collection.columns["run_id"]],
    "task_uid": {"type": "string", "format": "uuid"},
    "attempt": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
    "trigger": {"enum": ["schedule", "manual"]},
    "reported_by": {"enum": ["runner", "operator"]},
    "scheduled_at": _AT,
    "started_at": _AT,
    "finished_at": _AT,
    "retry_at": _AT | {"description": "When the next attempt starts: an end with it is not the run's."},
    "first_at": _AT | {"type": "string", "description": "A fire time of the schedule."},
    "last_at": _AT | {"type": "string", "description": "A fire time of the schedule, no earlier."},
    "count": {
        "type": "integer",
        "minimum": 1,
        "maximum": 2**63 - 1,
        "description": "How many of the fire times between ended so.",
    },
    "duration_ms": _COUNT,
    "reason": {"enum": [None, *Reason]},
    "log_tail": _text(MAX_LOG_TAIL_BYTES, description="At most so many bytes of UTF-8."),
    "payload": {"type": ["object", "null"], "description": "The action's result."},
    "schedule": ref("Schedule"),
    "time_zone": ref("TimeZone") | {"type": "string"},
}
"""Of events and spans, as they are posted."""

_EXAMPLES: dict[str, dict[str, Any]] = {
    "a start": {"kind": "start", "started_at": "2027-01-04T08:00:01Z"},
    "an end": {
        "kind": "end",
        "started_at": "2027-01-04T08:00:01Z",
        "finished_at": "2027-01-04T08:00:09Z",
        "duration_ms": 8000,
        "outcome": "succeeded",
        "reason": "Completed",
        "payload": {"rows": 3},
    },
    "a span": {
        "kind": KIND,
        "reason": "PodLate",
        "schedule": "@every 5s",
        "time_zone": "Etc/UTC",
        "first_at": "2027-01-04T08:00:05Z",
        "last_at": "2027-01-04T08:00:25Z",
        "count": 5,
    },
}


def _example(**attributes: Any) -> Schema:
    of_all = {
        "reported_by": "runner",
        "task": "backup",
        "namespace": "shop",
        "task_uid": "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11",
        "title": "backup",
        "pod_uid": "9d6b7f3e-1c5a-4b8e-9a51-6f0d5c2f4b77",
    }
    of_events = {
        "run_id": "5c3b0e0a-6f0e-5d6f-9a1e-2f4b7c8d9e0f",
        "attempt": 1,
        "trigger": "schedule",
        "scheduled_at": "2027-01-04T08:00:00Z",
    }
    return {
        "type": TIMELINE.collection.type,
        "attributes": of_all | ({} if attributes["kind"] == KIND else of_events) | attributes,
    }
