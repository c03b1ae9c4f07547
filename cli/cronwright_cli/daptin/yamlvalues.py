"""JSON values from YAML, read as Go's library reads it, since that is what Daptin and kubectl do.

Documents are taken as nodes and looked into only where a task is, so that nothing else in the file has to be JSON.
"""

import re
from collections.abc import Callable

import yaml

from cronwright.jsontypes import JSON
from cronwright_cli.daptin.values import ValueRefused, join, scalar, twice

_TAG = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """No dates, no `12:30` as a number of base 60, and `1e3` is a number."""


# Without its own table the class would share, and we would change, that of every other reader in the process.
_Loader.yaml_implicit_resolvers = {}
for _kind, _pattern, _first in (
    ("merge", r"<<", "<"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)", "yYnNtTfFoO"),
    ("int", r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _Loader.add_implicit_resolver(
        _TAG + _kind, re.compile(f"^(?:{_pattern})$"), ["", *_first] if _kind == "null" else list(_first)
    )

_constructor = yaml.constructor.SafeConstructor()


def documents(text: str) -> list[yaml.Node]:
    """Return the documents of `text` that hold something.

    Raises:
        ValueError: `text` is no YAML; the sentence says what is wrong, and in which line where that is known.
    """
    try:
        return [document for document in yaml.compose_all(text, Loader=_Loader) if not is_null(document)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(f"{problem} in line {mark.line + 1}" if mark is not None else problem) from error


def is_null(node: yaml.Node | None) -> bool:
    """Return whether nothing stands there."""
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null")


def json_of_node(node: yaml.Node, path: str, above: tuple[int, ...] = ()) -> JSON:
    """Return what `node`, which stands at `path`, says as JSON; `above` are the ids of the nodes that it stands in.

    Raises:
        ValueRefused: it or something in it can't be kept.
    """
    if id(node) in above:
        raise ValueRefused(path, "contains itself through an anchor", "write the value out")
    above = (*above, id(node))
    if isinstance(node, yaml.ScalarNode):
        return scalar(_scalar_of_node(node, path), path)
    if isinstance(node, yaml.SequenceNode):
        return [json_of_node(item, f"{path}[{index}]", above) for index, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        raise ValueRefused(path, f"is a {node.tag}", "write a string, a list or an object")
    own = [key.value for key, _ in node.value if key.tag != f"{_TAG}merge" and isinstance(key, yaml.ScalarNode)]
    for key in own:
        if own.count(key) > 1:
            raise twice(path, key)
    _constructor.flatten_mapping(node)
    found: dict[str, JSON] = {}
    for key, value in node.value:
        if key.tag != f"{_TAG}str":
            shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or an object"
            raise ValueRefused(join(path, str(shown)), "is a key that is no string", f'write "{shown}" in quotes')
        found[key.value] = json_of_node(value, join(path, key.value), above)
    return found


def _scalar_of_node(node: yaml.ScalarNode, path: str) -> object:
    kind = node.tag.removeprefix(_TAG)
    reader = _SCALARS.get(kind)
    if reader is None:
        raise ValueRefused(path, f"has the YAML tag {node.tag}", "write a plain value")
    try:
        return reader(node)
    except (ValueError, KeyError, IndexError) as error:
        raise ValueRefused(path, f"is {node.value!r}, which is no {kind}", "write it without the tag") from error


def _float(node: yaml.ScalarNode) -> float:
    # YAML writes .inf and .nan, Python inf and nan.
    return float(re.sub(r"\.(?=[iInN])", "", node.value))


_SCALARS: dict[str, Callable[[yaml.ScalarNode], object]] = {
    "str": lambda node: node.value,
    "null": lambda node: None,
    "bool": _constructor.construct_yaml_bool,
    "int": _constructor.construct_yaml_int,
    "float": _float,
}
