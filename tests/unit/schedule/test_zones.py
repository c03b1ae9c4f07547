"""Offsets of the pinned database, and the one thing that the table of offsets takes for granted."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import tzdata  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from cronwright.schedule import zones

DAY = 86400  # seconds


def _unix(year: int) -> int:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())


def _changes(name: str) -> list[int]:
    """The changes that the zone's file lists, by RFC 8536: those of its second block, in 64 bits."""
    data = (Path(tzdata.__file__).parent / "zoneinfo").joinpath(*name.split("/")).read_bytes()

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[at + 20 : at + 44])

    utc, std, leap, time, kind, text = counts(0)
    second = 44 + time * 5 + kind * 6 + text + leap * 8 + std + utc
    time = counts(second)[3]
    return list(struct.unpack(f">{time}q", data[second + 44 : second + 44 + time * 8]))


def test_no_zone_changes_its_offset_twice_within_a_day() -> None:
    """The table looks at each day's beginning and end; what comes and goes in between it would not see."""
    for name in sorted(zones.names()):
        recent = [change for change in _changes(name) if change > _unix(1970)]
        for one, two in pairwise(recent):
            assert two - one > DAY, f"{name} at {datetime.fromtimestamp(one, UTC)}"


# Years for which the file lists the changes one by one; for later ones it has a rule.
LISTED = {"Europe/Berlin": (1980, 1996), "Australia/Lord_Howe": (1990, 2007), "Africa/Casablanca": (2010, 2030)}


@pytest.mark.parametrize(("name", "years"), LISTED.items())
def test_changes_are_those_of_the_file(name: str, years: tuple[int, int]) -> None:
    first, end = map(_unix, years)
    listed = {change for change in _changes(name) if first <= change < end}
    zone = zones.Zone(name)
    # Made around the one, extended to the other.
    zone.offset((first + end) // 2)
    zone.offset(end)
    found = set()
    change = zone.last_change(end, not_before=first)
    while change is not None:
        found.add(change)
        assert zone.offset(change) != zone.offset(change - 1)
        assert zone.steady_until(change - 1) == change
        change = zone.last_change(change - 1, not_before=first)
    # A file also lists changes of a name or of what counts as summer time, which leave the offset as it is.
    assert found <= listed
    assert len(found) > 25


@settings(deadline=None)
@given(
    name=st.sampled_from(["Etc/UTC", "Europe/Dublin", "America/St_Johns", "Antarctica/Troll", "Asia/Gaza"]),
    times=st.lists(st.integers(_unix(1975), _unix(2200)), max_size=6),
)
def test_offsets_in_whatever_order_they_are_asked(name: str, times: list[int]) -> None:
    zone = zones.Zone(name)
    for time in times:
        offset = datetime.fromtimestamp(time, ZoneInfo(name)).utcoffset()
        assert offset is not None
        assert zone.offset(time) == offset.total_seconds()


def test_the_database_says_its_version() -> None:
    assert zones.version() == tzdata.IANA_VERSION
