"""The properties of one Daptin task: which there are, in which spelling, and the refusal of one that can't be used."""

import difflib
import json
import re

from cronwright.jsontypes import JSON
from cronwright.words import BY_DAPTIN
from cronwright_cli.daptin.schema import RawTask

JOB_TYPE = "JobType"
OF_DATABASE = ("Id", "ReferenceId", "AsUserReferenceId", "AttributesJson")
"""Columns of Daptin's table, which its Task type has and a schema file can't set."""

_KNOWN = (*BY_DAPTIN, JOB_TYPE, *OF_DATABASE)
_MEANT = {known.lower(): known for known in _KNOWN} | {
    "isactive": "Active",
    "entity": "EntityName",
    "action": "ActionName",
    "cron": "Schedule",
    "user": "AsUserEmail",
}
_CLOSE = 0.8
"""How alike two words have to be (difflib's ratio): a letter too few or too many in a word of five still is."""


class NotConvertible(ValueError):
    """A task that can't become a Task: which one, which property, what is wrong and what to write instead."""

    def __init__(self, task: str, property_name: str, problem: str, remedy: str) -> None:
        super().__init__(f"{task}: {property_name} {problem}; {remedy}")


class Properties:
    """A task's properties in Daptin's spelling; `unknown` are the names that Daptin doesn't know.

    Raises:
        NotConvertible: as a whole they can't be read. Likewise each method, for the property that it reads.
    """

    def __init__(self, raw: RawTask) -> None:
        self._title = f"task {raw.place}"
        if raw.refusal is not None:
            raise self.refusal(raw.refusal.path, raw.refusal.problem, raw.refusal.remedy)
        # Go, in which Daptin is written, takes them in any case.
        spellings = {known.lower(): known for known in _KNOWN}
        self._found: dict[str, JSON] = {}
        self.unknown: list[str] = []
        for key, value in raw.properties.items():
            known = spellings.get(key.lower())
            if known is None:
                self.unknown.append(key)
            elif known in self._found:
                raise self.refusal(known, f"is there in two spellings, one of them {key}", "leave one of them")
            else:
                self._found[known] = value
        self.name = self.required("Name", "write a name that is unique among the tasks, such as daily_report")
        self._title = f"task {raw.place} ({self.name})"

    def refusal(self, property_name: str, problem: str, remedy: str) -> NotConvertible:
        """Return the refusal of this task for a property."""
        return NotConvertible(self._title, property_name, problem, remedy)

    def value(self, key: str) -> JSON:
        """Return a property as written, None where it is unset."""
        return self._found.get(key)

    def text(self, key: str) -> str | None:
        """Return a property that is a string."""
        value = self._found.get(key)
        if value is None or isinstance(value, str):
            return value
        remedy = f'write it in quotes, such as {key}: "{shown(value)}"'
        raise self.refusal(key, f"is {shown(value)} and not a string", remedy)

    def required(self, key: str, remedy: str) -> str:
        """Return a property that is a string and is not empty; `remedy` is for a task that has none."""
        value = self.text(key)
        if value:
            return value
        for other in self.unknown:
            if close_to(other) == key:
                raise self.refusal(key, f"is missing, but there is {other}", f"write {key}: in its place")
        raise self.refusal(key, "is missing", remedy)


def close_to(key: str) -> str | None:
    """Return the property that was meant by `key`, if one is close: ActionName for action_name and for ActionNmae."""
    letters = re.sub(r"[^a-z]", "", key.lower())
    found: list[str] = difflib.get_close_matches(letters, _MEANT, n=1, cutoff=_CLOSE)
    return _MEANT[found[0]] if found else None


def shown(value: JSON) -> str:
    """Return `value` as a person writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
