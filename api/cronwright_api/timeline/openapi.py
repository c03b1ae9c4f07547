"""What /openapi.json says of the timeline's routes, made from the same tables that the routes obey."""

from dataclasses import MISSING, fields

from cronwright.timeline.event import Event
from cronwright.timeline.span import KIND, Span
from cronwright_api.jsonapi.lists import LAST_EVENT_ID
from cronwright_api.jsonapi.negotiation import EVENT_STREAM
from cronwright_api.jsonapi.openapi import (
    SCHEMAS,
    SECURITY,
    Schema,
    body,
    document,
    errors,
    fields_parameter,
    identity_parameter,
    list_parameters,
    parameter,
    resource,
)
from cronwright_api.timeline.columns import TIMELINE, StoredCollection


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
    last = parameter(LAST_EVENT_ID, "The id of the last event that was read; comes before page[after].") | {
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
        "properties": {
            "type": {"const": TIMELINE.collection.type},
            "attributes": {"oneOf": [_posted(Event, ["start", "end"]), _posted(Span, [KIND])]},
        },
    }
    data = {"oneOf": [one, {"type": "array", "items": one}]}
    return {
        "parameters": [fields_parameter(TIMELINE.collection)],
        "requestBody": body({"type": "object", "required": ["data"], "properties": {"data": data}}),
        "responses": {
            "201": document(
                "The rows, new ones and those that were there; for a span the row that has its first fire time",
                {"oneOf": [_resource(TIMELINE), {"type": "array"}]},
            ),
            **errors(400, 401, 403, 406, 409, 413, 415, 422, 503),
        },
        "security": SECURITY,
    }


def _resource(stored: StoredCollection) -> Schema:
    columns = stored.collection.columns
    properties = {name: SCHEMAS[columns[name]] if name in columns else {} for name in stored.collection.attributes}
    return resource(stored.collection.type, {"type": "object", "properties": properties})


def _posted(posted: type[Event] | type[Span], kinds: list[str]) -> Schema:
    columns = TIMELINE.collection.columns
    described = {field.name: SCHEMAS[columns[field.name]] if field.name in columns else {} for field in fields(posted)}
    required = [field.name for field in fields(posted) if field.default is MISSING and field.name != "kind"]
    return {
        "type": "object",
        "title": posted.__name__,
        "required": ["kind", *required],
        "properties": described | {"kind": {"enum": kinds}},
    }
