"""What the timeline shows of a run: rows as the API sends them → cells, lines and order."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from cronwright.jsontypes import JSON
from cronwright.reasons import Outcome
from cronwright_cli.commands.timeline import parse_duration
from cronwright_cli.errors import ApiError, BadInput
from cronwright_cli.timeline.cells import (
    LOOKS,
    Setting,
    clock_time,
    columns,
    due,
    lateness,
    look_of,
    outcome_word,
    span,
    took,
)
from cronwright_cli.timeline.ledger import Ledger
from cronwright_cli.timeline.run import Run, parse_run
from cronwright_cli.timeline.table import plain_lines, rich_table

NOW = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)
UTC_SETTING = Setting(UTC, NOW)


def row(**attributes: JSON) -> Run:
    return parse_run({"type": "run", "id": attributes.pop("id", "r1"), "attributes": attributes})


SUCCEEDED = row(
    task="check_api",
    namespace="demo",
    trigger="schedule",
    scheduled_at="2027-01-04T11:58:00Z",
    started_at="2027-01-04T11:58:01.2Z",
    finished_at="2027-01-04T11:58:02Z",
    duration_ms=800,
    attempt=1,
    state="ended",
    outcome="succeeded",
    reason="Completed",
    message="200 OK",
)
FAILED = row(
    id="r2",
    task="fail-on-purpose",
    namespace="demo",
    trigger="manual",
    started_at="2027-01-04T11:59:01Z",
    duration_ms=185_000,
    outcome="failed",
    reason="ActionFailed",
    message="exit code 3\nthe disk is full",
)
RUNNING = row(
    id="r3",
    task="say-hello",
    namespace="demo",
    trigger="schedule",
    scheduled_at="2027-01-04T11:59:30Z",
    started_at="2027-01-04T11:59:31Z",
    state="running",
)


def test_lines_are_aligned_and_nothing_is_cut() -> None:
    assert plain_lines([SUCCEEDED, FAILED, RUNNING], columns("UTC", False, False), UTC_SETTING) == [
        "TIME (UTC)  TASK              TRIGGER   SCHEDULED    LATE    TOOK  OUTCOME      REASON          MESSAGE",
        "11:58:01    check_api         schedule  11:58:00    +1.2s    0.8s  + succeeded  -               200 OK",
        "11:59:01    fail-on-purpose   manual    -               -   3m05s  x failed     ActionFailed    "
        "exit code 3 the disk is full",
        "11:59:31    say-hello         schedule  11:59:30    +1.0s    29s…  * running    -               -",
    ]


def test_the_headings_say_the_zone_and_follow_the_options() -> None:
    assert [column.heading for column in columns("CET", True, True)] == [
        "TIME (CET)", "NAMESPACE", "TASK", "TRIGGER", "SCHEDULED", "LATE", "TOOK", "OUTCOME", "REASON",
        "ATTEMPT", "ACTION", "AS", "ASKED BY", "POD", "NODE", "RUN", "MESSAGE",
    ]  # fmt: skip


def test_wide_says_who_asked_for_a_run_by_hand() -> None:
    asked = row(task="backup", trigger="manual", as_user_email="ops@example.com", requested_by="jane@example.com")
    heading, *lines = plain_lines([asked, SUCCEEDED], columns("UTC", False, True), UTC_SETTING)
    at = heading.index("ASKED BY")
    assert [line[at:].split()[0] for line in lines] == ["jane@example.com", "-"]


def test_the_table_fits_a_terminal_and_wraps_only_the_message() -> None:
    written = StringIO()
    console = Console(width=110, file=written)
    console.print(rich_table([SUCCEEDED, FAILED, RUNNING], columns("UTC", False, False), UTC_SETTING))
    text = written.getvalue()
    assert max(len(line) for line in text.splitlines()) <= 110
    for word in ("check_api", "✔ succeeded", "✘ failed", "ActionFailed", "● running", "fail-on-purpose"):
        assert word in text


SPANS = {
    0: "0.0s",
    0.84: "0.8s",
    9.94: "9.9s",
    9.96: "10s",
    59.4: "59s",
    59.6: "1m00s",
    185: "3m05s",
    3599.9: "1h00m",
    7380: "2h03m",
    352_800: "4d02h",
    -5: "-5.0s",
}


@pytest.mark.parametrize("seconds", SPANS)
def test_a_span_of_time_reads(seconds: float) -> None:
    assert span(seconds) == SPANS[seconds]


def test_times_are_in_the_zone_with_a_date_where_it_is_another_day() -> None:
    berlin = Setting(ZoneInfo("Europe/Berlin"), NOW)
    assert clock_time(NOW, berlin) == "13:00:00"
    assert clock_time(datetime(2027, 1, 3, 23, 30, tzinfo=UTC), berlin) == "00:30:00"
    assert clock_time(datetime(2027, 1, 3, 22, 30, tzinfo=UTC), berlin) == "2027-01-03 23:30:00"
    assert clock_time(None, berlin) == "-"


def test_a_span_was_due_from_one_time_to_another() -> None:
    missed = row(scheduled_at="2027-01-04T11:00:05Z", last_at="2027-01-04T11:01:00Z", count=12, outcome="missed")
    assert due(missed, UTC_SETTING) == "11:00:05–11:01:00"
    one = row(scheduled_at="2027-01-04T11:00:05Z", last_at="2027-01-04T11:00:05Z", count=1, outcome="missed")
    assert due(one, UTC_SETTING) == "11:00:05"
    assert missed.at == datetime(2027, 1, 4, 11, 1, tzinfo=UTC)


def test_a_run_ahead_of_its_time_by_clock_skew_is_not_late() -> None:
    assert lateness(row(scheduled_at="2027-01-04T12:00:00Z", started_at="2027-01-04T11:59:59Z")) == "+0.0s"


def test_a_run_that_goes_on_counts_up() -> None:
    assert took(row(started_at="2027-01-04T11:58:30Z"), NOW) == "1m30s…"
    assert took(row(started_at="2027-01-04T12:00:05Z"), NOW) == "0.0s…"
    assert took(row(outcome="skipped"), NOW) == "-"


def test_every_outcome_has_a_look_of_its_own() -> None:
    assert set(LOOKS) == set(Outcome)
    assert len({look.symbol for look in LOOKS.values()}) == len({look.ascii for look in LOOKS.values()}) == len(Outcome)


STATES = {
    "an outcome": (row(outcome="skipped", state="ended"), "skipped"),
    "still running": (row(state="running"), "running"),
    "between two attempts": (row(state="waiting"), "waiting"),
    "neither outcome nor state": (row(), "running"),
    "an outcome of a later version": (row(outcome="postponed"), "postponed"),
    "a span": (row(outcome="missed", count=12), "12 missed"),
    "a span of one": (row(outcome="skipped", count=1), "skipped"),
}


@pytest.mark.parametrize("name", STATES)
def test_the_outcome_reads(name: str) -> None:
    run, word = STATES[name]
    assert outcome_word(run) == word
    assert look_of(run).symbol


def test_the_ledger_tells_what_is_new_or_changed_in_order() -> None:
    ledger = Ledger()
    assert ledger.take([RUNNING, SUCCEEDED]) == [SUCCEEDED, RUNNING]
    assert ledger.take([RUNNING, SUCCEEDED]) == []
    assert ledger.running() == ["r3"]
    over = row(id="r3", started_at="2027-01-04T11:59:31Z", outcome="succeeded")
    assert ledger.take([over, FAILED]) == [FAILED, over]
    assert ledger.running() == []
    assert ledger.latest(2) == [FAILED, over]
    assert ledger.latest(9) == [SUCCEEDED, FAILED, over]


UNREADABLE: dict[str, JSON] = {
    "no object": "r1",
    "no id": {"attributes": {}},
    "no attributes": {"id": "r1"},
    "a number for a name": {"id": "r1", "attributes": {"task": 5}},
    "words for a time": {"id": "r1", "attributes": {"started_at": "yesterday"}},
    "a time without a zone": {"id": "r1", "attributes": {"started_at": "2027-01-04T12:00:00"}},
    "words for a number": {"id": "r1", "attributes": {"duration_ms": "12"}},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_row_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ApiError, match=r"the API sent a run that can't be read .*; is it of this program's version\?"):
        parse_run(UNREADABLE[name])


DURATIONS = {
    "90s": timedelta(seconds=90),
    "30m": timedelta(minutes=30),
    "1h30m": timedelta(hours=1, minutes=30),
    "2d": timedelta(days=2),
    "1d1h1m1s": timedelta(days=1, hours=1, minutes=1, seconds=1),
}


@pytest.mark.parametrize("text", DURATIONS)
def test_since(text: str) -> None:
    assert parse_duration(text) == DURATIONS[text]


@pytest.mark.parametrize("text", ["", "5", "1w", "30m1h", "-5m", "five minutes", "1.5h"])
def test_no_duration(text: str) -> None:
    with pytest.raises(BadInput, match="write a number with d, h, m or s, such as 30m or 1h30m"):
        parse_duration(text)
