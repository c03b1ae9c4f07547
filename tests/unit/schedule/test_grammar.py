"""Which schedules and zones are taken, what they become, and the sentence that refuses the others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from cronwright.schedule import fields
from cronwright.schedule.errors import ScheduleError
from cronwright.schedule.grammar import Cron, Every, Manual, Schedule, check_time_zone, parse

SHARED_TABLE = Path(__file__).parent / "schedules.tsv"


class Row(NamedTuple):
    """A row of the table that the API server's schema is held to, too. No `refusal`: taken."""

    schedule: str
    time_zone: str | None
    refusal: str
    why: str


def shared_rows() -> list[Row]:
    """The rows about `schedule` and `timeZone` alone, where the schedule is a text."""
    rows = []
    for line in SHARED_TABLE.read_text().splitlines():
        if line.startswith("#"):
            continue
        verdict, change, refusal, why = line.split("\t")
        assert (verdict == "bad") == bool(refusal), why
        spec = json.loads(change)
        if spec.keys() <= {"schedule", "timeZone"} and isinstance(spec["schedule"], str):
            rows.append(Row(spec["schedule"], spec.get("timeZone"), refusal, why))
    return rows


def without_values(sentence: str) -> str:
    """The sentence without what a person wrote, so that it is the same for each case of a mistake."""
    return re.sub(r'"[^"]*"', '"..."', sentence)


def _refusal(schedule: str, time_zone: str | None = None) -> ScheduleError | None:
    try:
        check_time_zone(parse(schedule), time_zone)
    except ScheduleError as refused:
        return refused
    return None


@pytest.mark.parametrize("row", [pytest.param(row, id=row.why) for row in shared_rows()])
def test_verdict_and_text_of_the_shared_table(row: Row) -> None:
    refused = _refusal(row.schedule, row.time_zone)
    if not row.refusal:
        assert refused is None
    else:
        assert refused is not None
        # The API server puts the field's path before the sentence.
        assert row.refusal in f"spec.{refused.field}: {refused}"


# What the schema can't see, or says in words of its own.
REFUSED_HERE = {
    "a day that none of several months has": (
        "0 0 31 4,jun,9-9 *",
        None,
        "day 31 does not exist in month 4,jun,9-9, so the task would never run;"
        " write a day that the month has, such as 28",
    ),
    "a stepped range of days": (
        "0 0 30-31/1 2 ?",
        None,
        "day 30-31/1 does not exist in month 2, so the task would never run;"
        " write a day that the month has, such as 28",
    ),
    "a day of a stepped month": (
        "0 0 31 2/9 *",
        None,
        "day 31 does not exist in month 2/9, so the task would never run; write a day that the month has, such as 28",
    ),
    "a hashed day that no February has": (
        "0 0 H(30-31) 2 *",
        None,
        "day H(30-31) does not exist in month 2, so the task would never run;"
        " write a day that the month has, such as 28",
    ),
    "a hashed month that may be too short": (
        "0 0 31 H *",
        None,
        "day 31 may not exist in month H, so the task might never run;"
        " write a day that each of the months has, such as 28",
    ),
    "a list that is too long": (
        ",".join(["0"] * 60) + " 0 * * *",
        None,
        "schedule is 127 characters long, more than the 120 that it may have; write ranges and steps such as 0-30/5 in"
        " place of long lists",
    ),
    "a hashed range that is reversed": (
        "H(5-3) 0 * * *",
        None,
        'schedule "H(5-3) 0 * * *" holds a range that ends before it starts; write the smaller one first, and Sunday at'
        " the end of a range as 7, such as fri-7",
    ),
    "a zone that doesn't exist": (
        "@daily",
        "Mars/Olympus",
        'timeZone "Mars/Olympus" is not in the time zone database; write a name that is, such as Europe/Berlin,'
        " America/New_York or Etc/UTC",
    ),
    "a zone in other capitals": (
        "@daily",
        "europe/berlin",
        'timeZone "europe/berlin" has other capitals in the time zone database; write Europe/Berlin',
    ),
    "a zone beside @manual": (
        "@manual",
        "Mars/Phobos",
        'timeZone "Mars/Phobos" is not in the time zone database; write a name that is, such as Europe/Berlin,'
        " America/New_York or Etc/UTC",
    ),
    "an empty zone": (
        "@daily",
        "",
        'timeZone "" is no IANA zone; write one such as Europe/Berlin, America/New_York or Etc/UTC',
    ),
    "a zone that leaves the database": (
        "@daily",
        "../etc/passwd",
        'timeZone "../etc/passwd" is no IANA zone; write one such as Europe/Berlin, America/New_York or Etc/UTC',
    ),
}


