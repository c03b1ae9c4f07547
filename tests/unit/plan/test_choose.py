"""Which plan a Task gets, and the sentence of each Task that gets none."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

from cronwright.plan.choose import Stall, choose
from cronwright.reasons import EXPLANATIONS, Reason
from cronwright.task import TaskError, parse_task
from support.facts import DUE, a_task


class Chosen(NamedTuple):
    """A plan as the table writes it."""

    kind: str
    schedule: str
    time_zone: str | None = "Etc/UTC"
    suspend: bool = False


PLANS: dict[str, tuple[dict[str, Any], Chosen]] = {
    "a line": ({"schedule": "*/5 * * * *"}, Chosen("cron", "*/5 * * * *")),
    "a line with a zone": (
        {"schedule": "0 3 * * mon", "timeZone": "Europe/Berlin"},
        Chosen("cron", "0 3 * * 1", "Europe/Berlin"),
    ),
    "sunday as seven": ({"schedule": "0 3 * * 7"}, Chosen("cron", "0 3 * * 0")),
    "a preset": ({"schedule": "@daily"}, Chosen("cron", "0 0 * * *")),
    "a hash": ({"schedule": "H * * * *"}, Chosen("cron", "54 * * * *")),
    "an interval that a line says": ({"schedule": "@every 5m"}, Chosen("cron", "*/5 * * * *")),
    "an hour": ({"schedule": "@every 3600s"}, Chosen("cron", "0 * * * *")),
    "a week": ({"schedule": "@every 168h"}, Chosen("cron", "0 0 * * 4")),
    "an interval that a line says, with UTC beside it": (
        {"schedule": "@every 5m", "timeZone": "UTC"},
        Chosen("cron", "*/5 * * * *"),
    ),
    "an interval of its own": ({"schedule": "@every 90s"}, Chosen("every", "@every 1m30s", None)),
    "the shortest interval of its own": ({"schedule": "@every 61s"}, Chosen("every", "@every 1m1s", None)),
    "a minute": ({"schedule": "@every 1m"}, Chosen("cron", "* * * * *")),
    "a day and a half": ({"schedule": "@every 36h"}, Chosen("every", "@every 36h0m0s", None)),
    "less than a minute": ({"schedule": "@every 5s"}, Chosen("loop", "57 * * * *")),
    "less than a minute, paused": (
        {"schedule": "@every 5s", "isActive": False},
        Chosen("loop", "57 * * * *", suspend=True),
    ),
    "on request": ({"schedule": "@manual"}, Chosen("manual", "0 0 1 1 *", suspend=True)),
    "paused": ({"schedule": "@daily", "isActive": False}, Chosen("cron", "0 0 * * *", suspend=True)),
    "paused, of its own interval": (
        {"schedule": "@every 90s", "isActive": False},
        Chosen("every", "@every 1m30s", None, suspend=True),
    ),
}


@pytest.mark.parametrize(("spec", "expected"), PLANS.values(), ids=PLANS)
def test_plan(spec: dict[str, Any], expected: Chosen) -> None:
    plan = choose(parse_task(a_task(**spec)))
    assert Chosen(plan.kind, plan.schedule, plan.time_zone, plan.suspend) == expected
    assert (plan.every is not None) == (plan.kind == "every")
    assert plan.document.plan == plan.kind


@pytest.mark.parametrize("spec", [spec for spec, _ in PLANS.values()], ids=PLANS)
def test_the_document_has_the_fire_times_of_the_plan(spec: dict[str, Any]) -> None:
    plan = choose(parse_task(a_task(**spec)))
    if plan.kind == "manual":
        assert plan.document.schedule == "@manual"
    else:
        again = choose(parse_task(a_task(plan.document.schedule, timeZone=plan.document.time_zone)))
        assert again.fire_times.between(DUE, datetime(2029, 1, 1, tzinfo=UTC), 20) == plan.fire_times.between(
            DUE, datetime(2029, 1, 1, tzinfo=UTC), 20
        )


NEXT: dict[str, tuple[dict[str, Any], datetime | None]] = {
    "a line": ({"schedule": "*/5 * * * *"}, datetime(2027, 1, 4, 8, 5, tzinfo=UTC)),
    "a zone": ({"schedule": "@daily", "timeZone": "Asia/Tokyo"}, datetime(2027, 1, 4, 15, 0, tzinfo=UTC)),
    "an interval counts from the epoch": ({"schedule": "@every 7m"}, datetime(2027, 1, 4, 8, 4, tzinfo=UTC)),
    "paused": ({"schedule": "@daily", "isActive": False}, None),
    "on request": ({"schedule": "@manual"}, None),
}


@pytest.mark.parametrize(("spec", "expected"), NEXT.values(), ids=NEXT)
def test_next_run_time(spec: dict[str, Any], expected: datetime | None) -> None:
    assert choose(parse_task(a_task(**spec))).next_run_time(DUE) == expected


DEADLINES: dict[str, tuple[dict[str, Any], int]] = {
    "one interval": ({"schedule": "*/5 * * * *"}, 300),
    "not less than a minute": ({"schedule": "* * * * *"}, 60),
    "not more than an hour": ({"schedule": "@daily"}, 3600),
    "the shortest of several gaps": ({"schedule": "0,10 * * * *"}, 600),
    "an interval of its own": ({"schedule": "@every 90s"}, 90),
    "on request": ({"schedule": "@manual"}, 3600),
    "as the Task says": ({"schedule": "* * * * *", "startingDeadlineSeconds": 7}, 7),
}


@pytest.mark.parametrize(("spec", "expected"), DEADLINES.values(), ids=DEADLINES)
def test_starting_deadline(spec: dict[str, Any], expected: int) -> None:
    assert choose(parse_task(a_task(**spec))).document.starting_deadline_seconds == expected


STALLS: dict[str, tuple[dict[str, Any], Reason, str]] = {
    "a loop that should replace": (
        {"schedule": "@every 30s", "concurrencyPolicy": "Replace"},
        Reason.LOOP_REPLACE,
        'schedule "@every 30s" runs as a loop, which can\'t replace a run that is under way; write concurrencyPolicy ',
    ),
    "an unknown zone": (
        {"schedule": "@daily", "timeZone": "Mars/Olympus"},
        Reason.UNKNOWN_TIME_ZONE,
        'timeZone "Mars/Olympus" is not in the time zone database; write a name that is, such as Europe/Berlin, ',
    ),
    "a zone in other capitals": (
        {"schedule": "@daily", "timeZone": "europe/berlin"},
        Reason.UNKNOWN_TIME_ZONE,
        'timeZone "europe/berlin" has other capitals in the time zone database; write Europe/Berlin',
    ),
    "a zone beside an interval": (
        {"schedule": "@every 90s", "timeZone": "Europe/Berlin"},
        Reason.UNKNOWN_TIME_ZONE,
        "timeZone has no effect on @every, which counts in UTC from midnight on 1 January 1970; remove timeZone or ",
    ),
    "a day that never comes": (
        {"schedule": "0 3 31/1 2 *"},
        Reason.INVALID_SCHEDULE,
        "day 31/1 does not exist in month 2, so the task would never run; write a day that the month has, such as 28",
    ),
    "an hour that there is not": (
        {"schedule": "0 25 * * *"},
        Reason.INVALID_SCHEDULE,
        'hour "25" goes beyond 23; write 0 to 23, ',
    ),
    "large attributes": (
        {"schedule": "@daily", "attributes": {"text": "ä" * 32768}},
        Reason.ATTRIBUTES_TOO_LARGE,
        "spec.attributes is larger than 64 KiB; put the data where the action can fetch it, and name the place ",
    ),
}


@pytest.mark.parametrize(("spec", "reason", "sentence"), STALLS.values(), ids=STALLS)
def test_stall(spec: dict[str, Any], reason: Reason, sentence: str) -> None:
    with pytest.raises(Stall) as stalled:
        choose(parse_task(a_task(**spec)))
    assert stalled.value.reason == reason
    assert stalled.value.message.startswith(sentence)
    assert EXPLANATIONS[reason].remedy


def test_no_two_stalls_share_a_sentence() -> None:
    sentences = [sentence for _, _, sentence in STALLS.values()]
    assert len(set(sentences)) == len(sentences)


def test_attributes_of_just_64_kib_are_taken() -> None:
    empty = len('{"text":""}')
    assert choose(parse_task(a_task(attributes={"text": "x" * (64 * 1024 - empty)})))
    with pytest.raises(Stall):
        choose(parse_task(a_task(attributes={"text": "x" * (64 * 1024 - empty + 1)})))


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no action": ({"actionName": None}, "spec.actionName is None; write a string"),
    "a number for a text": ({"timeZone": 3}, "spec.timeZone is 3; write a string"),
    "a text for a number": ({"timeoutSeconds": "5m"}, "spec.timeoutSeconds is '5m'; write a whole number"),
    "a flag for a number": ({"timeoutSeconds": True}, "spec.timeoutSeconds is True; write a whole number"),
    "a text for a flag": ({"isActive": "no"}, "spec.isActive is 'no'; write true or false"),
    "a list for an object": ({"attributes": []}, "spec.attributes is []; write an object"),
    "a list for retry": ({"retry": []}, "spec.retry is []; write an object with the fields of a Task"),
    "a word that is none": ({"concurrencyPolicy": "Queue"}, "write one of Forbid, Allow, Replace"),
}


@pytest.mark.parametrize(("spec", "sentence"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_task_that_cannot_be_read(spec: dict[str, Any], sentence: str) -> None:
    manifest = a_task()
    manifest["spec"] |= spec
    with pytest.raises(TaskError) as refused:
        parse_task(manifest)
    assert sentence in str(refused.value)
