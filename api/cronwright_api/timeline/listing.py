"""What a caller sees of a stored collection: a page of it, or one row, of the namespaces where the caller may list
Tasks."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import ColumnElement, Table, true

from cronwright.timeline.query import Condition
from cronwright_api.auth.readers import Reader, Visible
from cronwright_api.errors import BadRequest, Forbidden
from cronwright_api.jsonapi.lists import ListRequest
from cronwright_api.store.conditions import among, where
from cronwright_api.store.database import Database
from cronwright_api.store.pages import Page, Slice, SortKey, UnknownRow, page_of
from cronwright_api.store.rows import Row
from cronwright_api.store.timeline import namespaces, row_by_id
from cronwright_api.timeline.columns import StoredCollection

_ASK = "ask for the verb list on tasks.cronwright.dev"


async def page_for(database: Database, stored: StoredCollection, reader: Reader, asked: ListRequest) -> Page:
    """Return the page that `reader` asked for.

    Raises:
        Forbidden: the reader may list Tasks nowhere, or not in the namespace asked for.
        BadRequest: there is no row of the id to page from.
        Unavailable: Kubernetes or the store is away.
    """
    visible = await visible_to(database, reader, asked.namespace)
    conditions = [replace(condition, column=stored.names[condition.column]) for condition in asked.conditions]
    order = [SortKey(stored.names[key.column], key.descending) for key in asked.sort]
    part = Slice(asked.size, (asked.number - 1) * asked.size, asked.after, asked.before, asked.seen_at)
    is_restricted = visible.namespaces is not None
    asked_for = [
        seen(stored.table, visible, conditions),
        *where(stored.table, conditions, restricted=is_restricted),
    ]
    async with database.reading() as connection:
        try:
            return await page_of(connection, stored.table, asked_for, order, part)
        except UnknownRow:
            name = "page[after]" if asked.after is not None else "page[before]"
            detail = f"there is no row {asked.after or asked.before} any more; begin again without {name}"
            raise BadRequest("page_unknown", detail, parameter=name) from None


async def row_for(database: Database, stored: StoredCollection, reader: Reader, identity: UUID) -> Row | None:
    """Return the row with this id, or None where there is none that `reader` may see. Raises Unavailable."""
    async with database.reading() as connection:
        row = await row_by_id(connection, stored.table, identity)
    if row is None:
        return None
    visible = await reader.visible([row["namespace"]])
    return row if visible.shows(row["namespace"]) else None


async def visible_to(database: Database, reader: Reader, namespace: str | None) -> Visible:
    """Return the namespaces whose rows `reader` may see, of all or of the one asked for. Raises as `page_for`."""
    if reader.everywhere or namespace is not None:
        return await visible_among(reader, namespace, [])
    async with database.reading() as connection:
        known = await namespaces(connection)
    visible = await reader.visible(known)
    if not visible.namespaces:
        raise Forbidden(
            "list_forbidden", f"you may list Tasks in no namespace of the timeline; {_ASK}, or write filter[namespace]"
        )
    return visible


async def visible_among(reader: Reader, namespace: str | None, namespaces: Sequence[str]) -> Visible:
    """Return which of `namespaces` the reader may see; where one was asked for, of that alone.

    Raises:
        Forbidden: not the one that was asked for.
        Unavailable: Kubernetes is away.
    """
    if reader.everywhere:
        return Visible(None)
    visible = await reader.visible(namespaces if namespace is None else [namespace])
    if namespace is not None and not visible.shows(namespace):
        detail = f"you may not list Tasks in namespace {namespace[:80]!a}; {_ASK} there"
        raise Forbidden("namespace_forbidden", detail, parameter="filter[namespace]")
    return visible


def seen(table: Table, visible: Visible, conditions: Sequence[Condition] = ()) -> ColumnElement[bool]:
    """Return the condition that leaves the rows of `table` that may be seen, which stands beside `conditions`."""
    return true() if visible.namespaces is None else among(table, visible.namespaces, conditions)
