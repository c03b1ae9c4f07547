"""The windows of a loop: when they open, and that each tick has exactly one owner."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.plan.windows import Ownership, Ticks, Windows, ticks_between, windows_of
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Every, parse

EIGHT = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)

LENGTHS = [seconds for seconds in range(60, 3601, 60) if 3600 % seconds == 0]


def at(time: str) -> datetime:
    """Return a time of that day, as 08:17 or 08:17:30."""
    return datetime.fromisoformat(f"2027-01-04T{time}+00:00")


LINES: dict[str, tuple[Windows, str]] = {
    "an hour": (Windows(3600, 17 * 60), "17 * * * *"),
    "an hour from minute 0": (Windows(3600, 0), "0 * * * *"),
    "ten minutes": (Windows(600, 3 * 60), "3-59/10 * * * *"),
    "two minutes": (Windows(120, 60), "1-59/2 * * * *"),
    "a minute": (Windows(60, 0), "* * * * *"),
}


@pytest.mark.parametrize(("windows", "line"), LINES.values(), ids=LINES)
def test_one_line_says_when_they_open(windows: Windows, line: str) -> None:
    assert windows.cron_line() == line


@given(
    st.sampled_from(LENGTHS).flatmap(
        lambda length: st.tuples(st.just(length), st.integers(0, length // 60 - 1).map(lambda minutes: minutes * 60))
    ),
    st.integers(0, 86_400),
)
def test_the_line_fires_at_the_openings_and_only_then(shape: tuple[int, int], seconds: int) -> None:
    windows, now = Windows(*shape), EIGHT + timedelta(seconds=seconds)
    fires = FireTimes(parse(windows.cron_line()), "Etc/UTC")
    opening = windows.opened_at_or_before(now)
    assert windows.opens_at(opening)
    assert fires.is_fire_time(opening)
    assert fires.next(opening) == opening + timedelta(seconds=windows.length)
    assert opening <= now < opening + timedelta(seconds=windows.length)


MARGINS = {3600: 300, 1200: 300, 600: 150, 120: 30, 60: 15}


@pytest.mark.parametrize(("length", "margin"), MARGINS.items())
def test_the_margin_is_a_quarter_of_a_short_window(length: int, margin: int) -> None:
    assert Windows(length, 0).margin == timedelta(seconds=margin)


HOURLY = Windows(3600, 17 * 60)

OWNED: dict[str, tuple[str, str, Ownership]] = {
    "the first owns from the plan's start": ("08:17", "08:30:05", Ownership(at("08:30:05"), at("09:22"))),
    "the first, started within the margin": ("08:17", "08:18", Ownership(at("08:18"), at("09:22"))),
    "the first, started as it opens": ("08:17", "08:17", Ownership(at("08:17"), at("09:22"))),
    "the next owns from its margin on": ("09:17", "08:30:05", Ownership(at("09:22"), at("10:22"))),
    "the one before the plan's start": ("07:17", "08:30:05", Ownership(at("07:22"), at("08:22"))),
}


@pytest.mark.parametrize(("opened", "start", "owned"), OWNED.values(), ids=OWNED)
def test_what_a_window_owns(opened: str, start: str, owned: Ownership) -> None:
    assert HOURLY.owned(at(opened), at(start)) == owned


@given(
    length=st.sampled_from(LENGTHS),
    offset=st.integers(0, 59),
    start=st.integers(0, 86_400),
    interval=st.integers(1, 7 * 3600),
    after=st.integers(0, 6 * 3600),
)
def test_each_tick_from_the_start_on_has_exactly_one_owner(
    length: int, offset: int, start: int, interval: int, after: int
) -> None:
    windows = Windows(length, offset * 60 % length)
    began = EIGHT + timedelta(seconds=start)
    ticks = ticks_between(
        Every(interval), began + timedelta(seconds=after), began + timedelta(seconds=after + 8 * 3600)
    )
    if ticks is None:
        return
    tick = ticks.first
    first, last = windows.opened_at_or_before(began), windows.opened_at_or_before(tick)
    opened = [
        first + timedelta(seconds=length * number)
        for number in range(int((last - first).total_seconds()) // length + 1)
    ]
    assert sum(windows.owned(opening, began).owns(tick) for opening in opened) == 1


@given(st.uuids().map(str), st.sampled_from(LENGTHS))
def test_the_offset_is_a_whole_minute_of_the_window_and_always_the_same(uid: str, length: int) -> None:
    windows = windows_of(uid, length)
    assert windows == windows_of(uid, length)
    assert windows.offset % 60 == 0
    assert 0 <= windows.offset < length


@pytest.mark.parametrize("length", [0, 30, 90, 420, 7200, 3660])
def test_a_length_that_does_not_divide_the_hour_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="write 3600, 1800 or 600"):
        windows_of("uid", length)


STRETCHES: dict[str, tuple[int, str, str, Ticks | None]] = {
    "from a tick on, up to one": (5, "08:00:00", "08:00:15", Ticks(at("08:00:00"), at("08:00:10"), 3)),
    "between ticks": (5, "08:00:01", "08:00:14", Ticks(at("08:00:05"), at("08:00:10"), 2)),
    "one alone": (60, "08:00:01", "08:01:01", Ticks(at("08:01:00"), at("08:01:00"), 1)),
    "none": (60, "08:00:01", "08:01:00", None),
    "nothing": (5, "08:00:00", "08:00:00", None),
    "the wrong way round": (5, "08:00:10", "08:00:00", None),
}


@pytest.mark.parametrize(("seconds", "first", "end", "expected"), STRETCHES.values(), ids=STRETCHES)
def test_the_ticks_of_a_stretch(seconds: int, first: str, end: str, expected: Ticks | None) -> None:
    assert ticks_between(Every(seconds), at(first), at(end)) == expected
