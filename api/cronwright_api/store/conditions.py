"""Typed conditions of a query as SQL expressions, the same in SQLite and PostgreSQL. Values go in as bound parameters
only."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, false, literal, not_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from cronwright.reasons import Outcome
from cronwright.timeline.query import Condition, Operator
from cronwright_api.store.tables import EVENT_TYPE

_Column = ColumnElement[Any]


def where(table: Table, conditions: Sequence[Condition], *, restricted: bool = False) -> list[ColumnElement[bool]]:
    """Return the expressions of `conditions`, each of which names a column of `table`. `restricted`: they stand beside
    some namespaces (`among`)."""
    led_by = _leading(conditions, restricted)
    return [
        _MEANINGS[condition.operator](_column(table, condition, led_by), condition.value) for condition in conditions
    ]


def among(table: Table, namespaces: Collection[str], conditions: Sequence[Condition]) -> ColumnElement[bool]:
    """Return the expression that leaves the rows of `namespaces`, which stands beside `conditions`."""
    is_led_by_it = _leading(conditions, restricted=True) == "namespace"
    column: _Column = table.c.namespace
    return (column if is_led_by_it else _beside(column)).in_(sorted(namespaces))


# SQLite keeps no statistics: left alone, it looks among the hundred thousand rows of a namespace for those of a Task
# that has a hundred.
_SELECTIVE = ("id", "run_id", "task_uid", "task")


def _leading(conditions: Sequence[Condition], restricted: bool) -> str | None:
    """Return the column by whose index SQLite is to look, None where that is for it to say."""
    asked = {
        condition.column: condition.value
        for condition in conditions
        if condition.operator in (Operator.IS, Operator.IN) and condition.value is not None
    }
    for column in _SELECTIVE:
        if column in asked:
            return column
    # Most runs succeed, and in a small namespace those of the others would be in the way
    if "outcome" in asked and asked["outcome"] != Outcome.SUCCEEDED:
        return "outcome"
    if restricted or "namespace" in asked:
        return "namespace"
    return "outcome" if "outcome" in asked else None


def _column(table: Table, condition: Condition, led_by: str | None) -> _Column:
    if condition.column == "event_type" and "event_type" in table.c:
        # No row has another, so there is no index for it
        return literal(EVENT_TYPE)
    column: _Column = table.c[condition.column]
    return column if led_by in (None, condition.column) else _beside(column)


class _beside(FunctionElement[Any]):
    """A column as it is, but by whose index SQLite does not look, for another's leads it: unary + is SQLite's own way
    to say so (https://www.sqlite.org/optoverview.html, section 2). PostgreSQL goes by its statistics.
    """

    inherit_cache = True

    def __init__(self, column: _Column) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(_beside)
def _plain(element: _beside, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_beside, "sqlite")
def _not_looked_by(element: _beside, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


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
