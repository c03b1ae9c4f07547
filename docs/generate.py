"""Writes what follows from a source: tables of the docs, the chart's copy of the Task resource.

The sources are `crds/task.yaml`, the chart's `values.yaml`, the reasons of core and the operator's settings.

`python docs/generate.py` writes, with `--check` it only says what is out of date and exits with 1. Prose is written by
hand, around the parts between `<!-- made: … -->` and `<!-- end of made -->`.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from cronwright.reasons import EXPLANATIONS
from cronwright_operator.settings import Settings

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
CRD = CHECKOUT / "crds" / "task.yaml"
CHART = CHECKOUT / "helm" / "cronwright"
LONGEST_DEFAULT = 60  # characters; a longer value is better read in values.yaml

Schema = Mapping[str, Any]


class GenerateError(Exception):
    """A source that lacks what the docs need; says which field or value, and what to write."""


def main(arguments: list[str] | None = None) -> int:
    """Write or check every file; return the exit code."""
    parser = argparse.ArgumentParser(prog="generate.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is out of date")
    check: bool = parser.parse_args(arguments).check
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            print(f"{path.relative_to(CHECKOUT)} is out of date; run: python docs/generate.py", file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files()[path])
            print(f"wrote {path.relative_to(CHECKOUT)}")
    return 1 if check and stale else 0


def files() -> dict[Path, str]:
    """Return every file that is made, with its text as it has to be."""
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    tasks, install, reasons, operator = (DOCS / f"{page}.md" for page in ("tasks", "install", "reasons", "operator"))
    return {
        CHART / "files" / "crds" / "task.yaml": CRD.read_text(),
        tasks: _replace(
            tasks.read_text(), {"fields": fields_table(schema["spec"]), "status": status_table(schema["status"])}
        ),
        install: _replace(install.read_text(), {"values": values_table((CHART / "values.yaml").read_text())}),
        reasons: _replace(reasons.read_text(), {"runs": reasons_table(True), "tasks": reasons_table(False)}),
        operator: _replace(operator.read_text(), {"settings": settings_table()}),
    }


def reasons_table(of_runs: bool) -> str:
    """Return the table of the reasons of runs, or of those of Tasks."""
    rows = ["| reason | outcome | means | what to do |", "| --- | --- | --- | --- |"]
    if not of_runs:
        rows = ["| reason | means | what to do |", "| --- | --- | --- |"]
    for reason, explanation in EXPLANATIONS.items():
        if (explanation.outcome is not None) == of_runs:
            outcome = f" {explanation.outcome} |" if of_runs else ""
            rows.append(f"| `{reason}` |{outcome} {_cell(explanation.sentence)} | {_cell(explanation.remedy)} |")
    return "\n".join(rows)


def settings_table() -> str:
    """Return the table of the operator's environment variables."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else _code(_plain(field.default))
        rows.append(f"| `CRONWRIGHT_{name.upper()}` | {default} | {_cell(field.description or '')} |")
    return "\n".join(rows)


def _plain(default: Any) -> Any:
    return str(default) if isinstance(default, Path) else default


def fields_table(spec: Schema) -> str:
    """Return the table of the fields of `spec`."""
    rows = ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
    for path, field in _fields(spec, ""):
        default = _code(field["default"]) if "default" in field else ""
        required = "required" if path in spec.get("required", []) else default
        rows.append(f"| `{path}` | {_type(field)} | {required} | {_cell(field['description'])} |")
    return "\n".join(rows)


def status_table(status: Schema) -> str:
    """Return the table of the fields of `status`."""
    rows = ["| field | type | meaning |", "| --- | --- | --- |"]
    rows += [f"| `{path}` | {_type(field)} | {_cell(field['description'])} |" for path, field in _fields(status, "")]
    return "\n".join(rows)


def values_table(values: str) -> str:
    """Return the table of the chart's values. Raises GenerateError for one without a comment above it."""
    rows = ["| value | default | meaning |", "| --- | --- | --- |"]
    lines = values.splitlines()
    for path, value, line in _values(yaml.compose(values), lines, ""):
        comment = _comment_above(lines, line)
        if not comment:
            raise GenerateError(f"{path} in values.yaml has no description; write a comment above it")
        default = _code(value)
        rows.append(
            f"| `{path}` | {default if len(default) <= LONGEST_DEFAULT else 'see values.yaml'} | {_cell(comment)} |"
        )
    return "\n".join(rows)


def _fields(schema: Schema, prefix: str) -> Iterator[tuple[str, Schema]]:
    for name, field in schema["properties"].items():
        path = f"{prefix}{name}"
        if "description" not in field:
            raise GenerateError(f"{path} in crds/task.yaml has no description; write one")
        yield path, field
        if "properties" in field:
            yield from _fields(field, f"{path}.")
        elif "properties" in field.get("items", {}):
            yield from _fields(field["items"], f"{path}[].")


def _type(field: Schema) -> str:
    if "enum" in field:
        return ", ".join(f"`{choice}`" for choice in field["enum"])
    bounds = [str(field[key]) for key in ("minimum", "maximum") if key in field]
    words = {
        "string": "string",
        "object": "object",
        "array": "list",
        "boolean": "true or false",
        "integer": "whole number",
    }
    kind: str = "time" if field.get("format") == "date-time" else words[field["type"]]
    if len(bounds) == 2:
        return f"{kind}, {bounds[0]} to {bounds[1]}"
    return f"{kind}, up to {field['maxLength']} characters" if "maxLength" in field else kind


def _values(node: yaml.Node | None, lines: list[str], prefix: str) -> Iterator[tuple[str, Any, int]]:
    assert isinstance(node, yaml.MappingNode)
    for key, value in node.value:
        path, line = f"{prefix}{key.value}", key.start_mark.line
        # A mapping without a comment of its own is a heading; one with a comment is a value.
        if isinstance(value, yaml.MappingNode) and value.value and not _comment_above(lines, line):
            yield from _values(value, lines, f"{path}.")
        else:
            yield path, yaml.safe_load(yaml.serialize(value)), line


def _comment_above(lines: list[str], line: int) -> str:
    start = line
    while start and lines[start - 1].strip().startswith("#"):
        start -= 1
    return " ".join(text.strip().removeprefix("#").strip() for text in lines[start:line])


def _code(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`" if value is not None else "`null`"


def _cell(text: str) -> str:
    # What looks like a tag or a table's bar is text
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _replace(text: str, parts: Mapping[str, str]) -> str:
    for name, made in parts.items():
        pattern = re.compile(rf"(<!-- made: {name} -->\n).*?(\n<!-- end of made -->)", re.DOTALL)
        text, count = pattern.subn(partial(_between, made), text)
        if count != 1:
            raise GenerateError(f"the docs hold {count} places for {name}; write <!-- made: {name} --> in one")
    return text


def _between(made: str, found: re.Match[str]) -> str:
    return found[1] + made + found[2]


if __name__ == "__main__":
    sys.exit(main())
