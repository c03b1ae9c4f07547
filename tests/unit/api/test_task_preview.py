"""A preview: what is asked for, and what it says of a schedule, of a new Task and of an edit."""

from datetime import UTC, datetime
from typing import Any

import pytest

from cronwright_api.errors import BadRequest, Invalid
from cronwright_api.tasks.preview import PreviewRequest, drafted, parse_preview, preview
from cronwright_api.tasks.written import change_of

NOW = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
ASKED = PreviewRequest(2, NOW)
UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"


def of(**attributes: Any) -> Any:
    return preview(None, drafted(attributes, "default"), ASKED, NOW)


def test_what_is_asked_for() -> None:
    assert parse_preview([], NOW) == PreviewRequest(5, NOW)
    pairs = [("count", "100"), ("from", "2028-02-28T23:00:00+01:00")]
    assert parse_preview(pairs, NOW) == PreviewRequest(100, datetime(2028, 2, 28, 22, tzinfo=UTC))


@pytest.mark.parametrize(
    ("pairs", "parameter"),
    [
        ([("count", "0")], "count"),
        ([("count", "101")], "count"),
        ([("count", "x")], "count"),
        ([("count", "1"), ("count", "2")], "count"),
        ([("from", "tomorrow")], "from"),
        ([("from", "2027-01-04T08:00:00")], "from"),
        ([("from", "9999-01-04T08:00:00Z")], "from"),
        ([("until", "x")], "until"),
    ],
)
def test_what_can_not_be_asked_for(pairs: list[tuple[str, str]], parameter: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_preview(pairs, NOW)
    assert caught.value.parameter == parameter


def test_a_schedule_alone() -> None:
    assert of(schedule="30 2 * * *", time_zone="Europe/Berlin") == {
        "description": "every day at 02:30 Europe/Berlin",
        "from": "2027-01-04T08:00:00Z",
        "next_runs": ["2027-01-05T01:30:00Z", "2027-01-06T01:30:00Z"],
        "is_active": True,
        "plan": {
            "kind": "cron",
            "schedule": "30 2 * * *",
            "time_zone": "Europe/Berlin",
            "starting_deadline_seconds": 3600,
        },
        "clock_changes": [
            {
                "at": "2027-03-28T01:00:00Z",
                "kind": "gap",
                "sentence": "On 2027-03-28 clocks in Europe/Berlin go from 02:00 to 03:00: no run for 02:30.",
                "local_times": [{"local": "2027-03-28T02:30", "runs": []}],
                "local_times_total": 1,
            },
            {
                "at": "2027-10-31T01:00:00Z",
                "kind": "repeat",
                "sentence": "On 2027-10-31 clocks in Europe/Berlin go back from 03:00 to 02:00: two runs for 02:30.",
                "local_times": [
                    {"local": "2027-10-31T02:30", "runs": ["2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"]}
                ],
                "local_times_total": 1,
            },
        ],
        "effects": ["The first run is that of 2027-01-05T01:30:00Z."],
    }


@pytest.mark.parametrize(
    ("attributes", "kind", "schedule", "effect"),
    [
        ({"schedule": "@every 90s"}, "every", "@every 1m30s", "The first run is that of 2027-01-04T08:01:30Z."),
        ({"schedule": "@every 7s"}, "loop", None, "The first run is that of 2027-01-04T08:00:02Z."),
        ({"schedule": "@manual"}, "manual", "0 0 1 1 *", "No run starts by itself."),
        ({"schedule": "@daily", "is_active": False}, "cron", "0 0 * * *", "No run starts by itself."),
        (
            {"schedule": "H H * * *", "name": "a"},
            "cron",
            "20 13 * * *",
            "The first run is that of 2027-01-04T13:20:00Z.",
        ),
    ],
)
def test_plans(attributes: dict[str, Any], kind: str, schedule: str | None, effect: str) -> None:
    said = of(**attributes)
    assert (said["plan"]["kind"], said["plan"]["schedule"], said["effects"]) == (kind, schedule, [effect])


@pytest.mark.parametrize(
    ("attributes", "pointer"),
    [
        ({}, "schedule"),
        ({"schedule": "0 0 31 2 *"}, "schedule"),
        ({"schedule": "H 3 * * *"}, "name"),
        ({"schedule": "@daily", "time_zone": "X/Y"}, "time_zone"),
        ({"schedule": "@every 5s", "concurrency_policy": "Replace"}, "concurrency_policy"),
        ({"schedule": "@daily", "color": "red"}, "color"),
    ],
)
def test_what_can_not_be_is_refused_as_a_post_is(attributes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        of(**attributes)
    assert caught.value.pointer == f"/data/attributes/{pointer}"


def test_an_edit() -> None:
    before: Any = {
        "metadata": {"name": "export", "namespace": "shop", "uid": UID, "resourceVersion": "1"},
        "spec": {"schedule": "@daily", "actionName": "http"},
    }

    def edited(**attributes: Any) -> Any:
        after = {**before, "spec": change_of(before, attributes).spec}
        return preview(before, after, ASKED, NOW)["effects"]

    assert edited(schedule="@hourly")[0].startswith("It runs every hour instead of every day at 00:00 UTC")
    assert edited(label="x") == [
        "Runs that start from now on have the new settings; one that is under way keeps the old ones."
    ]
    before["spec"]["timeZone"] = "Mars/Olympus"
    (said,) = edited(time_zone="Asia/Tokyo")
    assert said.startswith("The Task as it is now is not in force: time_zone")
