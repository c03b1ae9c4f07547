"""One cron field: its items as written, and the numbers that they name.

The numbers are those of robfig/cron v3 (`getRange` in its parser.go), which Kubernetes uses, except that 7 is Sunday.
How five fields become a schedule is `grammar`'s subject; what an `H` stands for is that of `hashes`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import NamedTuple


class Kind(NamedTuple):
    """One of the five fields: its word, its bounds, its names, and what a person may write in it."""

    attribute: str
    word: str
    low: int
    high: int
    names: tuple[str, ...]
    may_be: str

    @property
    def last(self) -> int:
        """The greatest number of `*` and `N/step`: robfig ends the week with 6, though we read 7 as Sunday, too."""
        return 6 if self.attribute == "day_of_week" else self.high

    def number(self, text: str) -> int:
        """The number that a name or digits stand for."""
        return int(text) if text.isdigit() else self.names.index(text.lower()) + self.low


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

MINUTE = Kind("minute", "minute", 0, 59, (), "0 to 59, such as 0, 0,30, 10-20, */15 or H")
HOUR = Kind("hour", "hour", 0, 23, (), "0 to 23, such as 3, 0,12, 9-17, */6 or H")
DAY_OF_MONTH = Kind("day_of_month", "day of the month", 1, 31, (), "1 to 31, such as 1, 1,15, 1-7, */2 or H")
MONTH = Kind("month", "month", 1, 12, _MONTHS, "1 to 12 or jan to dec, such as 1, jan, 6-8, */3 or jan,jul")
DAY_OF_WEEK = Kind(
    "day_of_week",
    "day of the week",
    0,
    7,
    _DAYS,
    "0 to 7 (0 and 7 are Sunday) or sun to sat, such as 1, mon, mon-fri or sat,sun",
)
KINDS = (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


class Item(NamedTuple):
    """One of a field's items between commas: `*`, `*/5`, `3`, `3/5`, `1-7`, `1-7/2`, `H`, `H/5`, `H(1-7)`, `H(1-7)/2`.

    `start` and `end` are None where none is written; `step` likewise. `?` is read as `*`.
    """

    star: bool
    hashed: bool
    start: int | None
    end: int | None
    step: int | None

    @property
    def counts_as_star(self) -> bool:
        """Whether robfig sets its star bit for this item: `*`, `?` and `*/1`, but not `*/2`."""
        return self.star and (self.step is None or self.step == 1)


# Up to three digits, as a step beyond the field is legal and names its first number alone.
_STEP = r"(?:/0*([1-9][0-9]{0,2}))?"
_ITEM = re.compile(
    r"(?:([*?])|(H)(?:\(([0-9]+|[A-Za-z]{3})-([0-9]+|[A-Za-z]{3})\))?|([0-9]+|[A-Za-z]{3})(?:-([0-9]+|[A-Za-z]{3}))?)"
    + _STEP
)


class NotUnderstood(ValueError):
    """A field that holds something else than items of its kind."""


class Reversed(ValueError):
    """A field that holds a range whose end is before its start."""


def items(text: str, kind: Kind) -> tuple[Item, ...]:
    """The items of one field. Raises NotUnderstood or Reversed."""
    parsed = tuple(_item(part, kind) for part in text.split(","))
    for item in parsed:
        if item.start is not None and item.end is not None and item.start > item.end:
            raise Reversed(text)
    return parsed


def _item(text: str, kind: Kind) -> Item:
    match = _ITEM.fullmatch(text)
    if match is None:
        raise NotUnderstood(text)
    star, hashed, hash_start, hash_end, start, end, step = match.groups()
    return Item(
        star=star is not None,
        hashed=hashed is not None,
        start=_number(hash_start or start, kind),
        end=_number(hash_end or end, kind),
        step=None if step is None else int(step),
    )


def _number(text: str | None, kind: Kind) -> int | None:
    if text is None:
        return None
    try:
        number = kind.number(text)
    except ValueError as unknown_name:
        raise NotUnderstood(text) from unknown_name
    if not kind.low <= number <= kind.high:
        raise NotUnderstood(text)
    return number


def numbers(text: str, kind: Kind) -> frozenset[int]:
    """The numbers that a field names, Sunday always as 0.

    Raises ValueError for an `H`, which has none before it is resolved.
    """
    return _named(items(text, kind), kind)


def item_numbers(item: Item, kind: Kind) -> Iterable[int]:
    """The numbers that one item names, likewise."""
    if item.hashed:
        raise ValueError("an H has no number before it is resolved")
    if item.start is None:
        start, end = kind.low, kind.last
    elif item.end is not None:
        start, end = item.start, item.end
    elif item.step is not None:
        # robfig: "N/step" means "N-max/step". A 7 is beyond its week and stays alone.
        start, end = item.start, max(item.start, kind.last)
    else:
        start = end = item.start
    named = range(start, end + 1, item.step or 1)
    return (number % 7 for number in named) if kind is DAY_OF_WEEK else named


def is_star(text: str, kind: Kind) -> bool:
    """Whether robfig takes the field for unrestricted when it joins the two kinds of day (its star bit)."""
    return any(item.counts_as_star for item in items(text, kind))


def write(item: Item) -> str:
    """The item in robfig/cron's spelling, in numbers. Raises ValueError for an `H`."""
    if item.hashed:
        raise ValueError("an H can't be written before it is resolved")
    step = "" if item.step is None else f"/{item.step}"
    if item.start is None:
        return f"*{step}"
    if item.end is None:
        return f"{item.start}{step}"
    # A range of one number: croniter reads 7-7/2 as */2, and 5-5 as *.
    return f"{item.start}-{item.end}{step}" if item.start < item.end else str(item.start)


def hash_choices(item: Item, kind: Kind) -> list[Item]:
    """What an `H` item may become, in order: each number of its range, or each first number of its steps.

    Of the days of the month a bare `H` takes 1 to 28 alone, those that every month has.
    """
    if item.start is not None and item.end is not None:
        low, high = item.start, item.end
    else:
        low, high = kind.low, _LAST_DAY_OF_EVERY_MONTH if kind is DAY_OF_MONTH else kind.last
    if item.step is None:
        return [item._replace(hashed=False, start=number, end=None) for number in range(low, high + 1)]
    return [
        item._replace(hashed=False, start=first, end=high) for first in range(low, min(low + item.step - 1, high) + 1)
    ]


_LAST_DAY_OF_EVERY_MONTH = 28


def alternatives(text: str, kind: Kind) -> set[frozenset[int]]:
    """The sets of numbers that a field may come to name: one, or several where an `H` stands in it.

    Several `H` of a field are taken as independent, which they aren't quite: an alternative too many does no harm.
    """
    choices = [hash_choices(item, kind) if item.hashed else [item] for item in items(text, kind)]
    return {_named(chosen, kind) for chosen in product(*choices)}


def _named(chosen: Iterable[Item], kind: Kind) -> frozenset[int]:
    return frozenset(number for item in chosen for number in item_numbers(item, kind))
