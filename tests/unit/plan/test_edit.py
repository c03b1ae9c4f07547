"""What an edit of a Task would do, in sentences."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cronwright.plan.choose import choose
from cronwright.plan.edit import effects
from cronwright.task import parse_task
from support.facts import a_task

NOW = datetime(2027, 1, 4, 8, 0, 30, tzinfo=UTC)
DAILY = {"schedule": "0 3 * * *"}

EDITS: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": (DAILY, DAILY, ["Nothing that runs changes, nor when it runs."]),
    "only what Kubernetes keeps": (
        DAILY,
        DAILY | {"successfulJobsHistoryLimit": 9},
        ["Nothing that runs changes, nor when it runs."],
    ),
    "the schedule": (
        DAILY,
        {"schedule": "0 4 * * *"},
        [
            "It runs every day at 04:00 UTC instead of every day at 03:00 UTC; the edit itself starts no run.",
            "The next run is that of 2027-01-05T04:00:00Z instead of that of 2027-01-05T03:00:00Z.",
        ],
    ),
    "the zone": (
        DAILY,
        DAILY | {"timeZone": "Asia/Tokyo"},
        [
            "It runs every day at 03:00 Asia/Tokyo instead of every day at 03:00 UTC; the edit itself starts no run.",
            "The next run is that of 2027-01-04T18:00:00Z instead of that of 2027-01-05T03:00:00Z.",
        ],
    ),
    "the same schedule in other words": (
        {"schedule": "@daily"},
        {"schedule": "@every 24h"},
        [
            "It runs every 24 hours, at midnight UTC instead of every day at 00:00 UTC; the edit itself starts no run.",
        ],
    ),
    "a pause": (
        DAILY,
        DAILY | {"isActive": False},
        [
            "The Task is paused: no run starts until is_active is true again, and a run under way goes on.",
            "The next run is none instead of that of 2027-01-05T03:00:00Z.",
        ],
    ),
    "a resume": (
        DAILY | {"isActive": False},
        DAILY,
        [
            "The Task is resumed: runs that were due while it was paused don't start.",
            "The next run is that of 2027-01-05T03:00:00Z instead of none.",
        ],
    ),
    "on request from now on": (
        DAILY,
        {"schedule": "@manual"},
        [
            "The plan changes from cron to manual.",
            "It runs only on request instead of every day at 03:00 UTC; the edit itself starts no run.",
            "The next run is none instead of that of 2027-01-05T03:00:00Z.",
        ],
    ),
    "what the action gets": (
        DAILY,
        DAILY | {"attributes": {"days": 3}},
        ["Runs that start from now on have the new settings; one that is under way keeps the old ones."],
    ),
    "what the ticks of a loop get": (
        {"schedule": "@every 5s"},
        {"schedule": "@every 5s", "attributes": {"days": 3}},
        ["A tick that is under way is stopped after ten seconds, and ends as Superseded."],
    ),
}


@pytest.mark.parametrize(("before", "after", "expected"), EDITS.values(), ids=EDITS)
def test_effects(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    assert list(effects(choose(parse_task(a_task(**before))), choose(parse_task(a_task(**after))), NOW)) == expected
