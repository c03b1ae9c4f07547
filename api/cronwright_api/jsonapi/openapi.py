"""The parts of /openapi.json that every collection shares: parameters of lists, documents, errors."""

from collections.abc import Mapping
from typing import Any

from fastapi.routing import APIRoute

from cronwright.timeline.query import OPERATOR_WORDS, ColumnType
from cronwright_api.jsonapi.collections import Collection
from cronwright_api.jsonapi.lists import DEFAULT_SIZE, MAX_NUMBER, MAX_SIZE
from cronwright_api.jsonapi.negotiation import MEDIA_TYPE

Schema = dict[str, Any]

SECURITY: list[Schema] = [{"token": []}]

SCHEMAS: Mapping[ColumnType, Schema] = {
    ColumnType.TEXT: {"type": ["string", "null"]},
    ColumnType.UUID: {"type": "string", "format": "uuid"},
    ColumnType.NUMBER: {"type": ["integer", "null"]},
    ColumnType.INSTANT: {"type": ["string", "null"], "format": "date-time"},
    ColumnType.BOOLEAN: {"type": "boolean"},
}
"""What a column of each type holds."""


def operation_id(route: APIRoute) -> str:
    """Return the operation's name: `list_tasks` is `listTasks`."""
    first, *others = route.name.split("_")
    return first + "".join(word.title() for word in others)


def tidied(described: Schema, schemas: Mapping[str, Schema]) -> Schema:
    """Return FastAPI's description with our `schemas` and without what it adds by itself: its own 422, plain JSON
    beside ours, a parameter twice, one name for GET and HEAD."""
    for operations in described["paths"].values():
        for method, operation in operations.items():
            if method == "head":
                operation["operationId"] += "Head"
            parameters = {(one["in"], one["name"]): one for one in operation.get("parameters", ())}
            if parameters:
                operation["parameters"] = list(parameters.values())
            operation["responses"] = {
                status: answer for status, answer in operation["responses"].items() if _is_ours(answer)
            }
    token = {"type": "http", "scheme": "bearer"}
    described["components"] = {"securitySchemes": {"token": token}, "schemas": dict(schemas)}
    return described


def parameter(name: str, description: str, schema: Schema | None = None, example: object = None) -> Schema:
    """Return a query parameter."""
    described = {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema or {"type": "string"},
    }
    return described if example is None else described | {"example": example}


def identity_parameter() -> Schema:
    """Return the path's id."""
    return {
        "name": "identity",
        "in": "path",
        "required": True,
        "description": "The resource's id.",
        "schema": {"type": "string", "format": "uuid"},
    }


def list_parameters(collection: Collection) -> list[Schema]:
    """Return the parameters of a list."""
    query = (
        'Conditions joined by AND, as a JSON list such as [{"column":"namespace","operator":"is","value":"shop"}], '
        "or as query[][column]=… triples. "
        f"Columns: {', '.join(collection.columns)}. Operators: {', '.join(OPERATOR_WORDS)}."
    )
    place = (
        "ID@CREATED_AT is the place that the row had in a list by created_at when it was read: "
        "a span has another one after each change."
    )
    by_row = [
        parameter("page[after]", f"The rows behind the row with this id. {place}"),
        parameter("page[before]", f"The rows ahead of the row with this id. {place}"),
    ]
    return [
        parameter("query", query, example="[]"),
        parameter("filter[namespace]", "Only this namespace. Any other column can stand in the brackets, too."),
        parameter(
            "sort",
            "Columns with commas between, each with a - ahead for descending order; -created_at by default.",
            example="-created_at",
        ),
        fields_parameter(collection),
        parameter(
            "page[size]",
            f"Rows on a page, {DEFAULT_SIZE} by default, at most {MAX_SIZE}.",
            {"type": "integer", "minimum": 1, "maximum": MAX_SIZE},
        ),
        parameter(
            "page[number]", "The page, counted from 1.", {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}
        ),
        *(by_row if collection.by_row else ()),
    ]


def fields_parameter(collection: Collection) -> Schema:
    """Return the parameter that says which attributes are shown."""
    return parameter(
        f"fields[{collection.type}]", "The attributes to show, with commas between.", example=collection.attributes[0]
    )


def document(description: str, data: Schema, *, links: Mapping[str, Schema] | None = None) -> Schema:
    """Return an answer whose document has `data`; `links` are OpenAPI's own, to operations that go on from it."""
    schema = {
        "type": "object",
        "required": ["jsonapi", "data"],
        "properties": {
            "jsonapi": {"type": "object"},
            "data": data,
            "links": {"type": "object"},
            "meta": {"type": "object"},
        },
    }
    answer: Schema = {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
    return answer | ({"links": dict(links)} if links else {})


def meta_document(description: str, meta: Schema) -> Schema:
    """Return an answer whose document has nothing but `meta`."""
    schema = {
        "type": "object",
        "required": ["jsonapi", "meta"],
        "properties": {"jsonapi": {"type": "object"}, "meta": meta},
    }
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


def resource(resource_type: str, attributes: Schema) -> Schema:
    """Return a resource as it goes out."""
    return {
        "type": "object",
        "required": ["type", "id", "attributes", "relationships", "links"],
        "properties": {
            "type": {"const": resource_type},
            "id": {"type": "string", "format": "uuid"},
            "attributes": attributes,
            "relationships": {"type": "object"},
            "links": {"type": "object"},
        },
    }


def body(schema: Schema, *, required: bool = True, examples: Mapping[str, Any] | None = None) -> Schema:
    """Return a request body of `schema`, in both media types that are taken."""
    content: Schema = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": required, "content": {MEDIA_TYPE: content, "application/json": content}}


_REASONS = {
    400: "A parameter or the document's syntax",
    401: "No token, or one that Kubernetes doesn't know",
    403: "Not yours to see or to write",
    404: "Not there, or not yours to see",
    406: "Accept leaves no choice",
    409: "Another type, another id, or a name that is taken",
    413: "More than 1 MiB",
    415: "Another media type",
    422: "A field's value",
    503: "Kubernetes or the store is away; Retry-After says when to come again",
}

_ERROR: Schema = {
    "type": "object",
    "required": ["status", "code", "title", "detail"],
    "properties": {
        "status": {"type": "string"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "source": {"type": "object"},
        "meta": {"type": "object"},
    },
}


def errors(*statuses: int) -> Schema:
    """Return the answers of `statuses`."""
    schema = {
        "type": "object",
        "required": ["jsonapi", "errors"],
        "properties": {"jsonapi": {"type": "object"}, "errors": {"type": "array", "minItems": 1, "items": _ERROR}},
    }
    return {
        str(status): {"description": _REASONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def _is_ours(answer: Schema) -> bool:
    """Whether an answer is one that is described here, and if so, take FastAPI's own media type from it."""
    content = answer.get("content", {})
    if MEDIA_TYPE in content:
        content.pop("application/json", None)
    return "HTTPValidationError" not in str(content)
