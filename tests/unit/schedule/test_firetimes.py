"""Fire times by name: the rules that people ask about. That they are Kubernetes' own is for tests/oracle to show."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron, parse
from cronwright.schedule.hashes import resolve

NEXT = {
    "every minute": ("* * * * *", "Etc/UTC", "2026-11-24T10:00:00", ["2026-11-24T10:01:00", "2026-11-24T10:02:00"]),
    "a part of a second before": ("0 * * * *", "Etc/UTC", "2026-11-24T09:59:59.9", ["2026-11-24T10:00:00"]),
    "zone": ("0 3 * * *", "Asia/Kolkata", "2026-11-24T00:00:00", ["2026-11-24T21:30:00"]),
    "weekdays": ("0 9 * * 1-5", "Etc/UTC", "2026-11-27T10:00:00", ["2026-11-30T09:00:00"]),
    "7 is Sunday": ("0 0 * * 7", "Etc/UTC", "2026-11-24T00:00:00", ["2026-11-29T00:00:00"]),
    "both days: either": (
        "0 0 13 * 5",
        "Etc/UTC",
        "2026-11-06T00:00:00",
        [
            "2026-11-13T00:00:00",
            "2026-11-20T00:00:00",
            "2026-11-27T00:00:00",
            "2026-12-04T00:00:00",
            "2026-12-11T00:00:00",
            "2026-12-13T00:00:00",
        ],
    ),
    "a stepped star is no star: either": (
        "0 0 */15 * 1",
        "Etc/UTC",
        "2026-11-29T12:00:00",
        ["2026-11-30T00:00:00", "2026-12-01T00:00:00", "2026-12-07T00:00:00"],
    ),
    "a step of one is a star: both": (
        "0 0 */1 * 1",
        "Etc/UTC",
        "2026-11-29T12:00:00",
        ["2026-11-30T00:00:00", "2026-12-07T00:00:00"],
    ),
    "leap days": ("0 0 29 2 *", "Etc/UTC", "2026-01-01T00:00:00", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
    "no leap day within five years": ("0 0 29 2 *", "Etc/UTC", "2096-03-01T00:00:00", []),
    "an hour that doesn't exist": ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00", ["2026-03-30T00:30:00"]),
    "an hour that occurs twice": (
        "30 2 * * *",
        "Europe/Berlin",
        "2026-10-24T12:00:00",
        ["2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-26T01:30:00"],
    ),
    "every hour on the day that has 25": (
        "0 * * * *",
        "Europe/Berlin",
        "2026-10-24T23:30:00",
        ["2026-10-25T00:00:00", "2026-10-25T01:00:00", "2026-10-25T02:00:00"],
    ),
    "a midnight that doesn't exist, behind UTC": (
        "0 0 * * *",
        "America/Santiago",
        "2026-09-05T12:00:00",
        ["2026-09-07T03:00:00"],
    ),
    "a Friday whose midnight doesn't exist is passed over": (
        "0 12 * * 5",
        "Africa/Cairo",
        "2026-04-17T12:00:00",
        ["2026-05-01T09:00:00"],
    ),
    "a day that doesn't exist": ("0 12 * * 5", "Pacific/Apia", "2011-12-26T00:00:00", ["2012-01-05T22:00:00"]),
    "a clock that goes back over a part of an hour": (
        "7 3-20 * * *",
        "Pacific/Chatham",
        "2026-04-04T14:00:00",
        ["2026-04-04T14:22:00", "2026-04-04T15:22:00"],
    ),
    "a preset": ("@monthly", "Europe/Berlin", "2026-11-24T00:00:00", ["2026-11-30T23:00:00", "2026-12-31T23:00:00"]),
    "an interval": ("@every 36h", "Etc/UTC", "2026-11-24T00:00:00", ["2026-11-25T12:00:00", "2026-11-27T00:00:00"]),
    "only on request": ("@manual", "Etc/UTC", "2026-11-24T00:00:00", []),
}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("text", "zone", "after", "expected"), NEXT.values(), ids=NEXT.keys())
def test_next(text: str, zone: str, after: str, expected: list[str]) -> None:
    fire_times = FireTimes(parse(text), zone)
    found: list[datetime] = []
    at = fire_times.next(_at(after))
    while at is not None and len(found) < max(1, len(expected)):
        found.append(at)
        at = fire_times.next(at)
    assert found == [_at(each) for each in expected]


LAST = {
    "on it": ("0 3 * * *", "Etc/UTC", "2026-11-24T03:00:00", "2026-11-24T03:00:00"),
    "a second before": ("0 3 * * *", "Etc/UTC", "2026-11-24T02:59:59", "2026-11-23T03:00:00"),
    "a part of a second after": ("0 3 * * *", "Etc/UTC", "2026-11-24T03:00:00.5", "2026-11-24T03:00:00"),
    "a year back": ("@yearly", "Etc/UTC", "2026-12-31T00:00:00", "2026-01-01T00:00:00"),
    "leap day": ("0 0 29 2 *", "America/New_York", "2027-01-01T00:00:00", "2024-02-29T05:00:00"),
    "an hour that occurred twice": ("30 2 * * *", "Europe/Berlin", "2026-10-25T12:00:00", "2026-10-25T01:30:00"),
    "the first of the two": ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:00:00", "2026-10-25T00:30:00"),
    "an hour that didn't exist": ("30 2 * * *", "Europe/Berlin", "2026-03-29T12:00:00", "2026-03-28T01:30:00"),
    "a Friday that was passed over": ("0 12 * * 5", "Africa/Cairo", "2026-04-25T00:00:00", "2026-04-17T10:00:00"),
    "a leap day that was passed over, since the search for it had lost an hour in October": (
        "0 0 29-31/2 2,4 *",
        "America/Asuncion",
        "1996-02-29T12:50:05",
        "1995-04-29T04:00:00",
    ),
    "one minute of a Friday that a search for Thursday came into": (
        "9-22 1 * * 0-4",
        "Asia/Amman",
        "2022-02-25T12:00:00",
        "2022-02-24T22:09:00",
    ),
    "an interval": ("@every 7m", "Etc/UTC", "2026-11-24T00:00:00", "2026-11-23T23:56:00"),
    "only on request": ("@manual", "Etc/UTC", "2026-11-24T00:00:00", None),
}


@pytest.mark.parametrize(("text", "zone", "at", "expected"), LAST.values(), ids=LAST.keys())
def test_at_or_before(text: str, zone: str, at: str, expected: str | None) -> None:
    assert FireTimes(parse(text), zone).at_or_before(_at(at)) == (None if expected is None else _at(expected))


def test_at_or_before_looks_no_further_back_than_asked() -> None:
    for text in ("0 3 * * *", "@every 24h"):
        fire_times = FireTimes(parse(text))
        last = fire_times.at_or_before(_at("2026-11-24T12:00:00"))
        assert last is not None
        assert fire_times.at_or_before(_at("2026-11-24T12:00:00"), not_before=last) == last
        assert fire_times.at_or_before(_at("2026-11-24T12:00:00"), not_before=last + timedelta(microseconds=1)) is None


def test_between_is_after_the_one_up_to_the_other_and_no_more_than_the_limit() -> None:
    fire_times = FireTimes(parse("0 * * * *"))
    ten, twelve = _at("2026-11-24T10:00:00"), _at("2026-11-24T12:00:00")
    assert fire_times.between(ten, twelve, 9) == [_at("2026-11-24T11:00:00"), twelve]
    assert fire_times.between(ten, twelve, 1) == [_at("2026-11-24T11:00:00")]
    assert fire_times.between(ten, twelve, 0) == []


IS_FIRE_TIME = {
    "on it": ("0 3 * * *", "Europe/Berlin", "2026-11-24T02:00:00", True),
    "a second late": ("0 3 * * *", "Europe/Berlin", "2026-11-24T02:00:01", False),
    "a part of a second late": ("0 3 * * *", "Europe/Berlin", "2026-11-24T02:00:00.000001", False),
    "another minute": ("0 3 * * *", "Europe/Berlin", "2026-11-24T02:01:00", False),
    "on the grid": ("@every 7m", "Etc/UTC", "2026-11-23T23:56:00", True),
    "off the grid": ("@every 7m", "Etc/UTC", "2026-11-24T00:00:00", False),
    "the local time fits, so Kubernetes may have started it": (
        "0 12 * * 5",
        "Africa/Cairo",
        "2026-04-24T09:00:00",
        True,
    ),
    "Kubernetes starts it though it is Sunday by then": ("0 1 * * 6", "America/Sao_Paulo", "2018-11-04T03:00:00", True),
    "only on request": ("@manual", "Etc/UTC", "2026-11-24T00:00:00", False),
}


@pytest.mark.parametrize(("text", "zone", "at", "expected"), IS_FIRE_TIME.values(), ids=IS_FIRE_TIME.keys())
def test_is_fire_time(text: str, zone: str, at: str, expected: bool) -> None:
    assert FireTimes(parse(text), zone).is_fire_time(_at(at)) is expected


def _unix(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


SCHEDULES = st.sampled_from(
    [
        "* * * * *",
        "*/7 * * * *",
        "0 * * * *",
        "30 2 * * *",
        "0 0 * * *",
        "15 1,23 * * 5",
        "0 0 1 * *",
        "0 12 31 * 0",
        "59 23 29 2 *",
        "@every 90s",
        "@every 36h",
    ]
)
ZONES = st.sampled_from(
    [
        "Etc/UTC",
        "Europe/Berlin",
        "Africa/Cairo",
        "America/Santiago",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
    ]
)
INSTANTS = st.integers(_unix(1990), _unix(2090)).map(lambda unix: datetime.fromtimestamp(unix, UTC))


@settings(deadline=None)
@given(text=SCHEDULES, zone=ZONES, at=INSTANTS)
def test_next_is_later_and_each_next_after_it(text: str, zone: str, at: datetime) -> None:
    fire_times = FireTimes(parse(text), zone)
    for _ in range(5):
        found = fire_times.next(at)
        if found is None:
            break
        assert found > at
        assert found.microsecond == found.second % 30 == 0
        at = found


@settings(deadline=None)
@given(text=SCHEDULES, zone=ZONES, at=INSTANTS)
def test_the_last_fire_time_is_the_one_before_the_next(text: str, zone: str, at: datetime) -> None:
    fire_times = FireTimes(parse(text), zone)
    last = fire_times.at_or_before(at)
    if last is not None:
        assert last <= at
        assert fire_times.is_fire_time(last)
        assert fire_times.at_or_before(last) == last
        following = fire_times.next(last)
        assert following is None or following > at


FIELDS_THAT_LOOK_ALIKE = [
    "*",
    "*/1",
    "*/2",
    "*/90",
    "5",
    "5-5",
    "5/2",
    "5/90",
    "1-3/2",
    "1-3/90",
    "3-6",
    "1,*",
    "1-6",
    "6/1",
]


@pytest.mark.parametrize(
    "text",
    [
        *(f"{field} {field} {field} {field} {field}" for field in FIELDS_THAT_LOOK_ALIKE),
        "0-59 0-23 1-31 1-12 0-6",
        "0 0 * jan,dec sun-sat",
        "0 0 * * 5-7/2",
        "0 0 * * 0-7",
        "0 0 * * 7/3",
    ],
)
def test_croniter_and_our_own_fields_name_the_same_numbers(text: str) -> None:
    """A search expands the fields with croniter; whether an instant is a fire time is asked of our own."""
    schedule = parse(text)
    assert isinstance(schedule, Cron)
    fire_times = FireTimes(schedule)
    assert fire_times._search == fire_times._fields


def test_an_unresolved_h_has_no_fire_times() -> None:
    with pytest.raises(ValueError, match="before it is resolved"):
        FireTimes(parse("H 3 * * *"))


def test_a_resolved_h_has() -> None:
    schedule = parse("H H(1-4) * * *")
    assert isinstance(schedule, Cron)
    found = FireTimes(resolve(schedule, "default", "mail-sync")).next(_at("2026-11-24T00:00:00"))
    assert found is not None
    assert 1 <= found.hour <= 4


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ValueError, match="not in the time zone database"):
        FireTimes(parse("@daily"), "Mars/Olympus")


def test_a_runner_learns_whether_it_is_due_without_croniter() -> None:
    """The import of croniter takes longer than all else of a runner's start."""
    program = """
import sys
from datetime import UTC, datetime
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import parse
minute = datetime(2026, 11, 24, 2, tzinfo=UTC)
assert FireTimes(parse("0 3 * * *"), "Europe/Berlin").is_fire_time(minute)
assert FireTimes(parse("@every 90s")).is_fire_time(minute)
assert "croniter" not in sys.modules
assert FireTimes(parse("0 3 * * *")).next(minute)
assert "croniter" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
