"""What the status of a loop says of its ticks: a story of rows in each case, and the facts after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.run.ticks import TickFacts, TickRow, facts_of, fold, parse_row
from cronwright.status import LastRun, TaskStatus
from support.facts import TASK_UID, at

S, F = Outcome.SUCCEEDED, Outcome.FAILED


def row(due: float, outcome: Outcome | None = S, reason: Reason | None = None, ended: float | None = None) -> TickRow:
    """Return the end of the run due so many seconds after `DUE`, or its start where there is no outcome."""
    usual = {S: Reason.COMPLETED, F: Reason.ACTION_FAILED, None: None}
    return TickRow(
        task_uid=TASK_UID,
        row_id=f"row-of-{due}",
        run_id=f"run-of-{due}",
        is_span=False,
        last_at=at(due),
        count=1,
        started_at=at(due),
        ended_at=None if outcome is None else at(due + 1 if ended is None else ended),
        outcome=outcome,
        reason=reason or usual[outcome],
        message="",
    )


def span(last: float, outcome: Outcome, reason: Reason, count: int = 3) -> TickRow:
    """Return a span whose last tick was due so many seconds after `DUE`."""
    return replace(row(last, outcome, reason), is_span=True, count=count, started_at=None, ended_at=at(last))


@dataclass(frozen=True)
class Case:
    """Rows in the order in which they are read, and what the status says then."""

    rows: Sequence[TickRow]
    last: tuple[float, str] | None
    succeeded: float | None = None
    failed: float | None = None
    failures: int = 0
    known: TickFacts = field(default_factory=TickFacts)


CASES = {
    "nothing yet": Case([], None),
    "a run that goes on": Case([row(0, None)], (0, "Running")),
    "its end": Case([row(0, None), row(0, S, ended=9)], (0, "Succeeded"), succeeded=9),
    "its end, read before its start": Case([row(0, S, ended=9), row(0, None)], (0, "Succeeded"), succeeded=9),
    "a success": Case([row(0), row(5)], (5, "Succeeded"), succeeded=6),
    "failures count": Case([row(0), row(5, F), row(10, F)], (10, "Failed"), succeeded=1, failed=11, failures=2),
    "a success ends them": Case([row(0, F), row(5, F), row(10)], (10, "Succeeded"), succeeded=11, failed=6),
    "rows in any order": Case([row(10), row(5, F), row(0, F)], (10, "Succeeded"), succeeded=11, failed=6),
    "a long run that fails after later ones have succeeded": Case(
        [row(5), row(10), row(0, F, ended=12)], (10, "Succeeded"), succeeded=11, failed=12, failures=1
    ),
    "a late word about long ago": Case(
        [row(5, F, ended=6)], (10, "Succeeded"), succeeded=11,
        known=TickFacts(LastRun("r", at(10), "Succeeded"), None, at(11)),
    ),
    "missed ticks are the last that was due, and no failure": Case(
        [row(0), span(15, Outcome.MISSED, Reason.POD_LATE)], (15, "Missed"), succeeded=1
    ),
    "skipped ticks": Case([span(15, Outcome.SKIPPED, Reason.ALREADY_RUNNING)], (15, "Skipped")),
    "merged failures all count": Case([span(15, F, Reason.ACTION_FAILED, 7)], (15, "Failed"), failed=15, failures=7),
    "merged successes": Case([row(0, F), span(15, S, Reason.COMPLETED)], (15, "Succeeded"), succeeded=15, failed=1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_fold(case: Case) -> None:
    facts = fold(case.known, case.rows)
    expected_last = None if case.last is None else (at(case.last[0]), case.last[1])
    assert (facts.last_run and (facts.last_run.scheduled_time, facts.last_run.outcome)) == expected_last
    assert facts.last_successful_time == _at(case.succeeded)
    assert facts.last_failure_time == _at(case.failed)
    assert facts.consecutive_failures == case.failures


def _at(seconds: float | None) -> datetime | None:
    return None if seconds is None else at(seconds)


def test_what_the_status_knows_is_not_counted_again() -> None:
    """An operator that starts reads the last rows once more."""
    before = fold(TickFacts(), [row(0), row(5, F), row(10, F)])
    status = TaskStatus(
        last_run=before.last_run,
        last_successful_time=before.last_successful_time,
        last_failure_time=before.last_failure_time,
        consecutive_failures=before.consecutive_failures,
    )
    again = fold(facts_of(status), [row(0), row(5, F), row(10, F)])
    assert again.consecutive_failures == 2
    assert (again.last_run, again.last_failure_time) == (before.last_run, before.last_failure_time)
    assert again.last_end is not None
    assert again.last_end.reason == Reason.ACTION_FAILED
    assert fold(again, [row(15, F)]).consecutive_failures == 3


END = {
    "task_uid": TASK_UID, "run_id": "run", "kind": "end", "trigger": "schedule", "outcome": "succeeded",
    "reason": "Completed", "scheduled_at": "2027-01-04T08:00:00Z", "finished_at": "2027-01-04T08:00:01Z",
}  # fmt: skip

ROWS: dict[str, tuple[dict[str, Any], str | None]] = {
    "an end": (END, "run"),
    "an end after which there is another attempt": (END | {"retry_at": "2027-01-04T08:00:11Z"}, None),
    "a start": (END | {"kind": "start", "outcome": None, "reason": None, "finished_at": None}, "run"),
    "of a run made by hand": (END | {"trigger": "manual", "scheduled_at": None}, None),
    "a span": (
        {"task_uid": TASK_UID, "kind": "span", "outcome": "missed", "reason": "PodLate", "count": 4,
         "first_at": "2027-01-04T08:00:00Z", "last_at": "2027-01-04T08:00:15Z"},
        "row",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("attributes", "run_id"), ROWS.values(), ids=ROWS)
def test_rows_of_the_timeline(attributes: dict[str, Any], run_id: str | None) -> None:
    found = parse_row("row", attributes)
    assert (found and found.run_id) == run_id
    if found and found.is_span:
        assert (found.last_at, found.count, found.outcome) == (at(15), 4, Outcome.MISSED)
