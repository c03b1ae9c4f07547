"""Which Tasks the API server takes, and the sentence with which it refuses the others.

`tests/unit/schedule/schedules.tsv` is the table that the schema and the schedule grammar of core share; the cases here
are those that the API server alone decides.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from integration.crd.conftest import TasksAPI

SHARED_TABLE = Path(__file__).parents[2] / "unit" / "schedule" / "schedules.tsv"
LONGEST_NAME = 52  # characters, Kubernetes' limit for a CronJob's name


class Case(NamedTuple):
    """A `change` laid over a valid Task; null removes a field, metadata_name is metadata.name. No `text`: taken."""

    why: str
    change: dict[str, Any]
    text: str = ""


def shared_cases() -> list[Case]:
    """Return the rows of the shared table."""
    cases = []
    for line in SHARED_TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            verdict, change, text, why = line.split("\t")
            assert (verdict == "bad") == bool(text), f"{why}: a bad row has a text, a good one has none"
            cases.append(Case(why, json.loads(change), text))
    return cases


OWN_CASES = [
    Case("name with a dot", {"metadata_name": "mail-sync-v2", "name": "mail_sync.v2"}),
    Case("name with capitals", {"metadata_name": "dailyreport", "name": "DailyReport"}),
    Case("name that is metadata.name", {"metadata_name": "daily-report", "name": "daily-report"}),
    Case("label in any script", {"label": "Täglicher Bericht 日報"}),
    Case("retry with its defaults", {"retry": {}}),
    Case(
        "labels of the pod", {"template": {"metadata": {"labels": {"team": "mail", "example.com/cronwright.dev": "x"}}}}
    ),
    Case("Replace for an interval in two units", {"schedule": "@every 0m60s", "concurrencyPolicy": "Replace"}),
    Case("a dot in metadata.name", {"metadata_name": "mail.sync"}, "holds a dot"),
    Case("name that ends in _", {"metadata_name": "v2", "name": "v2_"}, "does not end in a letter or digit"),
    Case("name that starts with _", {"metadata_name": "v2", "name": "_v2"}, "does not start with a letter or digit"),
    Case("name too long", {"metadata_name": "a" * LONGEST_NAME, "name": "a" * (LONGEST_NAME + 1)}, "more than the 52"),
    Case(
        "name of another resource",
        {"metadata_name": "mail-sync", "name": "mail_sync2"},
        "write metadata.name: mail-sync2",
    ),
    Case("name whose dot is kept", {"metadata_name": "mail.sync", "name": "mail.sync"}, "holds a dot"),
    Case("attributes as a string", {"attributes": "{}"}, "must be of type object"),
    Case("no suspendReason while active", {"isActive": True, "suspendReason": "x"}, "suspendReason"),
    Case("timeout of nothing", {"timeoutSeconds": 0}, "greater than or equal to 1"),
    Case("too many retries", {"retry": {"limit": 21}}, "less than or equal to 20"),
    Case("retry written as a number", {"retry": 3}, "must be of type object"),
    Case("typo in retry", {"retry": {"limits": 3}}, 'unknown field "spec.retry.limits"'),
    Case("isActive as a word", {"isActive": "yes"}, "must be of type boolean"),
    Case(
        "no label of ours",
        {"template": {"metadata": {"labels": {"cronwright.dev/task": "x"}}}},
        "labels holds cronwright.dev/task",
    ),
    Case(
        "no annotation of ours",
        {"template": {"metadata": {"annotations": {"cronwright.dev/as-user": "x"}}}},
        "annotations holds cronwright.dev/as-user",
    ),
    Case(
        "no annotation of Kubernetes",
        {"template": {"metadata": {"annotations": {"batch.kubernetes.io/cronjob-scheduled-timestamp": "x"}}}},
        "annotations holds batch.kubernetes.io/",
    ),
    Case(
        "name in the template", {"template": {"metadata": {"name": "x"}}}, 'unknown field "spec.template.metadata.name"'
    ),
    Case(
        "Replace for a loop in two units",
        {"schedule": "@every 0m59s", "concurrencyPolicy": "Replace"},
        "concurrencyPolicy",
    ),
    *(
        Case(f"{field}, which this release does not honour", {field: value}, f'unknown field "spec.{field}"')
        for field, value in {
            "notBefore": "2027-01-01T00:00:00Z",
            "notAfter": "2027-02-01T00:00:00Z",
            "catchUp": "Last",
            "repeatedHour": "Once",
            "suspendUntil": "2027-01-04T08:00:00Z",
            "connections": ["backup_store"],
            "jitterSeconds": 30,
        }.items()
    ),
]
CASES = [*shared_cases(), *OWN_CASES]
TWO_FAULTS = [{"schedule": "R R * * *"}]


def task_of(case: Case) -> dict[str, Any]:
    """Return the valid Task with the case's change laid over it."""
    change = dict(case.change)
    metadata = {"name": change.pop("metadata_name", "case")}
    spec = {"schedule": "@daily", "actionName": "cleanup"} | change
    return {
        "apiVersion": "cronwright.dev/v1",
        "kind": "Task",
        "metadata": metadata,
        "spec": {field: value for field, value in spec.items() if value is not None},
    }


@pytest.mark.parametrize("case", [case for case in CASES if not case.text], ids=lambda case: case.why)
def test_takes(tasks: TasksAPI, case: Case) -> None:
    answer = tasks.try_create(task_of(case))
    assert answer.taken is not None, answer.text


@pytest.mark.parametrize("case", [case for case in CASES if case.text], ids=lambda case: case.why)
def test_refuses_with_one_sentence(tasks: TasksAPI, case: Case) -> None:
    answer = tasks.try_create(task_of(case))
    assert answer.taken is None, "was taken"
    assert case.text in answer.text
    assert len(answer.sentences) == (2 if case.change in TWO_FAULTS else 1), answer.sentences


def test_no_two_mistakes_share_a_sentence(tasks: TasksAPI) -> None:
    kinds: dict[str, set[str]] = defaultdict(set)
    for case in CASES:
        for sentence in tasks.try_create(task_of(case)).sentences:
            kinds[sentence].add(case.text)
    assert {sentence: texts for sentence, texts in kinds.items() if len(texts) > 1} == {}
