"""The query language of lists: `[{"column", "operator", "value"}]` read into typed conditions, joined by AND.

The words are Daptin's. Values are data: nothing here or behind it makes text out of them. How a condition becomes SQL
is
the store's business.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cronwright.instants import parse_instant

MAX_CONDITIONS = 50
"""Conditions in one query; more is a mistake, and databases bound the depth of an expression."""
MAX_CHOICES = 500
"""Values behind `in`, `any of` and `none of`."""


class QueryError(ValueError):
    """A query that can't be read: what is wrong and what to write instead."""

    def __init__(self, problem: str, remedy: str) -> None:
        self.problem, self.remedy = problem, remedy
        super().__init__(f"{problem}; {remedy}")


class ColumnType(StrEnum):
    """What a column holds, and so what its values look like."""

    TEXT = "text"
    UUID = "uuid"
    NUMBER = "number"
    INSTANT = "instant"
    BOOLEAN = "boolean"


class Operator(StrEnum):
    """What a condition asks; each of the words in `OPERATOR_WORDS` means one of these."""

    IS = "is"
    IS_NOT = "is not"
    CONTAINS = "contains"
    NOT_CONTAINS = "not contains"
    LIKE = "like"
    NOT_LIKE = "not like"
    ILIKE = "ilike"
    BEGINS_WITH = "begins with"
    ENDS_WITH = "ends with"
    MORE_THAN = "more than"
    LESS_THAN = "less than"
    AT_LEAST = "gte"
    AT_MOST = "lte"
    IS_TRUE = "is true"
    IS_FALSE = "is false"
    IS_EMPTY = "is empty"
    IS_NOT_EMPTY = "is not empty"
    IN = "in"
    NOT_IN = "none of"


OPERATOR_WORDS: dict[str, Operator] = {operator.value: operator for operator in Operator} | {
    "eq": Operator.IS,
    "neq": Operator.IS_NOT,
    "more then": Operator.MORE_THAN,
    "less then": Operator.LESS_THAN,
    "gt": Operator.MORE_THAN,
    "lt": Operator.LESS_THAN,
    "after": Operator.MORE_THAN,
    "before": Operator.LESS_THAN,
    "any of": Operator.IN,
}

_WITHOUT_VALUE = {Operator.IS_TRUE, Operator.IS_FALSE, Operator.IS_EMPTY, Operator.IS_NOT_EMPTY}
_OF_LISTS = {Operator.IN, Operator.NOT_IN}
_OF_TEXT = {
    Operator.CONTAINS,
    Operator.NOT_CONTAINS,
    Operator.LIKE,
    Operator.NOT_LIKE,
    Operator.ILIKE,
    Operator.BEGINS_WITH,
    Operator.ENDS_WITH,
}
_OF_ORDER = {Operator.MORE_THAN, Operator.LESS_THAN, Operator.AT_LEAST, Operator.AT_MOST}

