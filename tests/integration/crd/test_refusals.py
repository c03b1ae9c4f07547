"""Which Tasks the API server takes, and the sentence with which it refuses the others.

`tests/unit/schedule/schedules.tsv` is the table that the schema and the schedule grammar of core share, and of which
both say the same, word for word; the cases here are those that the API server alone decides.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from cronwright.schedule import fields
from cronwright.schedule.errors import ScheduleError
from cronwright.schedule.grammar import check_time_zone, parse

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


def sentence_of_core(change: dict[str, Any]) -> str:
    """Return how core refuses the schedule or its zone."""
    with pytest.raises(ScheduleError) as refused:
        check_time_zone(parse(change["schedule"]), change.get("timeZone"))
    return str(refused.value)


def said(sentence: str) -> str:
    """Return the sentence without what Kubernetes puts before it: the field and, in quotes, its value."""
    _, found, text = sentence.partition(": Invalid value: ")
    assert found, sentence
    # The spec as a whole, where a rule is about two fields.
    return re.sub(r'^(?:"(?:[^"\\]|\\.)*"|object|null|\{.*?\}): ', "", text)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in shared_cases()
        if case.text and case.change.keys() <= {"schedule", "timeZone"} and isinstance(case.change["schedule"], str)
    ],
    ids=lambda case: case.why,
)
def test_core_says_the_same(tasks: TasksAPI, case: Case) -> None:
    sentences = tasks.try_create(task_of(case)).sentences
    assert said(sentences[0]) == sentence_of_core(case.change)


# Each is wrong in some of the fields at least.
FIELDS = {
    "a number beyond some": "24",
    "a number beyond most": "40,0099",
    "a number beyond all": "100",
    "zero": "0",
    "a range beyond some": "1-8,3",
    "a range beyond most": "H(1-0032)/5",
    "a range from zero": "0-5/2",
    "a range from a number beyond": "99-100",
    "a number beyond and a range beyond": "99,1-99",
    "a step of zero": "3-4/00,1",
    "a step below zero": "*/-1",
    "a step beyond 999": "H/01000",
    "no step": "*/",
    "a negative number in a list": "1,-1",
    "a range from a negative number": "-5--3",
    "a negative H": "H(-3-5)",
    "two commas": "1,,2",
    "a comma alone": ",",
    "a comma at the end of what is wrong besides": "99,",
    "another script": "\uff11\uff12",
    "a space that is no separator": "1\u00a02",
    "a control character": "1\v2",
    "the last": "L",
    "the last but three": "l-3",
    "the last weekday": "LW",
    "the weekday nearest": "2w,3",
    "the last of a name": "friL",
    "the last of a number": "1,5l",
    "the third": "fri#3",
    "a small h": "1,h/5",
    "a small h with a range": "h(1-3)",
    "r": "r",
    "R with a range": "1,R(1-3)",
    "H twice": "HH",
    "H after a number": "1H",
    "a month": "Feb",
    "a month spelled out": "1-February",
    "a month of four letters": "SEPT,oct",
    "a day": "wEd",
    "a day spelled out": "mon,thurs",
    "a month and a day": "jan,mon",
    "two months in one": "janfeb",
    "two months spelled out in one": "januaryfebruary",
    "a name in French": "janvier",
    "a name beside a full one": "foobar,january,monday",
    "a name and a range without its end": "feb-,mon-",
    "a name in a step": "*/jan",
    "a Kelvin sign": "oc\u212a",
    "a long s": "\u017fep,\u017fun",
    "a word": "often",
    "a fraction": "1.5",
    "a semicolon": "1;2",
    "a step beyond the field after what is wrong": "1;2/90",
    "digits beyond the field after a point": "1.99",
    "a range of three": "1-2-3",
    "quotes": "\"1'",
    "a backslash": "\\d",
    "two stars": "**",
    "a step of a step": "*/2/2",
    "an empty range of H": "H()",
}


@pytest.mark.parametrize("text", FIELDS.values(), ids=FIELDS.keys())
def test_core_says_the_same_of_each_field(tasks: TasksAPI, text: str) -> None:
    """All five fields hold the text, and the API server says of each what core says of it alone."""
    expected = []
    for kind in fields.KINDS:
        try:
            fields.items(text, kind)
        except fields.NotUnderstood:
            alone = " ".join(text if each is kind else "*" for each in fields.KINDS)
            expected.append(sentence_of_core({"schedule": alone}))
    assert expected
    answer = tasks.try_create(task_of(Case("", {"schedule": " ".join([text] * len(fields.KINDS))}, text)))
    assert [said(sentence) for sentence in answer.sentences] == expected


def test_no_two_mistakes_share_a_sentence(tasks: TasksAPI) -> None:
    """Cases are of one mistake where their texts are alike, once what the person wrote is taken out of them."""
    mistakes: dict[str, Case] = {}
    for case in CASES:
        for sentence in tasks.try_create(task_of(case)).sentences:
            first = mistakes.setdefault(without_values(sentence), case)
            assert without_values(case.text) == without_values(first.text), (sentence, case, first)


def without_values(sentence: str) -> str:
    """Return the sentence without what stands in quotes."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', '"..."', sentence)
