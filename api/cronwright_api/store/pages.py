"""Pages of a table in a stable order: by number, or from a row on (keyset), which sees every row once while others
arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright_api.store.rows import Row

COUNTED = 10_000
"""Rows that are counted at most: beyond, a count would cost more than the page."""

_LAST_SEQ = 2**63 - 1


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column to sort by. What is unset comes last, whichever the direction."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows: from an offset on, or behind (`after`) or ahead of (`before`) the row with an id.

    `seen_at` is the time of creation that the row had when it was seen. Rows such as spans get a new one with each
    change; sorted by it, the page then goes on from the place that the row had, with what was created at the same
    instant once more.
    """

    size: int
    offset: int = 0
    after: UUID | None = None
    before: UUID | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The rows in order; `more` tells whether others follow. `preceding`, the rows ahead of the first, and `total` are
    counted to COUNTED + 1, which stands for "more than that"."""

    rows: Sequence[Row]
    more: bool
    preceding: int
    total: int


class UnknownRow(Exception):
    """There is no row of that id among those that may be seen."""


async def page_of(
    connection: AsyncConnection,
    table: Table,
    conditions: Sequence[ColumnElement[bool]],
    order: Sequence[SortKey],
    part: Slice,
) -> Page:
    """Return the rows of `table` that meet all `conditions`, sorted by `order` and at last by arrival.

    Raises:
        UnknownRow: the row to page from is not among the rows that meet the conditions' first, which says what may
            be seen.
    """
    keys = [*order, SortKey("seq", order[0].descending if order else False)]
    wanted = select(table).where(*conditions)
    total = await _count(connection, table, conditions)
    cursor = part.after or part.before
    if cursor is None:
        # One row more than asked for tells whether others follow
        rows = await _rows(connection, _ordered(wanted, table, keys).limit(part.size + 1).offset(part.offset))
        return Page(rows[: part.size], len(rows) > part.size, part.offset, total)
    found = await connection.execute(select(table).where(table.c.id == cursor, *conditions[:1]))
    row: Row | None = found.mappings().one_or_none()
    if part.seen_at is not None and [key.column for key in order] == ["created_at"]:
        row = row if row is not None and row["created_at"] == part.seen_at else _place(part, order[0])
    if row is None:
        raise UnknownRow
    if part.after is not None:
        rows = await _rows(
            connection, _ordered(wanted.where(_beyond(table, keys, row, behind=True)), table, keys).limit(part.size + 1)
        )
        more = len(rows) > part.size
        rows = rows[: part.size]
    else:
        ahead = _ordered(wanted.where(_beyond(table, keys, row, behind=False)), table, keys, reverse=True)
        rows = list(reversed(await _rows(connection, ahead.limit(part.size))))
        more = True
    preceding = await _count(
        connection, table, [*conditions, _beyond(table, keys, rows[0] if rows else row, behind=False)]
    )
    return Page(rows, more, preceding, total)


def _place(part: Slice, key: SortKey) -> Row:
    """Return what stands for a row that has gone from where it was: the near end of what was created with it."""
    is_first = (part.after is not None) != key.descending
    return {"created_at": part.seen_at, "seq": 0 if is_first else _LAST_SEQ}


async def _rows(connection: AsyncConnection, statement: Select[Any]) -> list[Row]:
    return list((await connection.execute(statement)).mappings())


async def _count(connection: AsyncConnection, table: Table, conditions: Sequence[ColumnElement[bool]]) -> int:
    bounded = select(literal(1)).select_from(table).where(*conditions).limit(COUNTED + 1).subquery()
    return await connection.scalar(select(func.count()).select_from(bounded)) or 0


def _ordered(statement: Select[Any], table: Table, keys: Sequence[SortKey], *, reverse: bool = False) -> Select[Any]:
    for key in keys:
        column = table.c[key.column]
        if column.nullable:
            unset_last = column.is_(None)
            statement = statement.order_by(unset_last.desc() if reverse else unset_last)
        statement = statement.order_by(column.desc() if key.descending != reverse else column.asc())
    return statement


def _beyond(table: Table, keys: Sequence[SortKey], row: Row, *, behind: bool) -> ColumnElement[bool]:
    """The rows that come behind `row` in the order of `keys`, or ahead of it."""
    alternatives = []
    same: list[ColumnElement[bool]] = []
    for key in keys:
        column, value = table.c[key.column], row[key.column]
        alternatives.append(and_(*same, _past(column, value, descending=key.descending, behind=behind)))
        same.append(column.is_(None) if value is None else column == value)
    leading, value = table.c[keys[0].column], row[keys[0].column]
    beyond = or_(*alternatives)
    if leading.nullable:
        return beyond
    # Says nothing new, but lets the database begin at this place of an index
    return and_(leading <= value if keys[0].descending == behind else leading >= value, beyond)


def _past(column: ColumnElement[Any], value: Any, *, descending: bool, behind: bool) -> ColumnElement[bool]:
    if value is None:
        return false() if behind else column.is_not(None)
    past = column < value if descending == behind else column > value
    return or_(past, column.is_(None)) if behind and getattr(column, "nullable", False) else past
