"""Reads a Daptin schema file (YAML, JSON or TOML, as Daptin does) down to the tasks in it, as JSON values.

Only the `Tasks` section is read; the names of the others are kept for a note. What a task's properties mean is
`convert`'s subject.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, time
from typing import cast

import yaml

from cronwright.jsontypes import JSON, JSONObject
from cronwright_cli.errors import BadInput

SECTION = "Tasks"
LARGEST_INTEGER = 2**63 - 1
"""int64, beyond which Kubernetes would alter a number."""


class ValueRefused(BadInput):
    """A value of a task that JSON can't say; `path` is the property, such as `Attributes.since`."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = path, problem, remedy
        super().__init__(f"{path} {problem}; {remedy}")


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
    sections, others = _sections(text, file_name)
    if not sections:
        found = f"; it has {', '.join(others)}" if others else ""
        raise BadInput(f"{file_name} has no {SECTION} section{found}; write one, such as {_EXAMPLE}")
    items: list[_Lazy] = []
    for section in sections:
        if not isinstance(section, list):
            raise BadInput(f"{SECTION} in {file_name} is not a list; write each task with a dash, such as {_EXAMPLE}")
        items += section
    if not items:
        raise BadInput(f"{SECTION} in {file_name} is empty; there is nothing to convert")
    return Schema(tuple(_task(place, item) for place, item in enumerate(items, 1)), tuple(others))


_EXAMPLE = '`Tasks: [{Name: daily_report, Schedule: "@daily", ActionName: generate_report}]`'

_Lazy = Callable[[], JSON]
"""An item of the section that has not been looked into yet: so that one bad task doesn't hide the others."""


def _task(place: int, item: _Lazy) -> RawTask:
    try:
        properties = item()
    except ValueRefused as refusal:
        return RawTask(place, {}, refusal)
    if not isinstance(properties, dict):
        return RawTask(place, {}, ValueRefused("the item", "is not a task", "write its properties, Name first"))
    return RawTask(place, cast(JSONObject, properties))


def _sections(text: str, file_name: str) -> tuple[list[list[_Lazy] | None], list[str]]:
    """The values of every `Tasks` (YAML files may hold several documents), and the other sections' names."""
    if file_name.lower().endswith(".toml"):
        try:
            return _split(tomllib.loads(text), file_name)
        except tomllib.TOMLDecodeError as error:
            raise BadInput(f"{file_name} is no TOML: {error}; correct that place") from error
    if file_name.lower().endswith(".json") or text.lstrip().startswith("{"):
        try:
            return _split(json.loads(text, object_pairs_hook=_without_duplicates), file_name)
        except json.JSONDecodeError as error:
            # A YAML file may begin with a brace, too.
            if file_name.lower().endswith(".json"):
                raise BadInput(f"{file_name} is no JSON: {error}; correct that place") from error
    return _yaml_sections(text, file_name)


def _split(document: object, file_name: str) -> tuple[list[list[_Lazy] | None], list[str]]:
    if not isinstance(document, dict):
        raise BadInput(f"{file_name} holds no sections; write {SECTION} above the tasks, such as {_EXAMPLE}")
    sections: list[list[_Lazy] | None] = []
    for key, value in document.items():
        if _is_section(key):
            listed = isinstance(value, list)
            sections.append([_lazy(item) for item in value] if listed else [] if value is None else None)
    return sections, [key for key in document if not _is_section(key)]


def _is_section(key: object) -> bool:
    # Go, in which Daptin is written, takes a key in any case
    return isinstance(key, str) and key.lower() == SECTION.lower()


def _lazy(value: object) -> _Lazy:
    return lambda: _json(value, "")


