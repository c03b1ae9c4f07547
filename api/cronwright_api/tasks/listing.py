"""Lists of Tasks out of the cache: what the caller may see, what was asked for, in order, and a page of that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from cronwright_api.auth.readers import Reader
from cronwright_api.errors import Forbidden, Unavailable
from cronwright_api.jsonapi.lists import Extent, ListRequest, Sort
from cronwright_api.tasks.cache import TaskCache
from cronwright_api.tasks.matching import matches
from cronwright_api.tasks.record import Record
from cronwright_api.tasks.shown import values_of

_ASK = "ask for the verb list on tasks.cronwright.dev"


@dataclass(frozen=True, slots=True)
class TaskPage:
    """The Tasks of a page, and where it lies."""

    records: Sequence[Record]
    extent: Extent


async def page_for(
    cache: TaskCache, default_namespace: str, reader: Reader, asked: ListRequest, now: datetime
) -> TaskPage:
    """Return the page that `reader` asked for, as of `now`.

    Raises:
        Forbidden: the reader may list Tasks nowhere, or not in the namespace asked for.
        Unavailable: Kubernetes is away, or was for so long that the cache may be wrong.
    """
    problem = cache.problem()
    if problem:
        raise Unavailable("tasks_stale", f"{problem}; come again, or read a Task by its id")
    seen = await _visible(cache, default_namespace, reader, asked.namespace)
    asking = [(condition, values_of(condition.column, now)) for condition in asked.conditions]
    found = [record for record in seen if all(matches(condition, value(record)) for condition, value in asking)]
    rows = ordered(found, asked.sort, now)
    offset = (asked.number - 1) * asked.size
    page = rows[offset : offset + asked.size]
    extent = Extent(
        first_id=page[0].uid if page else None,
        last_id=page[-1].uid if page else None,
        rows=len(page),
        preceding=offset,
        total=len(rows),
        counted=len(rows),
        more=offset + len(page) < len(rows),
    )
    return TaskPage(page, extent)


def ordered(records: Sequence[Record], keys: Sequence[Sort], now: datetime) -> list[Record]:
    """Return `records` sorted by `keys` and at last by id. What is unset comes last, whichever the direction."""
    rows = sorted(records, key=attrgetter("uid"))
    for key in reversed(keys):
        values = [*map(values_of(key.column, now), rows)]
        there = [place for place, value in enumerate(values) if value is not None]
        there.sort(key=values.__getitem__, reverse=key.descending)
        unset = [record for record, value in zip(rows, values, strict=True) if value is None]
        rows = [rows[place] for place in there] + unset
    return rows


async def _visible(cache: TaskCache, default_namespace: str, reader: Reader, namespace: str | None) -> Sequence[Record]:
    if reader.everywhere:
        return [record for record in cache.all() if namespace is None or record.namespace == namespace]
    if namespace is not None:
        if not (await reader.visible([namespace])).shows(namespace):
            detail = f"you may not list Tasks in namespace {namespace[:80]!a}; {_ASK} there"
            raise Forbidden("namespace_forbidden", detail, parameter="filter[namespace]")
        return [record for record in cache.all() if record.namespace == namespace]
    # A namespace without a Task is known only by being named: as one of those that are served, or as the default
    known = {*cache.namespaces(), *filter(None, cache.scopes), default_namespace}
    visible = await reader.visible(sorted(known))
    if not visible.namespaces:
        raise Forbidden(
            "list_forbidden", f"you may list Tasks in no namespace that has any; {_ASK}, or write filter[namespace]"
        )
    return [record for record in cache.all() if visible.shows(record.namespace)]
