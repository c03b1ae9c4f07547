"""Typed conditions of a query on values in memory; they mean what `store.conditions` makes of them in SQL."""

from collections.abc import Callable, Mapping
from typing import Any

from cronwright.timeline.query import Condition, Operator


def matches(condition: Condition, value: Any) -> bool:
    """Whether `value`, of the column's type or None where it is unset, meets `condition`."""
    return _MEANINGS[condition.operator](value, condition.value)


def _like(text: str, pattern: str) -> bool:
    """LIKE with `%`, `_` and the escape `\\`, in time proportional to both lengths: a regular expression could take
    for ever."""
    steps = _steps(pattern)
    at = step = 0
    star, resume = -1, 0
    while at < len(text):
        if step < len(steps) and steps[step] is None:
            star, resume = step, at
            step += 1
        elif step < len(steps) and steps[step] in ("", text[at]):
            at, step = at + 1, step + 1
        elif star >= 0:
            resume += 1
            at, step = resume, star + 1
        else:
            return False
    return all(rest is None for rest in steps[step:])


def _steps(pattern: str) -> list[str | None]:
    """The pattern's characters: None for any text, an empty one for any character, else the character itself."""
    steps: list[str | None] = []
    characters = iter(pattern)
    for character in characters:
        if character == "\\":
            steps.append(next(characters))
        else:
            steps.append({"%": None, "_": ""}.get(character, character))
    return steps


def _unless_unset(meaning: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, asked: value is not None and meaning(value, asked)


# As in SQL a row that is unset meets no comparison; but "is not", "none of", "not contains" and "not like" count it.
_MEANINGS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    Operator.IS: lambda value, asked: value == asked,
    Operator.IS_NOT: lambda value, asked: value != asked,
    Operator.CONTAINS: _unless_unset(lambda value, asked: asked in value),
    Operator.NOT_CONTAINS: lambda value, asked: value is None or asked not in value,
    Operator.LIKE: _unless_unset(_like),
    Operator.NOT_LIKE: lambda value, asked: value is None or not _like(value, asked),
    Operator.ILIKE: _unless_unset(lambda value, asked: _like(value.lower(), asked.lower())),
    Operator.BEGINS_WITH: _unless_unset(lambda value, asked: value.startswith(asked)),
    Operator.ENDS_WITH: _unless_unset(lambda value, asked: value.endswith(asked)),
    Operator.MORE_THAN: _unless_unset(lambda value, asked: value > asked),
    Operator.LESS_THAN: _unless_unset(lambda value, asked: value < asked),
    Operator.AT_LEAST: _unless_unset(lambda value, asked: value >= asked),
    Operator.AT_MOST: _unless_unset(lambda value, asked: value <= asked),
    Operator.IS_TRUE: lambda value, _: value is True,
    Operator.IS_FALSE: lambda value, _: value is False,
    Operator.IS_EMPTY: lambda value, _: value is None or value == "",
    Operator.IS_NOT_EMPTY: lambda value, _: value is not None and value != "",
    Operator.IN: lambda value, asked: value in asked,
    Operator.NOT_IN: lambda value, asked: value not in asked,
}