def _json(value: object, path: str) -> JSON:
    if isinstance(value, dict):
        return {key: _json(item, _join(path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, _Duplicate):
        raise ValueRefused(_join(path, value.key), "occurs twice", "leave one of them")
    return _scalar(value, path)


def _scalar(value: object, path: str) -> JSON:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueRefused(
                path, f"is {value}, more than 64 bits hold", 'write it in quotes, such as "' + str(value) + '"'
            )
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueRefused(path, f"is {value}, which JSON can't say", "write a number, or the word in quotes")
        return value
    if isinstance(value, date | time):
        raise ValueRefused(path, "is a date without quotes", f'write "{value.isoformat()}"')
    raise ValueRefused(
        path, f"holds a {type(value).__name__}", "write a string, a number, true or false, a list or an object"
    )


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


@dataclass(frozen=True, slots=True)
class _Duplicate:
    """Stands where an object has the same key twice, until it is known whether the object belongs to a task."""

    key: str


def _without_duplicates(pairs: list[tuple[str, object]]) -> object:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            return _Duplicate(key)
        found[key] = value
    return found


class _Loader(yaml.SafeLoader):
    """YAML as Go's library reads it: no dates, no `12:30` as a number of base 60, and `1e3` is a number."""


# Without its own table the class would share, and we would change, that of every other reader in the process.
_Loader.yaml_implicit_resolvers = {}

_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"),
    list("yYnNtTfFoO"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"^[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+.0123456789"),
)
_constructor = yaml.constructor.SafeConstructor()


def _yaml_sections(text: str, file_name: str) -> tuple[list[list[_Lazy] | None], list[str]]:
    sections: list[list[_Lazy] | None] = []
    others: list[str] = []
    try:
        documents: Iterable[yaml.Node | None] = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise BadInput(f"{file_name} is no YAML: {_yaml_problem(error)}; correct that place") from error
    for document in documents:
        if document is None or _is_null(document):
            continue
        if not isinstance(document, yaml.MappingNode):
            raise BadInput(f"{file_name} holds no sections; write {SECTION} above the tasks, such as {_EXAMPLE}")
        for key, value in document.value:
            if not _is_section(key.value):
                others.append(str(key.value))
            elif isinstance(value, yaml.SequenceNode):
                sections.append([_lazy_node(node) for node in value.value])
            else:
                sections.append([] if _is_null(value) else None)
    return sections, others


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"{problem} in line {mark.line + 1}" if mark is not None else problem


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _lazy_node(node: yaml.Node) -> _Lazy:
    return lambda: _json_of_node(node, "", ())


def _json_of_node(node: yaml.Node, path: str, above: tuple[int, ...]) -> JSON:
    if id(node) in above:
        raise ValueRefused(path, "contains itself through an anchor", "write the value out")
    above = (*above, id(node))
    if isinstance(node, yaml.ScalarNode):
        return _scalar(_scalar_of_node(node, path), path)
    if isinstance(node, yaml.SequenceNode):
        return [_json_of_node(item, f"{path}[{index}]", above) for index, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        raise ValueRefused(path, f"is a {node.tag}", "write a string, a list or an object")
    own = [
        key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge" and isinstance(key, yaml.ScalarNode)
    ]
    for key in own:
        if own.count(key) > 1:
            raise ValueRefused(_join(path, key), "occurs twice", "leave one of them")
    _constructor.flatten_mapping(node)
    found: dict[str, JSON] = {}
    for key, value in node.value:
        if key.tag != "tag:yaml.org,2002:str":
            shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or an object"
            raise ValueRefused(_join(path, str(shown)), "is a key that is no string", f'write "{shown}" in quotes')
        found[key.value] = _json_of_node(value, _join(path, key.value), above)
    return found


def _scalar_of_node(node: yaml.ScalarNode, path: str) -> object:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    reader = _SCALARS.get(kind)
    if reader is None:
        raise ValueRefused(path, f"has the YAML tag {node.tag}", "write a plain value")
    try:
        return reader(node)
    except (ValueError, KeyError) as error:
        raise ValueRefused(path, f"is {node.value!r}, which is no {kind}", "write it without the tag") from error


_SCALARS: dict[str, Callable[[yaml.ScalarNode], object]] = {
    "str": lambda node: node.value,
    "null": lambda node: None,
    "bool": _constructor.construct_yaml_bool,
    "int": _constructor.construct_yaml_int,
    "float": lambda node: float(node.value) if node.value[-1].isdigit() or node.value[-1] == "." else float("nan"),
}
