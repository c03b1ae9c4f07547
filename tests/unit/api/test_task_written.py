"""Posted attributes of a Task: what they become, and the sentence and the pointer of each one that is refused."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronwright.jsontypes import JSON
from cronwright.words import BY_RESOURCE, FIELDS
from cronwright_api.errors import Invalid
from cronwright_api.tasks import checks
from cronwright_api.tasks.columns import TASK, WRITABLE
from cronwright_api.tasks.refusals import in_http_words
from cronwright_api.tasks.schedule_patterns import SCHEDULE
from cronwright_api.tasks.written import change_of, new_task
from support.wrong_attributes import WRONG

LEAST = {"name": "export", "schedule": "@daily", "action_name": "http"}
CRD = yaml.safe_load((Path(__file__).parents[3] / "crds" / "task.yaml").read_text())
SPEC = CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def manifest(**spec: JSON) -> dict[str, Any]:
    return {
        "metadata": {"name": "export", "namespace": "shop", "uid": "u", "resourceVersion": "1"},
        "spec": {"schedule": "@daily", "actionName": "http", "isActive": True, "concurrencyPolicy": "Forbid", **spec},
    }


def refused(attributes: dict[str, Any]) -> dict[str, str]:
    """Return pointer and sentence of everything that is wrong with a new Task."""
    with pytest.raises(Invalid) as caught:
        new_task(attributes, "default")
    return {str(error.pointer): error.detail for error in (caught.value, *caught.value.others)}


# What they become


def test_the_least_that_a_task_needs() -> None:
    assert new_task(LEAST, "default") == {
        "apiVersion": "cronwright.dev/v1",
        "kind": "Task",
        "metadata": {"namespace": "default", "name": "export"},
        "spec": {"schedule": "@daily", "actionName": "http"},
    }


def test_everything() -> None:
    attributes: dict[str, Any] = LEAST | {
        "name": "Mail.sync_Now",
        "label": "Mail",
        "namespace": "shop",
        "schedule": "0 3 * * *",
        "time_zone": "Europe/Berlin",
        "entity_name": "mail",
        "attributes": {"days": 9223372036854775807, "keep": [1.5, None, {"a": "$(x)"}]},
        "as_user_email": "a@example.com",
        "is_active": False,
        "suspend_reason": "moving",
        "concurrency_policy": "Allow",
        "starting_deadline_seconds": 60,
        "timeout_seconds": 5,
        "retry": {"limit": 3, "backoff_seconds": 30},
        "successful_jobs_history_limit": 0,
        "failed_jobs_history_limit": 100,
        "template": {"spec": {"nodeSelector": {"disk": "ssd"}}},
    }
    made = new_task(attributes, "default")
    assert made["metadata"] == {"namespace": "shop", "name": "mail-sync-now"}
    spec: Any = made["spec"]
    assert set(spec) == {word.resource for word in FIELDS}
    assert (spec["name"], spec["retry"]) == ("Mail.sync_Now", {"limit": 3, "backoffSeconds": 30})
    assert spec["attributes"] == attributes["attributes"]


@pytest.mark.parametrize("name", [name for name in WRITABLE if name not in checks.NEVER_UNSET])
def test_null_means_unset(name: str) -> None:
    assert new_task(LEAST | {name: None}, "default") == new_task(LEAST, "default")


@pytest.mark.parametrize("name", [name for name in TASK.attributes if name not in WRITABLE])
def test_a_new_task_may_bring_read_only_attributes_as_null_only(name: str) -> None:
    assert new_task(LEAST | {name: None}, "default") == new_task(LEAST, "default")
    assert refused(LEAST | {name: "x"}) == {
        f"/data/attributes/{name}": f"{name} is for Cronwright to say; leave it out"
    }


@pytest.mark.parametrize("text", ['{"days": 30}', ' {"days": 30.0}\n', '{"days": 3e1}'])
def test_attributes_as_a_string_that_holds_json(text: str) -> None:
    spec: Any = new_task(LEAST | {"attributes": text}, "default")["spec"]
    assert spec["attributes"] == {"days": 30}


def test_a_whole_number_may_be_written_with_a_point() -> None:
    spec: Any = new_task(LEAST | {"timeout_seconds": 5.0}, "default")["spec"]
    assert isinstance(spec["timeoutSeconds"], int)


TABLE = [
    (verdict, json.loads(change), text)
    for verdict, change, text, *_ in (
        line.split("\t")
        for line in (Path(__file__).parents[1] / "schedule" / "schedules.tsv").read_text().splitlines()
        if line and not line.startswith("#")
    )
    if "metadata_name" not in change and not (verdict == "bad" and "template" in change)
]
"""What the Task resource takes and refuses, as a change of a Task's spec; templates are Kubernetes' alone to refuse."""


@pytest.mark.parametrize(("verdict", "change", "text"), TABLE, ids=[json.dumps(change) for _, change, _ in TABLE])
def test_the_same_is_taken_and_refused_as_by_kubernetes(verdict: str, change: dict[str, Any], text: str) -> None:
    attributes = LEAST | {
        BY_RESOURCE[field].json_api if field in BY_RESOURCE else field: value for field, value in change.items()
    }
    if verdict == "bad":
        sentences = refused(attributes).values()
        if set(change) <= {"schedule", "timeZone"} and isinstance(attributes["schedule"], str):
            assert any(in_http_words(text) in sentence for sentence in sentences)
        return
    new_task(attributes, "default")
    assert re.search(SCHEDULE, attributes["schedule"]), "a client that checks by /openapi.json takes it, too"


# What is refused


@pytest.mark.parametrize(("attribute", "value", "pointer", "sentence"), WRONG)
def test_wrong(attribute: str, value: JSON, pointer: str, sentence: str) -> None:
    found = refused(LEAST | {attribute: value})
    assert list(found) == [f"/data/attributes/{pointer}"]
    assert sentence in found[f"/data/attributes/{pointer}"]


@pytest.mark.parametrize("name", LEAST)
def test_missing(name: str) -> None:
    found = refused({other: value for other, value in LEAST.items() if other != name})
    assert next(iter(found.values())).startswith(f"{name} is missing; write one such as")


def test_all_that_is_wrong_is_said_at_once() -> None:
    assert set(refused({"name": "a b", "schedule": "x", "color": "red"})) == {
        f"/data/attributes/{name}" for name in ("name", "schedule", "color", "action_name")
    }


TOGETHER: list[tuple[dict[str, Any], str, str]] = [
    (
        {"schedule": "@every 90s", "time_zone": "Europe/Berlin"},
        "time_zone",
        "time_zone has no effect on @every, which counts in UTC from midnight on 1 January 1970; remove time_zone",
    ),
    (
        {"schedule": "@every 30s", "concurrency_policy": "Replace"},
        "concurrency_policy",
        "concurrency_policy Replace needs an interval of a minute or more",
    ),
    (
        {"is_active": True, "suspend_reason": "moving"},
        "suspend_reason",
        "suspend_reason is set but the Task is not paused; write is_active false, or suspend_reason null",
    ),
]


@pytest.mark.parametrize(("attributes", "pointer", "sentence"), TOGETHER)
def test_attributes_that_do_not_go_together(attributes: dict[str, Any], pointer: str, sentence: str) -> None:
    found = refused(LEAST | attributes)
    assert found.keys() == {f"/data/attributes/{pointer}"}
    assert found[f"/data/attributes/{pointer}"].startswith(sentence)


# Changes

CHANGES: list[tuple[str, dict[str, Any], dict[str, Any], list[dict[str, Any]]]] = [
    ("nothing", {}, {}, []),
    ("what is so already", {}, {"schedule": "@daily", "is_active": True, "name": "export", "namespace": "shop"}, []),
    (
        "an attribute that was unset",
        {},
        {"label": "L"},
        [{"op": "add", "path": "/spec/label", "value": "L"}],
    ),
    ("one that is unset", {"label": "L"}, {"label": None}, [{"op": "remove", "path": "/spec/label"}]),
    ("one that was unset before", {}, {"label": None}, []),
    (
        "attributes whole, not merged",
        {"attributes": {"a": 1, "b": {"c": 2}}},
        {"attributes": {"b": {"d": None}}},
        [{"op": "add", "path": "/spec/attributes", "value": {"b": {"d": None}}}],
    ),
    (
        "true is not 1",
        {"attributes": {"a": [1]}},
        {"attributes": {"a": [True]}},
        [{"op": "add", "path": "/spec/attributes", "value": {"a": [True]}}],
    ),
    ("1.0 is 1", {"attributes": {"a": 1}}, {"attributes": {"a": 1.0}}, []),
    (
        "retry whole",
        {"retry": {"limit": 3, "backoffSeconds": 30}},
        {"retry": {"limit": 4}},
        [{"op": "add", "path": "/spec/retry", "value": {"limit": 4}}],
    ),
    (
        "read-only attributes, which are ignored",
        {},
        {"status": 5, "next_runs": "x", "created_at": None, "description": "d", "last_run": {}, "reference_id": "r"},
        [],
    ),
    (
        "a pause with its reason",
        {},
        {"is_active": False, "suspend_reason": "moving"},
        [
            {"op": "add", "path": "/spec/isActive", "value": False},
            {"op": "add", "path": "/spec/suspendReason", "value": "moving"},
        ],
    ),
    ("another field beside a zone that is unknown", {"timeZone": "X/Y"}, {"label": None}, []),
]


@pytest.mark.parametrize(("name", "spec", "attributes", "operations"), CHANGES, ids=[name for name, *_ in CHANGES])
def test_change(name: str, spec: dict[str, Any], attributes: dict[str, Any], operations: list[dict[str, Any]]) -> None:
    assert change_of(manifest(**spec), attributes).operations == operations


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("another name", {}, {"name": "other"}, "name", 'the name of a Task never changes; write "export"'),
    ("a name that is none", {}, {"name": "a b"}, "name", 'the name of a Task never changes; write "export"'),
    ("the resource's name", {"name": "Export"}, {"name": "export"}, "name", 'write "Export" or leave it out'),
    (
        "another namespace",
        {},
        {"namespace": "other"},
        "namespace",
        'the namespace of a Task never changes; write "shop"',
    ),
    (
        "an interval beside a zone that stays",
        {"timeZone": "Europe/Berlin"},
        {"schedule": "@every 90s"},
        "schedule",
        "time_zone has no effect on @every",
    ),
    ("31 February", {}, {"schedule": "0 0 31 2 *"}, "schedule", "day 31 does not exist in month 2"),
    (
        "a zone beside an interval",
        {"schedule": "@every 90s"},
        {"time_zone": "Asia/Tokyo"},
        "time_zone",
        "time_zone has",
    ),
    (
        "a resume that leaves the reason",
        {"isActive": False, "suspendReason": "moving"},
        {"is_active": True},
        "is_active",
        "suspend_reason is set but the Task is not paused",
    ),
    ("an attribute that can't be unset", {}, {"schedule": None}, "schedule", "schedule is null"),
    ("an unknown attribute", {}, {"timeZone": "UTC"}, "timeZone", "write time_zone"),
]


@pytest.mark.parametrize(
    ("name", "spec", "attributes", "pointer", "sentence"), REFUSED, ids=[name for name, *_ in REFUSED]
)
def test_refused_change(
    name: str, spec: dict[str, Any], attributes: dict[str, Any], pointer: str, sentence: str
) -> None:
    with pytest.raises(Invalid) as caught:
        change_of(manifest(**spec), attributes)
    assert (caught.value.pointer, caught.value.others) == (f"/data/attributes/{pointer}", ())
    assert sentence in caught.value.detail


# The limits are the resource's


def test_every_field_has_a_check() -> None:
    assert set(checks.CHECKS) == {word.json_api for word in FIELDS} == set(WRITABLE) - {"namespace"}


@pytest.mark.parametrize(
    ("field", "key", "limit"),
    [
        ("label", "maxLength", checks.LONGEST_LABEL),
        ("actionName", "maxLength", checks.LONGEST_WORD),
        ("entityName", "maxLength", checks.LONGEST_WORD),
        ("asUserEmail", "maxLength", checks.LONGEST_ADDRESS),
        ("suspendReason", "maxLength", checks.LONGEST_REASON),
        ("startingDeadlineSeconds", "maximum", checks.SECONDS_OF_A_YEAR),
        ("timeoutSeconds", "maximum", checks.SECONDS_OF_A_WEEK),
        ("successfulJobsHistoryLimit", "maximum", checks.MOST_JOBS),
        ("failedJobsHistoryLimit", "maximum", checks.MOST_JOBS),
        ("concurrencyPolicy", "enum", list(checks.CHOICES)),
    ],
)
def test_a_limit_is_that_of_the_resource(field: str, key: str, limit: object) -> None:
    assert SPEC[field][key] == limit


def test_the_limits_of_retry_are_those_of_the_resource() -> None:
    retry = SPEC["retry"]["properties"]
    assert (retry["limit"]["maximum"], retry["backoffSeconds"]["maximum"]) == (
        checks.MOST_RETRIES,
        checks.LONGEST_BACKOFF_SECONDS,
    )
