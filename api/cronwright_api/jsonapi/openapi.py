"""The parts of /openapi.json that every collection shares: parameters of lists, documents, errors."""

from collections.abc import Mapping
from typing import Any

from fastapi.routing import APIRoute

from cronwright.timeline.query import MAX_CHOICES, MAX_CONDITIONS, ColumnType, Operator, operator_words
from cronwright_api.jsonapi.collections import Collection
from cronwright_api.jsonapi.lists import DEFAULT_SIZE, MAX_NUMBER, MAX_SIZE
from cronwright_api.jsonapi.negotiation import MEDIA_TYPE

Schema = dict[str, Any]

SECURITY: list[Schema] = [{"token": []}]
REPORTING: list[Schema] = [{"reporterToken": []}]
"""What callers show: who reads and writes Tasks, and who posts to the timeline."""

_SCHEMES: Schema = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A Kubernetes bearer token: `kubectl create token NAME`, or one of your OIDC provider.",
    },
    "reporterToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token with audience cronwright, of a run's pod or of the operator: "
        "`kubectl create token NAME --audience cronwright`.",
    },
}

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DAY = "(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
_TIME_OF_DAY = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"


def instant_pattern(years: str, fraction: str = r"(\.[0-9]{1,6})?") -> str:
    """Return the pattern of an RFC 3339 time in UTC, of a year that the pattern `years` takes; without ^ and $."""
    return f"({years})-({_DAY})T{_TIME_OF_DAY}{fraction}Z"


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
    described["components"] = {"securitySchemes": _SCHEMES, "schemas": {"Errors": _ERRORS, **schemas}}
    return described


def ref(name: str) -> Schema:
    """Return a reference to a named schema."""
    return {"$ref": f"#/components/schemas/{name}"}


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
        "Conditions joined by AND; or as triples query[][column]=…&query[][operator]=…&query[][value]=…. "
        "Which operators go with a column, follows from what it holds."
    )
    place = (
        "ID@CREATED_AT is the place that the row had in a list by created_at when it was read: "
        "a span has another one after each change. Of page[number], page[after] and page[before] only one can be."
    )
    row = {"type": "string", "pattern": f"^{_UUID}(@{instant_pattern('20[0-9]{2}')})?$"}
    of_row = "5f0c2a62-9d0c-5a7c-8a52-33d9d1d4d9a4@2027-01-04T08:00:01.204512Z"
    by_row = [
        parameter("page[after]", f"The rows behind the row with this id. {place}", row, of_row),
        parameter("page[before]", f"The rows ahead of the row with this id. {place}", row, of_row),
    ]
    return [
        {
            "name": "query",
            "in": "query",
            "required": False,
            "description": query,
            "content": {
                "application/json": {
                    "schema": {"type": "array", "maxItems": MAX_CONDITIONS, "items": _ref(collection, "Condition")},
                    "example": [{"column": "namespace", "operator": "is", "value": "shop"}],
                }
            },
        },
        parameter(
            "filter[namespace]", "Only this namespace. Any other column can stand in the brackets, too.", example="shop"
        ),
        {
            **parameter(
                "sort",
                "Columns with commas between, each with a - ahead for descending order; -created_at by default. "
                "Each column once.",
                _ref(collection, "Sort"),
                ["-created_at"],
            ),
            **_COMMAS,
        },
        fields_parameter(collection),
        parameter(
            "page[size]",
            f"Rows on a page, {DEFAULT_SIZE} by default, at most {MAX_SIZE}.",
            {"type": "integer", "minimum": 1, "maximum": MAX_SIZE},
            DEFAULT_SIZE,
        ),
        parameter(
            "page[number]", "The page, counted from 1.", {"type": "integer", "minimum": 1, "maximum": MAX_NUMBER}, 1
        ),
        *(by_row if collection.by_row else ()),
    ]


def schemas_of(collection: Collection) -> dict[str, Schema]:
    """Return the named schemas that the parameters of a list refer to."""
    both = [[{"contains": {"const": key}} for key in (column, f"-{column}")] for column in collection.columns]
    sort = {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"enum": [key for column in collection.columns for key in (column, f"-{column}")]},
        "not": {"anyOf": [{"allOf": each} for each in both]},
    }
    kinds = sorted(set(collection.columns.values()))
    conditions = [one for kind in kinds for one in _conditions_on(collection, kind)]
    word = collection.type.title()
    return {f"{word}Sort": sort, f"{word}Condition": {"oneOf": conditions}}


def _ref(collection: Collection, name: str) -> Schema:
    return ref(f"{collection.type.title()}{name}")


def fields_parameter(collection: Collection) -> Schema:
    """Return the parameter that says which attributes are shown."""
    shown = {"type": "array", "items": {"enum": list(collection.attributes)}}
    example = [name for name in ("name", "task", "schedule", "outcome") if name in collection.attributes]
    return {
        **parameter(f"fields[{collection.type}]", "The attributes to show, with commas between.", shown, example),
        **_COMMAS,
    }


