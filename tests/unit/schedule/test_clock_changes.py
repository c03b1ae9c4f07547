"""The local times that a change of clocks leaves out or repeats, and the runs that there are for them."""

from datetime import UTC, datetime

import pytest

from cronwright.schedule.clock_changes import clock_changes, say
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import parse

NOW = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
LATER = datetime(2028, 1, 4, 8, 0, tzinfo=UTC)

SAID = [
    (
        "so many times that not all are said",
        "*/5 2 * 3 0",
        "Europe/Berlin",
        [
            "On 2027-03-28 clocks in Europe/Berlin go from 02:00 to 03:00: "
            "no run for 02:00, 02:05, 02:10, 02:15 and 8 more."
        ],
    ),
    ("not touched", "0 12 * * *", "Europe/Berlin", []),
    ("a zone without changes", "30 2 * * *", "Asia/Tokyo", []),
    ("an interval", "@every 90s", "Etc/UTC", []),
    ("on request", "@manual", "Europe/Berlin", []),
    (
        "the hour that is left out and the one that comes twice",
        "30 2 * * *",
        "Europe/Berlin",
        [
            "On 2027-03-28 clocks in Europe/Berlin go from 02:00 to 03:00: no run for 02:30.",
            "On 2027-10-31 clocks in Europe/Berlin go back from 03:00 to 02:00: two runs for 02:30.",
        ],
    ),
    (
        "many times of the hour",
        "*/20 2 * * *",
        "Europe/Berlin",
        [
            "On 2027-03-28 clocks in Europe/Berlin go from 02:00 to 03:00: no run for 02:00, 02:20 and 02:40.",
            "On 2027-10-31 clocks in Europe/Berlin go back from 03:00 to 02:00: two runs for 02:00, 02:20 and 02:40.",
        ],
    ),
    (
        "one of the two days only",
        "30 2 * 3 0",
        "Europe/Berlin",
        ["On 2027-03-28 clocks in Europe/Berlin go from 02:00 to 03:00: no run for 02:30."],
    ),
    (
        "half an hour, in the southern summer",
        "45 1 * 4 *",
        "Australia/Lord_Howe",
        ["On 2027-04-04 clocks in Australia/Lord_Howe go back from 02:00 to 01:30: two runs for 01:45."],
    ),
]


@pytest.mark.parametrize(("name", "schedule", "zone", "sentences"), SAID, ids=[name for name, *_ in SAID])
def test_what_is_said(name: str, schedule: str, zone: str, sentences: list[str]) -> None:
    assert [say(change, zone) for change in clock_changes(FireTimes(parse(schedule), zone), NOW, LATER)] == sentences


def test_the_runs_of_a_repeated_time_are_fire_times() -> None:
    fire_times = FireTimes(parse("30 2 * * *"), "Europe/Berlin")
    gap, repeat = clock_changes(fire_times, NOW, LATER)
    assert (gap.kind, gap.at, gap.affected[0].runs) == ("gap", datetime(2027, 3, 28, 1, tzinfo=UTC), ())
    assert gap.affected[0].local == datetime(2027, 3, 28, 2, 30)  # noqa: DTZ001 - a local time has no zone
    assert repeat.affected[0].runs == (
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 30, tzinfo=UTC),
    )
    assert all(fire_times.is_fire_time(run) for run in repeat.affected[0].runs)