@pytest.mark.parametrize(("schedule", "time_zone", "sentence"), REFUSED_HERE.values(), ids=REFUSED_HERE.keys())
def test_refused_by_core_alone(schedule: str, time_zone: str | None, sentence: str) -> None:
    assert str(_refusal(schedule, time_zone)) == sentence


def test_an_error_says_field_value_problem_and_remedy() -> None:
    refused = _refusal("60 * * * *")
    assert refused is not None
    assert (refused.field, refused.value) == ("schedule", "60 * * * *")
    assert refused.problem == 'minute "60" goes beyond 59'
    assert refused.remedy == "write 0 to 59, such as 0, 0,30, 10-20, */15 or H"
    assert str(refused) == f"{refused.problem}; {refused.remedy}"


# One schedule for each mistake that a person can make.
MISTAKES = {
    "nothing": ("", None),
    "four fields": ("* * * *", None),
    "six fields": ("0 */5 * * * *", None),
    "two lines": ("0 3 * * *\n0 4 * * *", None),
    "too long": ("0," * 60 + "0 * * * *", None),
    "a zone inside": ("CRON_TZ=UTC 0 3 * * *", None),
    **{
        f"{mistake} as {kind.word}": (" ".join(text if each is kind else "*" for each in fields.KINDS), None)
        for kind in fields.KINDS
        for mistake, text in {
            "a number beyond": str(kind.high + 1),
            "a range beyond": f"1-{kind.high + 1}",
            "a negative number": "-1",
            "no step": "*/0",
            "too long a step": "*/1000",
            "a gap in a list": "1,,2",
            "another script": "\uff11",
            "a small h": "h",
            "an r": "R",
            "a word": "often",
            "no sense": "1;2",
        }.items()
    },
    "a day of the month below": ("* * 0 * *", None),
    "a month below": ("* * * 0 *", None),
    "a range of days from below": ("* * 0-5 * *", None),
    "a range of months from below": ("* * * 0-5 *", None),
    "the last day of the month": ("* * L * *", None),
    "the nearest weekday": ("* * 15W * *", None),
    "the last Friday of the month": ("* * * * 5L", None),
    "the third Friday of the month": ("* * * * 5#3", None),
    "a month spelled out": ("* * * january *", None),
    "a day spelled out": ("* * * * friday", None),
    "a reversed range": ("10-5 * * * *", None),
    "a day that doesn't exist": ("0 0 31 2 *", None),
    "a day that may not exist": ("0 0 31 H *", None),
    "an unknown preset": ("@fortnightly", None),
    "no interval": ("@every five minutes", None),
    "days": ("@every 1d", None),
    "weeks": ("@every 1w", None),
    "a sign": ("@every -5m", None),
    "no unit": ("@every 5", None),
    "no length": ("@every", None),
    "no space": ("@every5m", None),
    "a space between parts": ("@every 1h 30m", None),
    "capital units": ("@every 5M", None),
    "many digits": ("@every 99999999999999h", None),
    "a part of a second": ("@every 1.5s", None),
    "less than a second": ("@every 0s", None),
    "more than a year": ("@every 8761h", None),
    "a preset without its sign": ("daily", None),
    "an interval alone": ("30s", None),
    "no zone": ("@daily", "GMT+1:00"),
    "an unknown zone": ("@daily", "Mars/Olympus"),
    "a zone in other capitals": ("@daily", "europe/berlin"),
    "a zone beside @every": ("@every 1h", "Europe/Berlin"),
}


