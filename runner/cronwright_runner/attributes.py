"""Reads a Task's attributes field by field, and says in one sentence what is wrong with one that can't be used.

For built-in actions and for those of others. What a value means to an action does not belong here.
"""

from collections.abc import Mapping
from typing import cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright_runner.errors import InvalidAttributes


class Attributes:
    """The attributes of a Task whose action knows the fields `known` and no others. A null counts as a field left out.

    Raises:
        InvalidAttributes: (here and in each method) a field is unknown, missing or of the wrong type.
    """

    def __init__(self, attributes: JSONObject, *known: str) -> None:
        for name in attributes:
            if name not in known:
                raise InvalidAttributes.unknown(name, known)
        self._fields = {name: value for name, value in attributes.items() if value is not None}

    def value(self, name: str) -> JSON:
        """Return field `name` as it is, or None where it is left out."""
        return self._fields.get(name)

    def required(self, name: str, remedy: str) -> JSON:
        """Return field `name`; `remedy` says what to write where it is left out."""
        if name not in self._fields:
            raise InvalidAttributes.missing(name, remedy)
        return self._fields[name]

    def text(self, name: str, remedy: str) -> str | None:
        """Return the string in field `name`, or None where it is left out."""
        found = self._fields.get(name)
        if found is not None and not isinstance(found, str):
            raise InvalidAttributes(name, found, remedy)
        return found

    def texts(self, name: str, remedy: str) -> Mapping[str, str]:
        """Return the object of strings in field `name`, empty where it is left out."""
        found = self._fields.get(name, {})
        if not isinstance(found, Mapping):
            raise InvalidAttributes(name, found, remedy)
        for key, value in found.items():
            if not isinstance(value, str):
                raise InvalidAttributes(
                    f"{name}.{key}", value, "write a string, in quotes where YAML would read something else"
                )
        return cast(Mapping[str, str], found)
