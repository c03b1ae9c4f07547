"""JSON values from what a JSON or TOML reader returned; what JSON or Kubernetes can't say is refused with its place."""

from dataclasses import dataclass
from datetime import date, time

from cronwright.jsontypes import JSON

LARGEST_INTEGER = 2**63 - 1
"""int64, beyond which Kubernetes would alter a number."""


class ValueRefused(ValueError):
    """A value of a task that can't be kept; `path` is its place, such as `Attributes.since`."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = path, problem, remedy
        super().__init__(f"{path} {problem}; {remedy}")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Stands where an object has the same key twice, until it is known whether the object belongs to a task."""

    key: str


def object_of_pairs(pairs: list[tuple[str, object]]) -> object:
    """Return the object of `pairs`, or a `Duplicate`; for json.loads' object_pairs_hook."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            return Duplicate(key)
        found[key] = value
    return found


def json_value(value: object, path: str) -> JSON:
    """Return `value`, which stands at `path`, as JSON.

    Raises:
        ValueRefused: it or something in it can't be kept.
    """
    if isinstance(value, dict):
        return {key: json_value(item, join(path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [json_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Duplicate):
        raise twice(path, value.key)
    return scalar(value, path)


def scalar(value: object, path: str) -> JSON:
    """Return `value`, which is neither an object nor a list, as JSON. Raises ValueRefused."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueRefused(path, f"is {value}, more than 64 bits hold", f'write it in quotes, such as "{value}"')
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueRefused(path, f"is {value}, which JSON can't say", "write a number, or the word in quotes")
        return value
    if isinstance(value, date | time):
        raise ValueRefused(path, "is a date without quotes", f'write "{value.isoformat()}"')
    kind = type(value).__name__
    raise ValueRefused(path, f"holds a {kind}", "write a string, a number, true or false, a list or an object")


def twice(path: str, key: str) -> ValueRefused:
    """Return the refusal of the object at `path` in which `key` occurs twice."""
    return ValueRefused(join(path, key), "occurs twice", "leave one of them")


def join(path: str, key: str) -> str:
    """Return the place of `key` in the object at `path`."""
    return f"{path}.{key}" if path else key
