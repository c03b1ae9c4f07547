"""Documents in: a request's body read within its limit, as strict JSON, and its primary data."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from starlette.requests import ClientDisconnect, Request

from cronwright.jsontypes import JSON
from cronwright_api.errors import BadRequest, Conflict, TooLarge
from cronwright_api.jsonapi.negotiation import check_content_type

MAX_BODY_BYTES = 1024 * 1024
MAX_DEPTH = 100
"""Objects and lists within each other. Python's own limit depends on where in the program it walks."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A resource as it came in; `pointer` is its place in the document, `id` None where the server gives it."""

    id: str | None
    attributes: Mapping[str, JSON]
    pointer: str


async def read_document(request: Request) -> Mapping[str, JSON]:
    """Return the request's document.

    Raises:
        UnsupportedMediaType: not a media type of ours.
        TooLarge: over 1 MiB.
        BadRequest: not strict JSON (duplicate keys, NaN, lone surrogates and too deep nesting are refused), or no
            object.
    """
    check_content_type(request.headers.get("content-type"))
    return parse_document(await _body(request))


async def optional_document(request: Request) -> Mapping[str, JSON] | None:
    """Return the request's document, None where the body is empty, whatever its media type. Raises as
    `read_document`."""
    body = await _body(request)
    if not body.strip():
        return None
    check_content_type(request.headers.get("content-type"))
    return parse_document(body)


def parse_document(body: bytes) -> Mapping[str, JSON]:
    """Return the JSON object of `body`. Raises BadRequest as `read_document`."""
    try:
        document = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except UnicodeDecodeError:
        raise BadRequest("not_utf8", "the body is not UTF-8; send JSON in UTF-8", pointer="") from None
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError as error:
        raise BadRequest(
            "not_json", f"the body is not JSON: {error.msg} at line {error.lineno} column {error.colno}", pointer=""
        ) from None
    except ValueError:
        # Python refuses to read numbers of more than 4,300 digits
        raise BadRequest(
            "number_too_long", "the body holds a number with too many digits; send it as a string", pointer=""
        ) from None
    if not isinstance(document, dict):
        raise BadRequest("not_an_object", 'the body is not an object; write {"data": …}', pointer="")
    _refuse_depth(document)
    _refuse_surrogates(body, document)
    return cast(Mapping[str, JSON], document)


def primary_data(document: Mapping[str, JSON], resource_type: str) -> tuple[Sequence[Posted], bool]:
    """Return the resources of `data`, and whether they came as a list.

    Raises:
        BadRequest: `data` is missing, or a resource is no resource.
        Conflict: a resource is of another type.
    """
    for member in document:
        if member not in ("data", "meta", "links", "jsonapi", "included"):
            raise BadRequest(
                "member_unknown",
                f"the member {member[:80]!a} is unknown; write data and meta only",
                pointer=f"/{pointer_token(member)}",
            )
    if "data" not in document:
        raise BadRequest(
            "data_missing", 'the document has no data; write {"data": {"type": …, "attributes": {…}}}', pointer=""
        )
    data = document["data"]
    if isinstance(data, list):
        return [_posted(item, f"/data/{index}", resource_type) for index, item in enumerate(data)], True
    return [_posted(data, "/data", resource_type)], False


def one_resource(document: Mapping[str, JSON], resource_type: str) -> Posted:
    """Return the one resource of `data`. Raises as `primary_data`, and BadRequest for a list."""
    resources, listed = primary_data(document, resource_type)
    if listed:
        raise BadRequest("one_expected", f"data is a list; write one resource of type {resource_type}", pointer="/data")
    return resources[0]


def require_id(posted: Posted, identity: str) -> Posted:
    """Return `posted` where it is the resource of the path, whose id is `identity`.

    Raises:
        BadRequest: it has no id.
        Conflict: it has another one.
    """
    if posted.id is None:
        raise BadRequest("id_missing", f'the resource has no id; write "id": "{identity[:80]}"', pointer="/data/id")
    if posted.id.lower() != identity.lower():
        detail = f"the id is {posted.id[:80]!a}, but the path says {identity[:80]!a}; write the same one twice"
        raise Conflict("id_mismatch", detail, pointer="/data/id")
    return posted


def pointer_token(member: str) -> str:
    """Return a member's name as a part of a JSON pointer (RFC 6901, section 3), cut to a length that can be shown."""
    return ascii(member[:80])[1:-1].replace("~", "~0").replace("/", "~1")


def _posted(item: JSON, pointer: str, resource_type: str) -> Posted:
    if not isinstance(item, Mapping):
        raise BadRequest(
            "not_a_resource",
            f"a resource is an object with type {resource_type} and attributes; write one",
            pointer=pointer,
        )
    for member in item:
        if member not in ("type", "id", "lid", "attributes", "relationships", "links", "meta"):
            detail = f"the member {member[:80]!a} is unknown in a resource; write it into attributes"
            raise BadRequest("member_unknown", detail, pointer=f"{pointer}/{pointer_token(member)}")
    if not isinstance(item.get("type"), str):
        raise BadRequest(
            "type_missing", f'the resource has no type; write "type": "{resource_type}"', pointer=f"{pointer}/type"
        )
    if item["type"] != resource_type:
        detail = f"the type is {str(item['type'])[:80]!a}; here it is {resource_type}"
        raise Conflict("type_mismatch", detail, pointer=f"{pointer}/type")
    if item.get("relationships") not in (None, {}):
        raise BadRequest(
            "relationships_given", "nothing here has relationships; leave them out", pointer=f"{pointer}/relationships"
        )
    attributes, identity = item.get("attributes", {}), item.get("id")
    if not isinstance(attributes, Mapping):
        raise BadRequest(
            "attributes_not_an_object", "attributes is not an object; write one", pointer=f"{pointer}/attributes"
        )
    if identity is not None and not isinstance(identity, str):
        raise BadRequest("id_not_a_string", "the id is not a string; write it in quotes", pointer=f"{pointer}/id")
    if not isinstance(item.get("lid", ""), str):
        raise BadRequest("lid_not_a_string", "the lid is not a string; write it in quotes", pointer=f"{pointer}/lid")
    return Posted(identity, attributes, pointer)


async def _body(request: Request) -> bytes:
    too_large = TooLarge("body_too_large", f"the body is larger than {MAX_BODY_BYTES} bytes; send less at once")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise too_large
    except ClientDisconnect:
        # Nobody is there to read this, but whoever reads the log sees no defect
        raise BadRequest("body_cut_off", "the connection ended before the body did; send all of it") from None
    return bytes(body)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BadRequest(
                    "duplicate_key", f"the key {key[:80]!a} is there twice in one object; write it once", pointer=""
                )
            seen.add(key)
    return values


def _constant(word: str) -> object:
    raise BadRequest("not_json", f"{word} is no JSON; write a number, a string or null", pointer="")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BadRequest("number_too_large", f"the number {text[:80]} is too large; send it as a string", pointer="")
    return number


def _refuse_depth(document: dict[str, object]) -> None:
    level: list[object] = [document]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _members(value) if isinstance(child, dict | list)]
        if not level:
            return
    raise _too_deep()


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep() -> BadRequest:
    return BadRequest(
        "nested_too_deep", f"the body is nested more than {MAX_DEPTH} deep; send fewer levels", pointer=""
    )


def _refuse_surrogates(body: bytes, document: object) -> None:
    """A lone surrogate, which only an escape can bring, is no text: neither the store nor the answer could hold it."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return
    try:
        json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadRequest(
            "not_unicode",
            r"a string holds half of a surrogate pair (\ud800 to \udfff); write the whole pair",
            pointer="",
        ) from None