Value = str | int | bool | UUID | datetime | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a column. `value` has the column's type: one value, a tuple behind `in` and `none of`, None
    where the
    operator takes no value, or None behind `is` and `is not` for a column that is unset."""

    column: str
    operator: Operator
    value: Value | tuple[Value, ...] = None


def parse_query(text: str, columns: Mapping[str, ColumnType]) -> tuple[Condition, ...]:
    """Return the conditions of the JSON list `text`; `columns` are those that may be asked for.

    Raises:
        QueryError: the text is no such list, or names an unknown column or operator, or a value has the wrong type.
    """
    try:
        parts = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except QueryError:
        raise
    except (ValueError, RecursionError):
        raise QueryError("query is not JSON", f"write a list such as {_EXAMPLE}") from None
    if not isinstance(parts, list):
        raise QueryError("query is not a list", f"write a list such as {_EXAMPLE}")
    return _conditions(parts, columns)


def parse_triples(pairs: Sequence[tuple[str, str]], columns: Mapping[str, ColumnType]) -> tuple[Condition, ...]:
    """Return the conditions of `query[][column]=…&query[][operator]=…&query[][value]=…` pairs (or with numbers in the
    brackets).

    A repeated `value` is a list; behind a list operator one value may also be a JSON list or words with commas between.

    Raises:
        QueryError: as `parse_query`.
    """
    parts: list[dict[str, object]] = []
    numbered: dict[str, dict[str, object]] = {}
    for key, value in pairs:
        match = _TRIPLE_KEY.fullmatch(key)
        if match is None:
            raise QueryError(
                f"{key} is no part of a query", "write query[][column], query[][operator] and query[][value]"
            )
        number, name = match.groups()
        if number:
            if number not in numbered:
                numbered[number] = {}
                parts.append(numbered[number])
            part = numbered[number]
        else:
            if not parts or (name in parts[-1] and name != "value"):
                parts.append({})
            part = parts[-1]
        if name in part and name != "value":
            raise QueryError(f"{key} is given twice", "write it once a condition")
        if name in part:
            former = part[name]
            part[name] = [*former, value] if isinstance(former, list) else [former, value]
        else:
            part[name] = value
    for part in parts:
        value_given = part.get("value")
        if OPERATOR_WORDS.get(str(part.get("operator"))) in _OF_LISTS and isinstance(value_given, str):
            part["value"] = _list_in(value_given)
    return _conditions(parts, columns)


def operator_words(kind: ColumnType, operators: Collection[Operator]) -> list[str]:
    """Return the words for those of `operators` that go with columns of this kind."""
    legal = _legal(kind)
    return [word for word, meaning in OPERATOR_WORDS.items() if meaning in legal and meaning in operators]


_EXAMPLE = '[{"column":"event_type","operator":"is","value":"task"}]'
_TRIPLE_KEY = re.compile(r"query\[([0-9]{0,4})\]\[(column|operator|value)\]")
_INT64 = range(-(2**63), 2**63)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) != len(pairs):
        twice = next(key for key in values if sum(name == key for name, _ in pairs) > 1)
        raise QueryError(f"query has {twice!r} twice in one condition", "write it once")
    return values


def _no_constant(word: str) -> object:
    raise ValueError(word)


def _list_in(text: str) -> list[object]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    return parsed if isinstance(parsed, list) else list(text.split(","))


def _conditions(parts: Sequence[object], columns: Mapping[str, ColumnType]) -> tuple[Condition, ...]:
    if len(parts) > MAX_CONDITIONS:
        raise QueryError(f"query has {len(parts)} conditions", f"write at most {MAX_CONDITIONS}")
    return tuple(_condition(part, columns) for part in parts)


def _condition(part: object, columns: Mapping[str, ColumnType]) -> Condition:
    if not isinstance(part, dict):
        raise QueryError(f"query holds {_shown(part)}, which is not a condition", f"write conditions as in {_EXAMPLE}")
    for key in part:
        if key not in ("column", "operator", "value"):
            raise QueryError(f"a condition has the key {_shown(key)}", "write column, operator and value only")
    column, word = part.get("column"), part.get("operator")
    if not isinstance(column, str) or column not in columns:
        said = "a condition names no column" if column is None else f"column {_shown(column)} is unknown"
        raise QueryError(said, f"write one of {', '.join(columns)}")
    operator = OPERATOR_WORDS.get(word) if isinstance(word, str) else None
    if operator is None:
        said = f"the condition on {column} names no operator" if word is None else f"operator {_shown(word)} is unknown"
        raise QueryError(said, f"write one of {', '.join(OPERATOR_WORDS)}")
    kind = columns[column]
    _check_operator(column, kind, operator, str(word))
    value = part.get("value")
    if operator in _WITHOUT_VALUE:
        return Condition(column, operator)
    if operator in _OF_LISTS:
        if not isinstance(value, list):
            raise QueryError(f"the value of {column} {word} is {_shown(value)}", 'write a list such as ["a", "b"]')
        if len(value) > MAX_CHOICES:
            raise QueryError(f"the list of {column} {word} has {len(value)} values", f"write at most {MAX_CHOICES}")
        choices = tuple(None if choice is None else _value(column, kind, choice) for choice in value)
        return Condition(column, operator, choices)
    if value is None:
        if operator in (Operator.IS, Operator.IS_NOT):
            return Condition(column, operator)
        raise QueryError(f"the condition {column} {word} has no value", "write a value, or operator is empty")
    typed = _value(column, kind, value)
    if operator in (Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE) and isinstance(typed, str):
        _check_pattern(column, typed)
    return Condition(column, operator, typed)


def _legal(kind: ColumnType) -> set[Operator]:
    legal = set(Operator)
    if kind is not ColumnType.TEXT:
        legal -= _OF_TEXT
    if kind is not ColumnType.BOOLEAN:
        legal -= {Operator.IS_TRUE, Operator.IS_FALSE}
    if kind in (ColumnType.BOOLEAN, ColumnType.UUID):
        legal -= _OF_ORDER
    return legal


def _check_operator(column: str, kind: ColumnType, operator: Operator, word: str) -> None:
    legal = _legal(kind)
    if operator not in legal:
        words = ", ".join(operator_words(kind, legal))
        raise QueryError(
            f"operator {word} does not go with column {column}, which holds {_HOLDS[kind]}", f"write one of {words}"
        )


_HOLDS = {
    ColumnType.TEXT: "text",
    ColumnType.UUID: "ids",
    ColumnType.NUMBER: "whole numbers",
    ColumnType.INSTANT: "times",
    ColumnType.BOOLEAN: "true or false",
}
_WRITE = {
    ColumnType.TEXT: "write a string",
    ColumnType.UUID: "write a UUID",
    ColumnType.NUMBER: "write a whole number of at most 64 bits",
    ColumnType.INSTANT: "write a time such as 2027-01-04T08:00:00Z",
    ColumnType.BOOLEAN: "write true or false",
}


def _value(column: str, kind: ColumnType, value: object) -> Value:
    wrong = QueryError(f"a value for column {column} is {_shown(value)}", _WRITE[kind])
    if kind is ColumnType.BOOLEAN:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        raise wrong
    if kind is ColumnType.NUMBER:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and value in _INT64:
            return value
        raise wrong
    if not isinstance(value, str):
        raise wrong
    if kind is ColumnType.TEXT:
        # No database takes a lone surrogate, and PostgreSQL's text no NUL
        if "\x00" in value or not _is_unicode(value):
            raise QueryError(
                f"a value for column {column} holds a character that no text can hold",
                "leave out NUL and lone surrogates",
            )
        return value
    try:
        return UUID(value) if kind is ColumnType.UUID else parse_instant(value)
    except ValueError:
        raise wrong from None


def _check_pattern(column: str, pattern: str) -> None:
    if len(re.findall(r"\\*$", pattern)[0]) % 2:
        raise QueryError(f"the pattern for column {column} ends in a lone backslash", r"write \\ for a backslash")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


# Enough of a wrong value to find it, not so much that the answer becomes as large as the request.
_SHOWN_CHARACTERS = 80