_COMMAS = {"style": "form", "explode": False}


def _conditions_on(collection: Collection, kind: ColumnType) -> list[Schema]:
    value = {"type": SCHEMAS[kind]["type"]} if kind is ColumnType.BOOLEAN else _VALUES[kind]
    groups: list[tuple[set[Operator], list[str], Schema]] = [
        ({Operator.IS, Operator.IS_NOT}, ["value"], {"anyOf": [value, {"type": "null"}]}),
        ({Operator.IN, Operator.NOT_IN}, ["value"], {"type": "array", "maxItems": MAX_CHOICES, "items": value}),
        ({Operator.IS_TRUE, Operator.IS_FALSE, Operator.IS_EMPTY, Operator.IS_NOT_EMPTY}, [], {"type": "null"}),
    ]
    if kind is ColumnType.TEXT:
        groups.append(({Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE}, ["value"], _LIKE))
    named = {operator for operators, _, _ in groups for operator in operators}
    groups.append((set(Operator) - named, ["value"], value))
    columns = [name for name, held in collection.columns.items() if held is kind]
    return [
        {
            "type": "object",
            "required": ["column", "operator", *required],
            "additionalProperties": False,
            "properties": {"column": {"enum": columns}, "operator": {"enum": words}, "value": of},
        }
        for operators, required, of in groups
        if (words := operator_words(kind, operators))
    ]


_VALUES: Mapping[ColumnType, Schema] = {
    ColumnType.TEXT: {"type": "string", "pattern": r"^[^\x00]*$"},
    ColumnType.UUID: {"type": "string", "format": "uuid"},
    ColumnType.NUMBER: {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    ColumnType.INSTANT: {"type": "string", "format": "date-time", "pattern": f"^{instant_pattern('[12][0-9]{3}')}$"},
}
"""What a value looks like that a column of each type is compared with."""
_LIKE: Schema = {"type": "string", "pattern": r"^([^\x00\\]|\\[^\x00])*$"}
r"""A pattern with % and _, in which \ stands ahead of one that is meant itself."""


def document(
    description: str, data: Schema, *, links: Mapping[str, Schema] | None = None, located: bool = False
) -> Schema:
    """Return an answer whose document has `data`; `links` are OpenAPI's own, to operations that go on from it. With
    `located` it says where the resource is."""
    schema = {
        "type": "object",
        "required": ["jsonapi", "data"],
        "properties": {
            "jsonapi": _JSONAPI,
            "data": data,
            "links": {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
            "meta": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    }
    answer: Schema = {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
    if located:
        answer["headers"] = {
            "Location": {"required": True, "description": "Where it is.", "schema": {"type": "string", "format": "uri"}}
        }
    return answer | ({"links": dict(links)} if links else {})


def meta_document(description: str, meta: Schema) -> Schema:
    """Return an answer whose document has nothing but `meta`."""
    schema = {
        "type": "object",
        "required": ["jsonapi", "meta"],
        "properties": {"jsonapi": _JSONAPI, "meta": meta},
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
            "links": {
                "type": "object",
                "required": ["self"],
                "properties": {"self": {"type": "string", "format": "uri"}},
            },
        },
    }


def body(schema: Schema, *, required: bool = True, examples: Mapping[str, Any] | None = None) -> Schema:
    """Return a request body of `schema`, in both media types that are taken."""
    content: Schema = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": required, "content": {MEDIA_TYPE: content, "application/json": content}}


_JSONAPI: Schema = {"type": "object", "required": ["version"], "properties": {"version": {"const": "1.1"}}}

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
        "status": {"type": "string", "pattern": "^[45][0-9]{2}$"},
        "code": {"type": "string", "description": "Stable, for programs."},
        "title": {"type": "string"},
        "detail": {"type": "string", "description": "What is wrong, and what to write instead."},
        "source": {
            "type": "object",
            "properties": {
                "pointer": {"type": "string"},
                "parameter": {"type": "string"},
                "header": {"type": "string"},
            },
        },
        "meta": {"type": "object"},
    },
}


_ERRORS: Schema = {
    "type": "object",
    "required": ["jsonapi", "errors"],
    "properties": {"jsonapi": _JSONAPI, "errors": {"type": "array", "minItems": 1, "items": _ERROR}},
}


def errors(*statuses: int) -> Schema:
    """Return the answers of `statuses`."""
    return {
        str(status): {"description": _REASONS[status], "content": {MEDIA_TYPE: {"schema": ref("Errors")}}}
        for status in statuses
    }


def _is_ours(answer: Schema) -> bool:
    """Whether an answer is one that is described here, and if so, take FastAPI's own media type from it."""
    content = answer.get("content", {})
    if MEDIA_TYPE in content:
        content.pop("application/json", None)
    return "HTTPValidationError" not in str(content)
