"""Typed conditions of a query as SQL expressions, the same in SQLite and PostgreSQL. Values go in as bound parameters
only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, not_, or_

from cronwright.timeline.query import Condition, Operator

_Column = ColumnElement[Any]


def where(table: Table, conditions: Sequence[Condition]) -> list[ColumnElement[bool]]:
    """Return the expressions of `conditions`, each of which names a column of `table`."""
    return [_MEANINGS[condition.operator](table.c[condition.column], condition.value) for condition in conditions]


def _is_in(column: _Column, values: Any) -> ColumnElement[bool]:
    chosen = column.in_([value for value in values if value is not None]) if values else false()
    return or_(chosen, column.is_(None)) if None in values else chosen


def _is_empty(column: _Column, _: Any) -> ColumnElement[bool]:
    return or_(column.is_(None), column == "") if column.type.python_type is str else column.is_(None)


def _lacks(matches: ColumnElement[bool], column: _Column) -> ColumnElement[bool]:
    # What is unset doesn't hold the text either
    return or_(not_(matches), column.is_(None))


# "is not" and "none of" count a row that is unset: it is not the value, whatever SQL's three-valued logic says.
_MEANINGS: Mapping[Operator, Callable[[_Column, Any], ColumnElement[bool]]] = {
    Operator.IS: lambda column, value: column.is_(None) if value is None else column == value,
    Operator.IS_NOT: lambda column, value: column.is_distinct_from(value) if value is not None else column.is_not(None),
    Operator.CONTAINS: lambda column, value: column.contains(value, autoescape=True),
    Operator.NOT_CONTAINS: lambda column, value: _lacks(column.contains(value, autoescape=True), column),
    Operator.LIKE: lambda column, value: column.like(value, escape="\\"),
    Operator.NOT_LIKE: lambda column, value: _lacks(column.like(value, escape="\\"), column),
    Operator.ILIKE: lambda column, value: column.ilike(value, escape="\\"),
    Operator.BEGINS_WITH: lambda column, value: column.startswith(value, autoescape=True),
    Operator.ENDS_WITH: lambda column, value: column.endswith(value, autoescape=True),
    Operator.MORE_THAN: lambda column, value: column > value,
    Operator.LESS_THAN: lambda column, value: column < value,
    Operator.AT_LEAST: lambda column, value: column >= value,
    Operator.AT_MOST: lambda column, value: column <= value,
    Operator.IS_TRUE: lambda column, _: column.is_(True),
    Operator.IS_FALSE: lambda column, _: and_(column.is_(False)),
    Operator.IS_EMPTY: _is_empty,
    Operator.IS_NOT_EMPTY: lambda column, value: not_(_is_empty(column, value)),
    Operator.IN: _is_in,
    Operator.NOT_IN: lambda column, values: (
        or_(not_(_is_in(column, values)), column.is_(None)) if None not in values else not_(_is_in(column, values))
    ),
}
