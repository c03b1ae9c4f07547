"""Ends and claims that wait for their delivery: what merges, what stays apart, and that no count is lost."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.jsontypes import JSON
from cronwright.reasons import Reason
from cronwright.run.merging import Merged, dump_merged, load_merged, merge, merged_of
from cronwright.run.termination import MAX_BYTES, dump_undelivered, load_undelivered

BEGIN = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
DONE, FAILED, SKIPPED, LATE = Reason.COMPLETED, Reason.ACTION_FAILED, Reason.ALREADY_RUNNING, Reason.POD_LATE


def at(seconds: int) -> datetime:
    """Return the instant `seconds` after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


def row(reason: Reason, first: int, last: int | None = None, total: int = 1) -> Merged:
    """Return a row whose fire times are given in seconds after the beginning."""
    return Merged(reason, at(first), at(first if last is None else last), total)


MERGED = {
    "nothing": ([], []),
    "one": ([row(DONE, 5)], [row(DONE, 5)]),
    "neighbours": ([row(DONE, 5), row(DONE, 10), row(DONE, 15)], [row(DONE, 5, 15, 3)]),
    "neighbours in any order": ([row(DONE, 15), row(DONE, 5), row(DONE, 10)], [row(DONE, 5, 15, 3)]),
    "neighbours of different reasons": (
        [row(DONE, 5), row(FAILED, 10), row(DONE, 15)],
        [row(DONE, 5), row(FAILED, 10), row(DONE, 15)],
    ),
    "spans": ([row(LATE, 0, 20, 5), row(LATE, 25, 30, 2)], [row(LATE, 0, 30, 7)]),
    "a gap": ([row(DONE, 5), row(DONE, 15)], [row(DONE, 5), row(DONE, 15)]),
}


@pytest.mark.parametrize(("rows", "merged"), MERGED.values(), ids=MERGED)
def test_neighbours_merge(rows: list[Merged], merged: list[Merged]) -> None:
    assert merge(rows, 5, lambda _: True) == merged


def test_the_nearest_merge_first_where_there_is_no_room() -> None:
    rows = [row(DONE, 0), row(FAILED, 5), row(DONE, 10), row(FAILED, 200), row(DONE, 500)]
    assert merge(rows, 5, lambda merged: len(merged) <= 4) == [
        row(DONE, 0, 10, 2),
        row(FAILED, 5),
        row(FAILED, 200),
        row(DONE, 500),
    ]


def test_at_the_end_there_is_one_row_for_each_reason() -> None:
    rows = [row(reason, 5 * number) for number, reason in enumerate([DONE, FAILED, SKIPPED] * 100)]
    merged = merge(rows, 5, lambda merged: len(merged) <= 1)
    assert merged == [row(DONE, 0, 1485, 100), row(FAILED, 5, 1490, 100), row(SKIPPED, 10, 1495, 100)]


@given(st.lists(st.sampled_from([DONE, FAILED, SKIPPED, LATE, Reason.STARTING_DEADLINE_PASSED]), max_size=2000))
def test_a_termination_message_holds_every_count(reasons: list[Reason]) -> None:
    rows = [row(reason, number) for number, reason in enumerate(reasons)]
    text = dump_undelivered(rows, 1)
    assert len(text.encode()) <= MAX_BYTES
    left = load_undelivered(text)
    for reason in set(reasons):
        of_reason = [entry for entry in left if entry.reason is reason]
        assert sum(entry.total for entry in of_reason) == reasons.count(reason)
        assert min(entry.first for entry in of_reason) == at(reasons.index(reason))
        assert max(entry.last for entry in of_reason) == at(len(reasons) - 1 - reasons[::-1].index(reason))


def test_every_reason_at_once_fits_into_a_termination_message() -> None:
    rows = [row(reason, number, 10**8, 10**8) for number, reason in enumerate(list(Reason)[:22])]
    assert load_undelivered(dump_undelivered(rows, 1)) == rows


def test_nothing_left_is_an_empty_message() -> None:
    assert dump_undelivered([], 5) == ""


@pytest.mark.parametrize(
    "text", ["", "Error: OOM", "{}", '{"runId": "x"}', '{"merged": [["NoReason", 0, 0, 1]]}', "[]"]
)
def test_what_no_ticker_wrote_tells_of_nothing(text: str) -> None:
    assert load_undelivered(text) == []


def test_rows_are_read_as_they_were_written() -> None:
    rows = [row(DONE, 5), row(LATE, 10, 50, 9)]
    assert load_merged(dump_merged(rows)) == rows


TICK, NEXT = "2027-01-04T08:00:05Z", "2027-01-04T08:00:10Z"
ROWS: dict[str, tuple[dict[str, JSON], Merged | None]] = {
    "a span": (
        {"kind": "span", "reason": "PodLate", "first_at": TICK, "last_at": NEXT, "count": 2},
        row(LATE, 5, 10, 2),
    ),
    "the end of a run": ({"kind": "end", "reason": "Completed", "scheduled_at": TICK}, row(DONE, 5)),
    "the end of an attempt": (
        {"kind": "end", "reason": "ActionFailed", "scheduled_at": TICK, "retry_at": NEXT},
        None,
    ),
    "a start": ({"kind": "start", "scheduled_at": TICK}, None),
}


@pytest.mark.parametrize(("attributes", "merged"), ROWS.values(), ids=ROWS)
def test_what_a_row_counts_for(attributes: dict[str, JSON], merged: Merged | None) -> None:
    assert merged_of(attributes) == merged
