"""Attributes of a posted resource, read one by one: each comes out typed, or as a sentence that says what to write."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSON
from cronwright.timeline.limits import MAX_LOG_TAIL_BYTES, MAX_MESSAGE_CHARACTERS


class EventError(ValueError):
    """An event or a span that can't be taken: which attribute, what stands there, what to write instead."""

    def __init__(self, attribute: str, problem: str, remedy: str) -> None:
        self.attribute, self.problem, self.remedy = attribute, problem, remedy
        super().__init__(f"{attribute} {problem}; {remedy}")


def check_known(attributes: Mapping[str, JSON], known: set[str]) -> None:
    """Check that `attributes` has no name that isn't in `known`. Raises EventError."""
    for name in attributes:
        if name not in known:
            raise EventError(name[:80], "is unknown", f"write some of {', '.join(sorted(known))}")


def text(attributes: Mapping[str, JSON], name: str, required: bool = False) -> str:
    """Return a text, empty where it is unset and not `required`. Raises EventError."""
    value = attributes.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        remedy = "write a string that is not empty" if required else "write a string"
        raise EventError(name, f"is {shown(value)}", remedy)
    if name == "log_tail" and (size := len(value.encode())) > MAX_LOG_TAIL_BYTES:
        raise EventError(name, f"has {size} bytes", f"write at most {MAX_LOG_TAIL_BYTES}, the last ones")
    if name != "log_tail" and len(value) > MAX_MESSAGE_CHARACTERS:
        raise EventError(name, f"has {len(value)} characters", f"write at most {MAX_MESSAGE_CHARACTERS}")
    # PostgreSQL's text can't hold it
    if "\x00" in value:
        raise EventError(name, "holds a NUL character", "leave it out")
    return value


def choice(attributes: Mapping[str, JSON], name: str, choices: tuple[str, ...]) -> str:
    """Return one of `choices`. Raises EventError."""
    value = attributes.get(name)
    if not isinstance(value, str) or value not in choices:
        raise EventError(name, f"is {shown(value)}", f"write one of {', '.join(choices)}")
    return value


def number(attributes: Mapping[str, JSON], name: str, least: int) -> int:
    """Return a whole number of at most 63 bits. Raises EventError."""
    value = attributes.get(name)
    # To JSON 5.0 is a whole number
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
        raise EventError(name, f"is {shown(value)}", f"write a whole number from {least}")
    return value


def uuid(attributes: Mapping[str, JSON], name: str) -> UUID:
    """Return a UUID. Raises EventError."""
    try:
        return UUID(cast(str, attributes.get(name)))
    except (ValueError, TypeError, AttributeError):
        raise EventError(name, f"is {shown(attributes.get(name))}", "write a UUID") from None


def instant(attributes: Mapping[str, JSON], name: str) -> datetime | None:
    """Return a time in UTC, None where it is unset. Raises EventError."""
    value = attributes.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise EventError(name, f"is {shown(value)}", "write a time such as 2027-01-04T08:00:00Z")
    try:
        return parse_instant(value)
    except ValueError:
        raise EventError(name, f"is {shown(value)}", "write a time such as 2027-01-04T08:00:00Z") from None


def shown(value: object) -> str:
    """Return `value` as a sentence shows it."""
    said = repr(value)
    return said if len(said) <= _SHOWN_CHARACTERS else said[:_SHOWN_CHARACTERS] + "…"


# Enough of a wrong value to find it, not so much that the answer becomes as large as the request.
_SHOWN_CHARACTERS = 80
