"""Lists: query parameters read into what is asked for, and the links and numbers of a page."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSON
from cronwright.timeline.query import Condition, Operator, QueryError, parse_query, parse_triples
from cronwright_api.errors import BadRequest
from cronwright_api.jsonapi.collections import Collection

DEFAULT_SIZE = 10
MAX_SIZE = 500
MAX_NUMBER = 1_000_000_000
"""Pages beyond this are a mistake; an offset must stay within 64 bits."""
LAST_EVENT_ID = "Last-Event-ID"
"""The header of one who listens again (https://html.spec.whatwg.org/#the-last-event-id-header)."""

_AFTER = "page[after]"
_BY_NUMBER = ("page[number]", "page[size]")
_PAGE_PARAMETERS = (*_BY_NUMBER, _AFTER, "page[before]")


@dataclass(frozen=True, slots=True)
class Sort:
    """A column to sort by."""

    column: str
    descending: bool


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What a list is asked for. `number` counts from 1; with `after` or `before` it is not looked at. `seen_at` is when
    the row of these was created, as far as the asker knows. `fields` None means all."""

    conditions: tuple[Condition, ...]
    namespace: str | None
    sort: tuple[Sort, ...]
    size: int
    number: int
    after: UUID | None
    before: UUID | None
    seen_at: datetime | None
    fields: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a page lies. `preceding` rows lie ahead of it and `total` there are, each None where it was not counted
    that far."""

    first_id: str | None
    last_id: str | None
    rows: int
    preceding: int | None
    total: int | None
    counted: int
    more: bool


def parse_list_request(pairs: Sequence[tuple[str, str]], collection: Collection) -> ListRequest:
    """Return what the decoded query parameters `pairs` ask of `collection`.

    Raises:
        BadRequest: a parameter, column, operator or sort key is unknown, or a value is not what it must be.
    """
    single: dict[str, str] = {}
    triples: list[tuple[str, str]] = []
    filters: list[tuple[str, str]] = []
    pages = _PAGE_PARAMETERS if collection.by_row else _BY_NUMBER
    for name, value in pairs:
        if name.startswith("query["):
            triples.append((name, value))
            continue
        if name in single:
            raise BadRequest("parameter_twice", f"{name} is given twice; write it once", parameter=name)
        single[name] = value
        match = _FILTER.fullmatch(name)
        if match is not None:
            if match.group(1) not in collection.columns:
                column = match.group(1)[:80]
                detail = f"there is no column {column!a} to filter by; write one of {', '.join(collection.columns)}"
                raise BadRequest("filter_unknown", detail, parameter=name)
            filters.append((match.group(1), value))
        elif name not in ("query", "sort", f"fields[{collection.type}]", *pages):
            known = ", ".join(("query", "sort", "filter[COLUMN]", f"fields[{collection.type}]", *pages))
            raise BadRequest(
                "parameter_unknown",
                f"the parameter {name[:80]!a} is unknown; write some of {known}",
                parameter=name[:80],
            )
    (after, after_at), (before, before_at) = _row(single, "page[after]"), _row(single, "page[before]")
    if (after is not None) + (before is not None) + ("page[number]" in single) > 1:
        raise BadRequest(
            "page_ambiguous",
            "of page[number], page[after] and page[before] only one can be; write one",
            parameter="page[number]",
        )
    return ListRequest(
        conditions=(
            *_query(single, triples, collection),
            *(_filter(name, value, collection) for name, value in filters),
        ),
        namespace=single.get("filter[namespace]"),
        sort=_sort(single.get("sort"), collection),
        size=_number(single, "page[size]", DEFAULT_SIZE, MAX_SIZE),
        number=_number(single, "page[number]", 1, MAX_NUMBER),
        after=after,
        before=before,
        seen_at=after_at or before_at,
        fields=_fields(single, collection),
    )


def refuse_parameters(pairs: Sequence[tuple[str, str]]) -> None:
    """Check that there are none. Raises BadRequest."""
    if pairs:
        name = pairs[0][0][:80]
        raise BadRequest("parameter_unknown", f"the parameter {name!a} is unknown; write none", parameter=name)


def parse_stream_request(
    pairs: Sequence[tuple[str, str]], collection: Collection, last_event_id: str | None
) -> ListRequest:
    """Return what a stream of `collection` is asked for: a list without an end or an order of its own. Behind which row
    it goes on, page[after] says, or the last event id of one who comes again.

    Raises:
        BadRequest: as `parse_list_request`.
    """
    for name, _ in pairs:
        if name == "sort" or (name in _PAGE_PARAMETERS and name != _AFTER):
            raise BadRequest(
                "parameter_unknown",
                f"a stream takes no {name}; write query, filter[COLUMN], fields[{collection.type}] or {_AFTER}",
                parameter=name,
            )
    if last_event_id:
        # The address stays as it was when the connection comes again, so the header is newer
        pairs = [(name, value) for name, value in pairs if name != _AFTER]
    asked = parse_list_request(pairs, collection)
    if not last_event_id:
        return asked
    after, seen_at = _row({LAST_EVENT_ID: last_event_id}, LAST_EVENT_ID)
    return replace(asked, after=after, seen_at=seen_at)


def parse_fields(pairs: Sequence[tuple[str, str]], collection: Collection) -> tuple[str, ...] | None:
    """Return the attributes that a request for one resource asks for, None for all.

    Raises:
        BadRequest: a parameter or a field is unknown.
    """
    known = f"fields[{collection.type}]"
    for name, _ in pairs:
        if name != known:
            raise BadRequest(
                "parameter_unknown",
                f"the parameter {name[:80]!a} is unknown; write {known} or none",
                parameter=name[:80],
            )
    if len(pairs) > 1:
        raise BadRequest("parameter_twice", f"{known} is given twice; write it once", parameter=known)
    return _fields(dict(pairs), collection)


def links_and_meta(
    url: str, pairs: Sequence[tuple[str, str]], asked: ListRequest, extent: Extent, *, by_row: bool = True
) -> tuple[Mapping[str, JSON], Mapping[str, JSON]]:
    """Return the links and the meta of a page at `url` (scheme, host and path). Daptin's numbers are on both, as
    strings in the links.

    With `by_row` `next` and `prev` go by rows, not by numbers, so that who follows them sees each row once while
    others arrive.
    """
    kept = [(name, value) for name, value in pairs if name not in _PAGE_PARAMETERS]

    def link(**page: object) -> str:
        query = [
            *kept,
            ("page[size]", str(asked.size)),
            *((f"page[{name}]", str(value)) for name, value in page.items()),
        ]
        return f"{url}?{urlencode(query)}"

    numbers: dict[str, JSON] = {"per_page": asked.size}
    if extent.preceding is not None:
        numbers["current_page"] = extent.preceding // asked.size + 1
        numbers["from"] = extent.preceding + 1 if extent.rows else 0
        numbers["to"] = extent.preceding + extent.rows if extent.rows else 0
    last_page = None
    if extent.total is not None:
        last_page = max(1, -(-extent.total // asked.size))
        numbers |= {"total": extent.total, "last_page": last_page}
    meta = dict(numbers)
    if extent.total is None:
        meta["total_at_least"] = extent.counted
    ahead = extent.preceding != 0
    following = previous = None
    if extent.more and extent.last_id is not None:
        following = link(after=extent.last_id) if by_row else link(number=asked.number + 1)
    if ahead and extent.first_id is not None:
        previous = link(before=extent.first_id) if by_row else link(number=asked.number - 1)
    if extent.rows == 0 and asked.number > 1 and last_page is not None:
        previous = link(number=last_page)
    last = None if last_page is None else link(number=last_page)
    links: dict[str, JSON] = {
        "self": f"{url}?{urlencode(pairs)}" if pairs else url,
        "first": link(number=1),
        "last": last,
        "prev": previous,
        "next": following,
        **{name: str(value) for name, value in numbers.items()},
        "last_page_url": last,
        "next_page_url": following,
    }
    return links, meta


_FILTER = re.compile(r"filter\[([^\[\]]*)\]")


def _query(
    single: Mapping[str, str], triples: Sequence[tuple[str, str]], collection: Collection
) -> tuple[Condition, ...]:
    if "query" in single and triples:
        raise BadRequest(
            "query_ambiguous", "query is given as JSON and as triples; write one of them", parameter="query"
        )
    try:
        if triples:
            return parse_triples(triples, collection.columns)
        return parse_query(single["query"], collection.columns) if "query" in single else ()
    except QueryError as error:
        raise BadRequest("query_invalid", str(error), parameter="query") from error


def _filter(column: str, value: str, collection: Collection) -> Condition:
    try:
        triple = [("query[][column]", column), ("query[][operator]", Operator.IS.value), ("query[][value]", value)]
        return parse_triples(triple, collection.columns)[0]
    except QueryError as error:
        raise BadRequest("filter_invalid", str(error), parameter=f"filter[{column}]") from error


def _sort(text: str | None, collection: Collection) -> tuple[Sort, ...]:
    if text is None:
        return (Sort("created_at", descending=True),)
    keys: list[Sort] = []
    for key in text.split(","):
        column = key.removeprefix("-")
        if column not in collection.columns:
            detail = f"there is no column {column[:80]!a} to sort by; write some of {', '.join(collection.columns)}"
            raise BadRequest("sort_unknown", detail, parameter="sort")
        if column in (known.column for known in keys):
            raise BadRequest("sort_twice", f"{column} is there twice; write it once", parameter="sort")
        keys.append(Sort(column, key.startswith("-")))
    return tuple(keys)


def _fields(single: Mapping[str, str], collection: Collection) -> tuple[str, ...] | None:
    parameter = f"fields[{collection.type}]"
    if parameter not in single:
        return None
    names = tuple(name for name in single[parameter].split(",") if name)
    for name in names:
        if name not in collection.attributes:
            detail = f"there is no field {name[:80]!a}; write some of {', '.join(collection.attributes)}"
            raise BadRequest("field_unknown", detail, parameter=parameter)
    return names


def _number(single: Mapping[str, str], name: str, default: int, most: int) -> int:
    if name not in single:
        return default
    text = single[name]
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= most:
        raise BadRequest(
            "page_invalid", f"{name} is {text[:80]!a}; write a whole number from 1 to {most}", parameter=name
        )
    return int(text)


def _row(single: Mapping[str, str], name: str) -> tuple[UUID | None, datetime | None]:
    if name not in single:
        return None, None
    identity, at, seen_at = single[name].partition("@")
    try:
        return UUID(identity), parse_instant(seen_at) if at else None
    except ValueError:
        detail = f"{name} is {single[name][:80]!a}; write the id of a row, or ID@CREATED_AT"
        raise BadRequest("page_invalid", detail, parameter=name) from None