def test_no_two_mistakes_share_a_sentence() -> None:
    """Not even once what the person wrote is taken out of it."""
    sentences: dict[str, str] = {}
    for mistake, (schedule, time_zone) in MISTAKES.items():
        refused = _refusal(schedule, time_zone)
        assert refused is not None, mistake
        sentence = without_values(str(refused))
        assert sentence not in sentences, f"{mistake} and {sentences[sentence]}"
        sentences[sentence] = mistake


def test_no_two_mistakes_of_the_shared_table_share_a_sentence() -> None:
    """Rows are of one mistake where their third columns are alike, once what the person wrote is taken out of them."""
    mistakes: dict[str, Row] = {}
    for row in shared_rows():
        if row.refusal:
            sentence = without_values(str(_refusal(row.schedule, row.time_zone)))
            first = mistakes.setdefault(sentence, row)
            assert without_values(row.refusal) == without_values(first.refusal), (row, first)


PARSED: dict[str, tuple[str, Schedule]] = {
    "plain": ("0 3 * * *", Cron("0", "3", "*", "*", "*", has_hash=False, text="0 3 * * *")),
    "white space": ("  0\t3   *  * * ", Cron("0", "3", "*", "*", "*", has_hash=False, text="0\t3   *  * *")),
    "names in lower case": (
        "0 0 1 JAN,Jul THU",
        Cron("0", "0", "1", "jan,jul", "thu", has_hash=False, text="0 0 1 JAN,Jul THU"),
    ),
    "? is *": ("0 0 ? * 1", Cron("0", "0", "*", "*", "1", has_hash=False, text="0 0 ? * 1")),
    "H stays": ("H H(1-3)/2 * * *", Cron("H", "H(1-3)/2", "*", "*", "*", has_hash=True, text="H H(1-3)/2 * * *")),
    "the h of a name is no H": ("0 0 * * THU", Cron("0", "0", "*", "*", "thu", has_hash=False, text="0 0 * * THU")),
    "@yearly": ("@yearly", Cron("0", "0", "1", "1", "*", has_hash=False, text="@yearly")),
    "@annually": ("@annually", Cron("0", "0", "1", "1", "*", has_hash=False, text="@annually")),
    "@monthly": ("@monthly", Cron("0", "0", "1", "*", "*", has_hash=False, text="@monthly")),
    "@weekly": ("@weekly", Cron("0", "0", "*", "*", "0", has_hash=False, text="@weekly")),
    "@daily": (" @daily ", Cron("0", "0", "*", "*", "*", has_hash=False, text="@daily")),
    "@midnight": ("@midnight", Cron("0", "0", "*", "*", "*", has_hash=False, text="@midnight")),
    "@hourly": ("@hourly", Cron("0", "*", "*", "*", "*", has_hash=False, text="@hourly")),
    "@manual": ("@manual", Manual()),
    "seconds": ("@every 90s", Every(90)),
    "two units": ("@every 1h30m", Every(5400)),
    "a fraction": ("@every 1.5h", Every(5400)),
    "a fraction with zeros": ("@every 0.050h", Every(180)),
    "parts of seconds that add up": ("@every 1.25s750ms", Every(2)),
    "units in any order and twice": ("@every 30s1m30s", Every(120)),
    "milliseconds": ("@every 60000ms", Every(60)),
    "the most": ("@every 8760h", Every(31_536_000)),
}


@pytest.mark.parametrize(("text", "schedule"), PARSED.values(), ids=PARSED.keys())
def test_parsed(text: str, schedule: Schedule) -> None:
    assert parse(text) == schedule


@pytest.mark.parametrize(
    "time_zone", [None, "UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "EST"]
)
def test_zones_that_a_cron_line_takes(time_zone: str | None) -> None:
    check_time_zone(parse("@daily"), time_zone)
