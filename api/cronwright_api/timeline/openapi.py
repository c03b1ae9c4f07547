"""What /openapi.json says of the timeline's routes, made from the same tables that the routes obey."""

from dataclasses import MISSING, fields
from typing import Any

from cronwright.timeline.event import Event
from cronwright.timeline.query import OPERATOR_WORDS, ColumnType
from cronwright.timeline.span import KIND, Span
from cronwright_api.jsonapi.lists import DEFAULT_SIZE, LAST_EVENT_ID, MAX_SIZE
from cronwright_api.jsonapi.negotiation import EVENT_STREAM, MEDIA_TYPE
from cronwright_api.timeline.columns import TIMELINE, StoredCollection

_SCHEMAS: dict[ColumnType, dict[str, Any]] = {
    ColumnType.TEXT: {"type": ["string", "null"]},
    ColumnType.UUID: {"type": "string", "format": "uuid"},
    ColumnType.NUMBER: {"type": ["integer", "null"]},
    ColumnType.INSTANT: {"type": ["string", "null"], "format": "date-time"},
    ColumnType.BOOLEAN: {"type": "boolean"},
}


_PLACE = (
    "ID@CREATED_AT is the place that the row had in a list by created_at when it was read: "
    "a span has another one after each change."
)


def listing(stored: StoredCollection) -> dict[str, Any]:
    """Return what OpenAPI says of a list of `stored`."""
    collection = stored.collection
    query = (
        'Conditions joined by AND, as a JSON list such as [{"column":"outcome","operator":"is","value":"failed"}], '
        "or as query[][column]=… triples. "
        f"Columns: {', '.join(collection.columns)}. Operators: {', '.join(OPERATOR_WORDS)}."
    )
    return {
        "parameters": [
            _parameter("query", query),
            _parameter("filter[namespace]", "Only this namespace. Any other column can stand in the brackets, too."),
            _parameter(
                "sort", "Columns with commas between, each with a - ahead for descending order; -created_at by default."
            ),
            _parameter(f"fields[{collection.type}]", "The attributes to show, with commas between."),
            _parameter(
                "page[size]",
                f"Rows on a page, {DEFAULT_SIZE} by default, at most {MAX_SIZE}.",
                {"type": "integer", "maximum": MAX_SIZE},
            ),
            _parameter("page[number]", "The page, counted from 1.", {"type": "integer", "minimum": 1}),
            _parameter("page[after]", f"The rows behind the row with this id. {_PLACE}"),
            _parameter("page[before]", f"The rows ahead of the row with this id. {_PLACE}"),
        ],
        "responses": {
            "200": _document("A page", {"type": "array", "items": _resource(stored)}),
            **_errors(400, 401, 403, 406, 503),
        },
        "security": [{"token": []}],
    }


def streaming() -> dict[str, Any]:
    """Return what OpenAPI says of the stream."""
    listed = [
        parameter
        for parameter in listing(TIMELINE)["parameters"]
        if parameter["name"] in ("query", "filter[namespace]", "fields[timeline]", "page[after]")
    ]
    last = _parameter(LAST_EVENT_ID, "The id of the last event that was read; comes before page[after].") | {
        "in": "header"
    }
    events = "Events whose data is the document of a row and whose id is its place; at last one named problem, if any"
    return {
        "parameters": [*listed, last],
        "responses": {
            "200": {"description": events, "content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
            **_errors(400, 401, 403, 406, 503),
        },
        "security": [{"token": []}],
    }


def reading(stored: StoredCollection) -> dict[str, Any]:
    """Return what OpenAPI says of a resource of `stored`."""
    return {
        "responses": {"200": _document("The resource", _resource(stored)), **_errors(401, 404, 406, 503)},
        "security": [{"token": []}],
    }


def posting() -> dict[str, Any]:
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
    body = {"schema": {"type": "object", "required": ["data"], "properties": {"data": data}}}
    return {
        "requestBody": {"required": True, "content": {MEDIA_TYPE: body, "application/json": body}},
        "responses": {
            "201": _document(
                "The rows, new ones and those that were there; for a span the row that has its first fire time",
                {"oneOf": [_resource(TIMELINE), {"type": "array"}]},
            ),
            **_errors(400, 401, 403, 409, 413, 415, 422, 503),
        },
        "security": [{"token": []}],
    }


def _parameter(name: str, description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or {"type": "string"},
    }


def _document(description: str, data: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"data": data, "links": {"type": "object"}, "meta": {"type": "object"}}}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def _resource(stored: StoredCollection) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "type": {"const": stored.collection.type},
            "id": {"type": "string", "format": "uuid"},
            "attributes": _attributes(stored),
            "relationships": {"type": "object"},
            "links": {"type": "object"},
        },
    }


def _attributes(stored: StoredCollection) -> dict[str, Any]:
    collection = stored.collection
    properties = {
        name: _SCHEMAS[collection.columns[name]] if name in collection.columns else {} for name in collection.attributes
    }
    return {"type": "object", "properties": properties}


def _posted(posted: type[Event] | type[Span], kinds: list[str]) -> dict[str, Any]:
    columns = TIMELINE.collection.columns
    described = {field.name: _SCHEMAS[columns[field.name]] if field.name in columns else {} for field in fields(posted)}
    required = [field.name for field in fields(posted) if field.default is MISSING and field.name != "kind"]
    return {
        "type": "object",
        "title": posted.__name__,
        "required": ["kind", *required],
        "properties": described | {"kind": {"enum": kinds}},
    }


_REASONS = {
    400: "A parameter or the document's syntax",
    401: "No token, or one that Kubernetes doesn't know",
    403: "Not yours to see or to write",
    404: "Not there, or not yours to see",
    406: "Accept leaves no choice",
    409: "Another type, or an id that is not the event's or the span's",
    413: "More than 1 MiB",
    415: "Another media type",
    422: "A field's value",
    503: "Kubernetes or the store is away; Retry-After says when to come again",
}


def _errors(*statuses: int) -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {
            "status": {"type": "string"},
            "code": {"type": "string"},
            "title": {"type": "string"},
            "detail": {"type": "string"},
            "source": {"type": "object"},
        },
    }
    schema = {"type": "object", "properties": {"errors": {"type": "array", "items": error}}}
    return {
        str(status): {"description": _REASONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
