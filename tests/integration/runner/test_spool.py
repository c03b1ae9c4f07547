"""The spool in a real directory: what is kept, what is merged when it is full, and what a killed ticker leaves."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from cronwright.instants import format_instant, parse_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright.reasons import Reason
from cronwright.run.merging import Merged
from cronwright_runner.spool import MAX_ROWS, Position, Spool, note_posted, posted, read, segments

BEGIN = parse_instant("2027-01-04T08:00:00Z")
ROW_BYTES = len(b'{"kind":"end","reason":"ActionFailed","scheduled_at":"2027-01-04T08:00:00Z"}\n')


def end(number: int, reason: Reason = Reason.ACTION_FAILED) -> JSONObject:
    """Return the end of the run of fire time `number`."""
    at = format_instant(BEGIN + timedelta(seconds=number))
    return {"kind": "end", "reason": reason, "scheduled_at": at}


def span(merged: Merged) -> JSONObject:
    """Return the row of what was merged."""
    fields: Mapping[str, JSON] = {
        "kind": "span",
        "reason": merged.reason,
        "first_at": format_instant(merged.first),
        "last_at": format_instant(merged.last),
        "count": merged.total,
    }
    return fields


def deliver_all(directory: Path) -> int:
    """Note that everything is delivered, as a poster does, and return how many rows there were."""
    at, rows = posted(directory), 0
    for number in segments(directory):
        count = len(read(directory, number))
        rows += count - (at.row if number == at.segment else 0)
        note_posted(directory, Position(number, count))
    return rows


def total(rows: list[Merged]) -> int:
    return sum(row.total for row in rows)


def test_rows_are_kept_until_they_are_delivered(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1, span)
    assert spool.delivered()
    for number in range(3):
        spool.append(end(number))
    assert not spool.delivered()
    assert total(spool.undelivered()) == 3

    note_posted(tmp_path, Position(1, 2))
    assert [row.first for row in spool.undelivered()] == [BEGIN + timedelta(seconds=2)]
    note_posted(tmp_path, Position(1, 3))
    assert spool.delivered()
    assert spool.undelivered() == []


def test_a_segment_takes_what_a_post_takes(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1, span)
    for number in range(2 * MAX_ROWS + 1):
        spool.append(end(number))
    assert [len(read(tmp_path, number)) for number in segments(tmp_path)] == [MAX_ROWS, MAX_ROWS, 1]
    note_posted(tmp_path, Position(3, 0))
    assert segments(tmp_path) == [3]


def test_a_full_spool_merges_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1, span, limit=ROW_BYTES * 2 * MAX_ROWS)
    for number in range(10 * MAX_ROWS):
        spool.append(end(number))
    assert sum(len(read(tmp_path, number)) for number in segments(tmp_path)) == 2 * MAX_ROWS
    assert total(spool.undelivered()) == 10 * MAX_ROWS
    assert not spool.delivered()

    assert deliver_all(tmp_path) == 2 * MAX_ROWS
    spool.room()
    spool.append(end(10 * MAX_ROWS))
    left = spool.undelivered()
    assert [row.total for row in left] == [8 * MAX_ROWS, 1]
    assert left[0].first == BEGIN + timedelta(seconds=2 * MAX_ROWS)
    deliver_all(tmp_path)
    spool.room()
    assert spool.delivered()


def test_a_full_spool_keeps_a_bounded_number_of_rows_and_every_count(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1, span, limit=ROW_BYTES)
    for number in range(3000):
        spool.append(end(number, Reason.COMPLETED if number % 2 else Reason.ACTION_FAILED))
    left = spool.undelivered()
    assert len(left) <= 102
    assert total([row for row in left if row.reason is Reason.COMPLETED]) == 1500
    assert total(left) == 3000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 20_000


def test_what_does_not_count_needs_no_room(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1, span, limit=1)
    spool.append(end(0))
    spool.append({"kind": "start", "scheduled_at": format_instant(BEGIN)})
    assert total(spool.undelivered()) == 1


def test_the_next_ticker_goes_on_with_what_one_has_left(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1, span, limit=ROW_BYTES * 2)
    for number in range(5):
        spool.append(end(number))
    note_posted(tmp_path, Position(1, 1))
    # A kill in the middle of a line
    with (tmp_path / f"{1:08}").open("ab") as segment:
        segment.write(b'{"kind": "end", "rea')

    after = Spool(tmp_path, 1, span)
    after.append(end(5))
    assert total(after.undelivered()) == 5
    assert segments(tmp_path) == [1, 2]
