"""Reads a Daptin schema file (YAML, JSON or TOML, as Daptin does) down to the tasks in it.

Only the `Tasks` section is read; the names of the others are kept for a note. What a task's properties mean is the
subject of `task`.
"""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import yaml

from cronwright.jsontypes import JSON, JSONObject
from cronwright_cli.daptin.values import ValueRefused, json_value, object_of_pairs
from cronwright_cli.daptin.yamlvalues import documents, is_null, json_of_node
from cronwright_cli.errors import BadInput

SECTION = "Tasks"


@dataclass(frozen=True, slots=True)
class RawTask:
    """One item of `Tasks`: its place, counted from 1, and its properties as written, or what is wrong with them."""

    place: int
    properties: JSONObject
    refusal: ValueRefused | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The tasks of a schema file, and the names of the sections beside them."""

    tasks: tuple[RawTask, ...]
    other_sections: tuple[str, ...]


def read_schema(text: str, file_name: str) -> Schema:
    """Return the tasks of a schema file. `file_name` is for sentences, and its ending tells TOML from the others.

    Raises:
        BadInput: the file can't be read as what it is, or has no tasks.
    """
    found = _sections(text, file_name)
    if not found.has_tasks:
        beside = f"; it has {', '.join(found.others)}" if found.others else ""
        raise BadInput(f"{file_name} has no {SECTION} section{beside}; write one, such as {_EXAMPLE}")
    if not found.items:
        raise BadInput(f"{SECTION} in {file_name} is empty; there is nothing to convert")
    return Schema(tuple(_task(place, item) for place, item in enumerate(found.items, 1)), tuple(found.others))


_EXAMPLE = '`Tasks: [{Name: daily_report, Schedule: "@daily", ActionName: generate_report}]`'

_Item = Callable[[], JSON]
"""An item of the section that has not been looked into yet, so that one bad task doesn't hide the others."""


@dataclass(slots=True)
class _Sections:
    """What is in a file: the items of `Tasks`, whether it has that section at all, and the others' names."""

    items: list[_Item] = field(default_factory=list)
    has_tasks: bool = False
    others: list[str] = field(default_factory=list)


def _task(place: int, item: _Item) -> RawTask:
    try:
        properties = item()
    except ValueRefused as refusal:
        return RawTask(place, {}, refusal)
    if not isinstance(properties, dict):
        return RawTask(place, {}, ValueRefused("the item", "is not a task", "write its properties, Name first"))
    return RawTask(place, cast(JSONObject, properties))


def _sections(text: str, file_name: str) -> _Sections:
    ending = file_name.lower().rpartition(".")[2]
    if ending == "toml":
        try:
            return _of_object(tomllib.loads(text), file_name)
        except tomllib.TOMLDecodeError as error:
            raise BadInput(f"{file_name} is no TOML: {error}; correct that place") from error
    if ending == "json" or text.lstrip().startswith("{"):
        try:
            return _of_object(json.loads(text, object_pairs_hook=object_of_pairs), file_name)
        except json.JSONDecodeError as error:
            # A YAML file may begin with a brace, too.
            if ending == "json":
                raise BadInput(f"{file_name} is no JSON: {error}; correct that place") from error
    return _of_yaml(text, file_name)


def _of_object(document: object, file_name: str) -> _Sections:
    if not isinstance(document, dict):
        raise _no_sections(file_name)
    found = _Sections()
    for key, value in document.items():
        if not _is_tasks(key):
            found.others.append(key)
            continue
        found.has_tasks = True
        if value is not None and not isinstance(value, list):
            raise _no_list(file_name)
        found.items += [partial(json_value, item, "") for item in value or []]
    return found


def _of_yaml(text: str, file_name: str) -> _Sections:
    try:
        parts = documents(text)
    except ValueError as error:
        raise BadInput(f"{file_name} is no YAML: {error}; correct that place") from error
    found = _Sections()
    for document in parts:
        if not isinstance(document, yaml.MappingNode):
            raise _no_sections(file_name)
        for key, value in document.value:
            if not _is_tasks(key.value):
                found.others.append(str(key.value))
                continue
            found.has_tasks = True
            if not is_null(value) and not isinstance(value, yaml.SequenceNode):
                raise _no_list(file_name)
            found.items += [partial(json_of_node, node, "") for node in value.value or []]
    return found


def _is_tasks(key: object) -> bool:
    # Go, in which Daptin is written, takes a key in any case
    return isinstance(key, str) and key.lower() == SECTION.lower()


def _no_sections(file_name: str) -> BadInput:
    return BadInput(f"{file_name} holds no sections; write {SECTION} above the tasks, such as {_EXAMPLE}")


def _no_list(file_name: str) -> BadInput:
    return BadInput(f"{SECTION} in {file_name} is not a list; write each task with a dash, such as {_EXAMPLE}")
