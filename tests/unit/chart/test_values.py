"""The chart's files as written: every value is known to the schema, and versions agree."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).parents[3]
CHART = CHECKOUT / "helm" / "cronwright"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
METADATA = yaml.safe_load((CHART / "Chart.yaml").read_text())

# Helm hands it to every subchart.
FROM_HELM = {"global"}


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `schema` with its reference followed."""
    name = schema.get("$ref", "").removeprefix("#/$defs/")
    found: Mapping[str, Any] = SCHEMA["$defs"][name] if name else schema
    return found


def closed_objects(schema: Mapping[str, Any], values: Any, path: str) -> Iterator[tuple[str, set[str], set[str], bool]]:
    """Return every object with fields of its own: path, names in the schema and in the values, whether it is closed."""
    schema = resolved(schema)
    if "properties" not in schema or not isinstance(values, Mapping) or path.endswith("resources"):
        return
    yield path, set(schema["properties"]) - FROM_HELM, set(values), schema.get("additionalProperties") is False
    for name, inner in schema["properties"].items():
        yield from closed_objects(inner, values.get(name), f"{path}.{name}".removeprefix("."))


def test_schema_and_values_have_the_same_names_and_no_others_are_taken() -> None:
    objects = [*closed_objects(SCHEMA, VALUES, "")]
    assert len(objects) > 10
    for path, in_schema, in_values, is_closed in objects:
        assert in_schema == in_values, path
        assert is_closed, path


def test_chart_has_the_version_of_the_programs() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert METADATA["appVersion"] == project["version"]
    assert METADATA["name"] == project["name"]
