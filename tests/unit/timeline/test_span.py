"""Spans on the wire: what is taken, and one sentence for each mistake."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import pytest

from cronwright.jsontypes import JSON
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.timeline.attributes import EventError
from cronwright.timeline.span import REASONS_OF_SPANS, Span, dump_span, load_span

from .spans import TASK_UID, span

WIRE: dict[str, JSON] = {
    "kind": "span",
    "reported_by": "runner",
    "task": "poll",
    "namespace": "shop",
    "task_uid": TASK_UID,
    "title": "poll",
    "pod_uid": "uid-a",
    "pod": "poll-a",
    "reason": "AlreadyRunning",
    "schedule": "@every 5s",
    "time_zone": "Etc/UTC",
    "first_at": "2027-01-04T08:00:05Z",
    "last_at": "2027-01-04T08:01:00Z",
    "count": 12,
}


def test_what_is_written_is_read_back() -> None:
    assert dump_span(span(1, 12)) == WIRE
    full = span(1, 12, message="m", node="n", action_name="http", entity_name="e", as_user_email="a@example.com")
    assert load_span(dump_span(full)) == full


TAKEN: dict[str, tuple[dict[str, JSON], bool]] = {
    "all fire times": ({}, True),
    "some of them": ({"count": 11}, False),
    "one": ({"last_at": WIRE["first_at"], "count": 1}, True),
    "without a pod": ({"pod": None, "pod_uid": None}, True),
    "with the outcome of its reason": ({"outcome": "skipped"}, True),
    "a week of seconds": (
        {
            "schedule": "@every 1s",
            "first_at": "2027-01-04T00:00:00Z",
            "last_at": "2027-01-10T23:59:59Z",
            "count": 604800,
        },
        True,
    ),
    "a cron line in its zone": (
        {
            "schedule": "30 2 * * *",
            "time_zone": "Europe/Berlin",
            "first_at": "2027-03-26T01:30:00Z",
            "last_at": "2027-03-29T00:30:00Z",
            # On 28 March there is no half past two
            "count": 3,
        },
        True,
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_taken(case: str) -> None:
    changes, is_full = TAKEN[case]
    assert load_span(WIRE | changes).is_full is is_full


MONTHS: dict[str, JSON] = {"schedule": "* * * * *", "first_at": "2027-01-04T08:00:00Z"}
REFUSED: dict[str, tuple[dict[str, JSON], str]] = {
    "first after last": (
        {"first_at": "2027-01-04T08:01:05Z"},
        "first_at is after last_at; write the earlier of the two as first_at",
    ),
    "no fire time": (
        {"first_at": "2027-01-04T08:00:07Z"},
        "first_at is 2027-01-04T08:00:07Z, which is no fire time of @every 5s; "
        "write one that is, such as 2027-01-04T08:00:05Z or 2027-01-04T08:00:10Z",
    ),
    "no whole second": (
        {"last_at": "2027-01-04T08:01:00.5Z"},
        "last_at is 2027-01-04T08:01:00.500000Z, which is no fire time of @every 5s; "
        "write one that is, such as 2027-01-04T08:01:00Z or 2027-01-04T08:01:05Z",
    ),
    "no time": ({"last_at": None}, "last_at is None; write a time such as 2027-01-04T08:00:00Z"),
    "another age": (
        {"first_at": "0001-01-01T00:00:00Z"},
        "first_at is 0001-01-01T00:00:00Z; write a time of the years 1970 to 2199",
    ),
    "none of the fire times": ({"count": 0}, "count is 0; write a whole number from 1"),
    "no count": ({"count": None}, "count is None; write a whole number from 1"),
    "more than there are": (
        {"count": 13},
        "count is 13, but there are 12 fire times from first_at to last_at; write a whole number from 1 to 12",
    ),
    "no schedule": ({"schedule": ""}, "schedule is ''; write a string that is not empty"),
    "an unreadable schedule": (
        {"schedule": "@every 5"},
        'schedule "@every 5" is no interval; the unit is missing, write h, m or s',
    ),
    "a schedule without fire times": ({"schedule": "@manual"}, 'schedule "@manual" has no fire times; write one'),
    "an H": ({"schedule": "H * * * *"}, 'schedule "H * * * *" holds an H, which stands for another number'),
    "a zone beside an interval": ({"time_zone": "Europe/Berlin"}, "time_zone has no effect on @every"),
    "an unknown zone": (
        {"schedule": "0 * * * *", "time_zone": "Mars/Olympus"},
        'time_zone "Mars/Olympus" is not in the time zone database; write a name that is',
    ),
    "too much of a cron line": (
        MONTHS | {"last_at": "2027-06-01T00:00:00Z"},
        "last_at is more than 100000 fire times of a cron line after first_at; post several spans",
    ),
    "a reason of Tasks": ({"reason": "Suspended"}, "reason is 'Suspended'; write one of Completed, ActionFailed"),
    "no reason": ({"reason": None}, "reason is None; write one of Completed"),
    "another outcome": ({"outcome": "failed"}, "outcome is 'failed'; write one of skipped"),
    "an event": ({"kind": "end"}, "kind is 'end'; write one of span"),
    "no UID": ({"task_uid": "poll"}, "task_uid is 'poll'; write a UUID"),
    "an unknown attribute": ({"attempt": 1}, "attempt is unknown; write some of action_name"),
    "a NUL": ({"message": "\x00"}, "message holds a NUL character; leave it out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    changes, sentence = REFUSED[case]
    with pytest.raises(EventError) as refused:
        load_span(WIRE | changes)
    assert str(refused.value).startswith(sentence)


def test_the_id_is_of_the_task_and_the_first_fire_time() -> None:
    assert span(1, 12).id == uuid5(UUID(TASK_UID), "span/2027-01-04T08:00:05Z")
    assert span(1, 12).id == span(1, 99, Reason.POD_LATE).id
    assert span(1, 12).id != span(2, 12).id
    assert replace(span(1, 1), first_at=datetime(2027, 1, 4, 8, 0, 5, tzinfo=UTC)).id == span(1, 1).id


@pytest.mark.parametrize("reason", REASONS_OF_SPANS)
def test_the_outcome_follows_from_the_reason(reason: Reason) -> None:
    assert span(1, 12, reason).outcome is EXPLANATIONS[reason].outcome


def test_missed_and_skipped() -> None:
    outcomes: dict[Any, Outcome] = {made.reason: made.outcome for made in map(_of, REASONS_OF_SPANS)}
    assert outcomes[Reason.POD_LATE] is Outcome.MISSED
    assert outcomes[Reason.ALREADY_RUNNING] is Outcome.SKIPPED


def _of(reason: Reason) -> Span:
    return span(1, 12, reason)
