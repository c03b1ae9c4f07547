"""Documents out: resources, lists and errors, as responses with JSON:API's media type."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from starlette.responses import Response

from cronwright.instants import format_instant
from cronwright.jsontypes import JSON
from cronwright_api.errors import Problem
from cronwright_api.jsonapi.negotiation import MEDIA_TYPE

_JSONAPI: Mapping[str, JSON] = {"version": "1.1"}


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as it goes out. Its attributes may hold ids and times in UTC as they are, or be JSON text already."""

    type: str
    id: str
    attributes: Mapping[str, JSON | UUID | datetime] | bytes = field(repr=False)


def one(resource: Resource, base: str, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return the document of one resource; `base` is scheme and host as the caller wrote them."""
    return response(_of_one(resource, base), status, headers)


def text_of_attributes(resource: Resource) -> bytes:
    """Return the attributes of `resource` as JSON text, which a resource may have in their place."""
    return resource.attributes if isinstance(resource.attributes, bytes) else _text(resource.attributes)


def text_of_one(resource: Resource, base: str) -> bytes:
    """Return the document of one resource as text without a line break."""
    return _text(_of_one(resource, base))


def many(
    resources: Sequence[Resource],
    base: str,
    *,
    links: Mapping[str, JSON] | None = None,
    meta: Mapping[str, JSON] | None = None,
    status: int = 200,
) -> Response:
    """Return the document of a list."""
    document: dict[str, Any] = {"jsonapi": _JSONAPI}
    if links is not None:
        document["links"] = links
    document["data"] = [_rendered(resource, base) for resource in resources]
    if meta is not None:
        document["meta"] = meta
    return response(document, status)


def told(meta: Mapping[str, JSON]) -> Response:
    """Return the document that has nothing but `meta`."""
    return response({"jsonapi": _JSONAPI, "meta": meta})


def problems(errors: Sequence[Problem]) -> Response:
    """Return the document of `errors`, all of one status."""
    return response(_of_problems(errors), errors[0].status, errors[0].headers)


def text_of_problems(errors: Sequence[Problem]) -> bytes:
    """Return the document of `errors` as text without a line break."""
    return _text(_of_problems(errors))


def response(document: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `document` as a response."""
    return Response(_text(document), status, {"Vary": "Accept", **(headers or {})}, MEDIA_TYPE)


def _text(document: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(document, option=orjson.OPT_UTC_Z)
    except TypeError:
        # It takes no whole number beyond 64 bits, which an action's result may hold; such a one is never beside text
        plain = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
        return plain.encode()


def _plain(value: object) -> str:
    return format_instant(value) if isinstance(value, datetime) else str(value)


def _of_one(resource: Resource, base: str) -> Mapping[str, Any]:
    return {"jsonapi": _JSONAPI, "links": {"self": _self(resource, base)}, "data": _rendered(resource, base)}


def _of_problems(errors: Sequence[Problem]) -> Mapping[str, JSON]:
    return {"jsonapi": _JSONAPI, "errors": [_error(error) for error in errors]}


def _rendered(resource: Resource, base: str) -> Mapping[str, Any]:
    attributes = resource.attributes
    return {
        "type": resource.type,
        "id": resource.id,
        "attributes": orjson.Fragment(attributes) if isinstance(attributes, bytes) else attributes,
        "relationships": {},
        "links": {"self": _self(resource, base)},
    }


def _self(resource: Resource, base: str) -> str:
    return f"{base}/api/{resource.type}/{resource.id}"


def _error(error: Problem) -> Mapping[str, JSON]:
    rendered: dict[str, JSON] = {
        "status": str(error.status),
        "code": error.code,
        "title": error.title,
        "detail": error.detail,
    }
    source = {"pointer": error.pointer, "parameter": error.parameter, "header": error.header}
    given: dict[str, JSON] = {name: value for name, value in source.items() if value is not None}
    return rendered | ({"source": given} if given else {}) | ({"meta": error.meta} if error.meta else {})
