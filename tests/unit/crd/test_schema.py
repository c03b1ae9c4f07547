"""The Task resource as written: its fields are what core honours, all explained, and no two sentences are alike."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from cronwright.status import Condition, ConditionStatus, LastRun, RunOutcome, TaskStatus, dump_status
from cronwright.task import Task, parse_task

CHECKOUT = Path(__file__).parents[3]
CRD = yaml.safe_load((CHECKOUT / "crds" / "task.yaml").read_text())
SCHEMA = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
SPEC, STATUS = SCHEMA["properties"]["spec"], SCHEMA["properties"]["status"]
FROM_METADATA = {"namespace", "resource_name", "uid", "generation"}
NOON = datetime(2027, 1, 4, 12, tzinfo=UTC)


def camel_case(name: str) -> str:
    """Return a Python field's name in Kubernetes' spelling."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def every_field(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Return every field below `schema` with its path."""
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from every_field(field, f"{path}.{name}")
        yield from every_field(field.get("items", {}), f"{path}.{name}[]")


def every_rule(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Return every CEL rule with its path and the schema that it is about."""
    for number, rule in enumerate(schema.get("x-kubernetes-validations", [])):
        yield f"{path}[{number}]", rule, schema
    for name, field in schema.get("properties", {}).items():
        yield from every_rule(field, f"{path}.{name}")


FIELDS = [*every_field(SPEC, "spec"), *every_field(STATUS, "status")]
RULES = [*every_rule(SCHEMA, "Task")]


def example_task() -> dict[str, Any]:
    """Return the Task that the examples of all fields make."""
    spec = {name: field["example"] for name, field in SPEC["properties"].items()}
    metadata = {"name": spec["name"].replace("_", "-"), "namespace": "default", "uid": "u"}
    return {"apiVersion": "cronwright.dev/v1", "kind": "Task", "metadata": metadata, "spec": spec}


def test_spec_has_the_fields_that_core_reads_and_no_others() -> None:
    assert set(SPEC["properties"]) == {
        camel_case(field.name) for field in fields(Task) if field.name not in FROM_METADATA
    }


def test_core_has_the_defaults_of_the_schema() -> None:
    spec: dict[str, Any] = {"schedule": "@daily", "actionName": "http"}
    defaults = {name: field["default"] for name, field in SPEC["properties"].items() if "default" in field}
    retry = {name: field["default"] for name, field in SPEC["properties"]["retry"]["properties"].items()}
    metadata = {"name": "a", "namespace": "b", "uid": "c"}
    assert parse_task({"metadata": metadata, "spec": spec}) == parse_task(
        {"metadata": metadata, "spec": spec | defaults | {"retry": retry}}
    )


def test_core_reads_the_examples() -> None:
    task = parse_task(example_task())
    assert task.name == SPEC["properties"]["name"]["example"]
    assert task.attributes == SPEC["properties"]["attributes"]["example"]


def test_status_has_what_core_writes_and_nothing_else() -> None:
    full = TaskStatus(
        observed_generation=1,
        conditions={"Ready": Condition("True", "InForce", "It is.", NOON, 1)},
        plan_kind="cron",
        plan_schedule="0 3 * * *",
        plan_time_zone="Etc/UTC",
        next_run_time=NOON,
        active=1,
        last_run=LastRun("id", NOON, "Failed", NOON, NOON, "TimedOut", "It took too long."),
        last_successful_time=NOON,
        last_failure_time=NOON,
        consecutive_failures=1,
        handled_run_requests=("1",),
    )

    def names(value: Any, path: str = "status") -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                yield f"{path}.{name}"
                yield from names(inner, f"{path}.{name}")
        elif isinstance(value, list):
            for inner in value:
                yield from names(inner, f"{path}[]")

    assert set(names(dump_status(full))) == {path for path, _ in every_field(STATUS, "status")}


@pytest.mark.parametrize(
    ("path", "words"),
    [("status.lastRun.outcome", get_args(RunOutcome)), ("status.conditions[].status", get_args(ConditionStatus))],
)
def test_choices_are_those_of_core(path: str, words: tuple[str, ...]) -> None:
    assert dict(FIELDS)[path]["enum"] == [*words]


def test_a_task_nobody_has_seen_is_at_generation_minus_1() -> None:
    assert STATUS["default"] == {"observedGeneration": TaskStatus().observed_generation} == {"observedGeneration": -1}


def test_columns() -> None:
    columns = CRD["spec"]["versions"][0]["additionalPrinterColumns"]
    assert [column["name"] for column in columns if not column.get("priority")] == [
        "Ready", "Schedule", "Next", "Last", "Outcome", "Active", "Running", "Age",
    ]  # fmt: skip
    assert [column["name"] for column in columns if column.get("priority")] == ["Zone", "Action", "As", "Reason"]
    types = {column["name"]: column["type"] for column in columns}
    assert types["Next"] == "string", "a date column prints <invalid> for the future"
    known = {path for path, _ in FIELDS} | {"metadata.creationTimestamp"}
    for column in columns:
        assert re.sub(r"\[\?.*\]", "[]", column["jsonPath"]).removeprefix(".") in known


@pytest.mark.parametrize(("path", "field"), FIELDS, ids=[path for path, _ in FIELDS])
def test_each_field_has_a_type_a_description_and_an_example(path: str, field: Mapping[str, Any]) -> None:
    assert field["type"] in {"string", "integer", "boolean", "object", "array"}
    assert field["description"].endswith("."), "a description is a sentence"
    if path == "status.conditions":
        return  # its parts have the examples
    python = {"string": str, "integer": int, "boolean": bool, "object": dict, "array": list}[field["type"]]
    assert type(field["example"]) is python
    if "enum" in field:
        assert field["example"] in field["enum"]


@pytest.mark.parametrize(("path", "rule", "schema"), RULES, ids=[path for path, _, _ in RULES])
def test_each_rule_says_what_is_wrong_and_what_to_write(
    path: str, rule: Mapping[str, Any], schema: Mapping[str, Any]
) -> None:
    for sentence in (rule["message"], rule.get("messageExpression", rule["message"])):
        problem, remedy = sentence.split(";", 1)
        assert problem
        assert re.search(r"\b(write|remove)\b", remedy), sentence
    # Kubernetes prefers messageExpression, and refuses a message with a line break.
    assert "\n" not in rule["message"]
    if schema["type"] == "string":
        assert "maxLength" in schema, "the cost of a rule is estimated from it"


def test_no_two_rules_share_a_sentence() -> None:
    messages = [rule["message"] for _, rule, _ in RULES]
    expressions = [rule["messageExpression"] for _, rule, _ in RULES if "messageExpression" in rule]
    assert len(set(messages)) == len(messages)
    assert len(set(expressions)) == len(expressions)


def test_docs_and_the_charts_copy_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "docs" / "generate.py"), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
