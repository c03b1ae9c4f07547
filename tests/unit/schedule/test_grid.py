"""The grid of `@every`, and the intervals that one cron line says as well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Every, parse
from cronwright.schedule.grid import exact_cron_line, go_duration, next_tick, tick_at_or_before

MINUTE, HOUR, DAY = 60, 3600, 86400  # seconds

EXACT_LINES = {
    MINUTE: "* * * * *",
    2 * MINUTE: "*/2 * * * *",
    5 * MINUTE: "*/5 * * * *",
    30 * MINUTE: "*/30 * * * *",
    HOUR: "0 * * * *",
    2 * HOUR: "0 */2 * * *",
    6 * HOUR: "0 */6 * * *",
    12 * HOUR: "0 */12 * * *",
    DAY: "0 0 * * *",
    7 * DAY: "0 0 * * 4",
}
NOT_EXACT = {
    "a second": 1,
    "half a minute": 30,
    "90 seconds": 90,
    "7 minutes": 7 * MINUTE,
    "45 minutes": 45 * MINUTE,
    "90 minutes": 90 * MINUTE,
    "5 hours": 5 * HOUR,
    "36 hours": 36 * HOUR,
    "2 days": 2 * DAY,
    "14 days": 14 * DAY,
    "a year": 365 * DAY,
}


@pytest.mark.parametrize(("seconds", "line"), EXACT_LINES.items())
def test_exact(seconds: int, line: str) -> None:
    assert exact_cron_line(Every(seconds)) == line


@pytest.mark.parametrize("seconds", NOT_EXACT.values(), ids=NOT_EXACT.keys())
def test_not_exact(seconds: int) -> None:
    assert exact_cron_line(Every(seconds)) is None


@settings(deadline=None)
@given(
    seconds=st.one_of(st.sampled_from(sorted(EXACT_LINES)), st.integers(1, 400_000).map(lambda count: count * 60)),
    start=st.integers(10**9, 3 * 10**9).map(lambda unix: datetime.fromtimestamp(unix, UTC)),
)
def test_an_exact_line_has_the_ticks_of_the_grid_for_weeks(seconds: int, start: datetime) -> None:
    line = exact_cron_line(Every(seconds))
    if line is not None:
        until = start + timedelta(weeks=5)
        assert FireTimes(parse(line)).between(start, until, 3000) == FireTimes(Every(seconds)).between(
            start, until, 3000
        )


TICKS = {
    "on a tick": (90, "2026-11-24T00:01:30", "2026-11-24T00:01:30", "2026-11-24T00:03:00"),
    "between": (90, "2026-11-24T00:02:59", "2026-11-24T00:01:30", "2026-11-24T00:03:00"),
    "a part of a second after": (30, "2026-11-24T00:00:30.000001", "2026-11-24T00:00:30", "2026-11-24T00:01:00"),
    "7 minutes, not from midnight": (420, "2026-11-24T00:00:00", "2026-11-23T23:56:00", "2026-11-24T00:03:00"),
    "36 hours": (36 * HOUR, "2026-11-24T23:59:59", "2026-11-24T00:00:00", "2026-11-25T12:00:00"),
    "the epoch": (36 * HOUR, "1970-01-01T00:00:00", "1970-01-01T00:00:00", "1970-01-02T12:00:00"),
    "before the epoch": (HOUR, "1969-12-31T23:30:00", "1969-12-31T23:00:00", "1970-01-01T00:00:00"),
}


@pytest.mark.parametrize(("seconds", "at", "before", "after"), TICKS.values(), ids=TICKS.keys())
def test_ticks(seconds: int, at: str, before: str, after: str) -> None:
    every = Every(seconds)
    assert tick_at_or_before(every, _at(at)) == _at(before)
    assert next_tick(every, _at(at)) == _at(after)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_ticks_are_in_utc_whatever_zone_was_asked_in() -> None:
    tick = tick_at_or_before(
        Every(HOUR), datetime(2026, 11, 24, 12, 45, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    )
    assert tick.isoformat() == "2026-11-24T07:00:00+00:00"


GO_DURATIONS = {
    1: "1s",
    59: "59s",
    60: "1m0s",
    90: "1m30s",
    420: "7m0s",
    3600: "1h0m0s",
    3661: "1h1m1s",
    36 * HOUR: "36h0m0s",
    8760 * HOUR: "8760h0m0s",
}


@pytest.mark.parametrize(("seconds", "text"), GO_DURATIONS.items())
def test_go_duration(seconds: int, text: str) -> None:
    assert go_duration(seconds) == text


@settings(deadline=None)
@given(seconds=st.integers(1, 8760 * HOUR))
def test_a_go_duration_is_read_back(seconds: int) -> None:
    assert parse(f"@every {go_duration(seconds)}") == Every(seconds)
