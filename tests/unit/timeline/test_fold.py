"""What a run is, given its events in their order of arrival."""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.fold import RunState, fold

from .events import RUN_ID, at, end, inferred, start

S, F = Outcome.SUCCEEDED, Outcome.FAILED
RUNNING, WAITING, ENDED = RunState.RUNNING, RunState.WAITING, RunState.ENDED


@dataclass(frozen=True)
class Case:
    """Events, and what of their run is to be said."""

    name: str
    events: list[Event]
    state: RunState
    outcome: Outcome | None = None
    reason: Reason | None = None
    attempt: int = 1
    pod: str = "backup-a"
    notes: int = 0
    retry_at: datetime | None = field(default=None)


RETRIED = end(F, 1, finished=5, retry_at=at(15))

CASES = [
    Case("a start: it runs", [start()], RUNNING),
    Case("start and end: it has ended", [start(), end(S)], ENDED, S, Reason.COMPLETED),
    Case(
        "an end without a start, as of a skipped run",
        [end(Outcome.SKIPPED)],
        ENDED,
        Outcome.SKIPPED,
        Reason.ACTION_FAILED,
    ),
    Case("the end overtakes the start", [end(S), start()], ENDED, S, Reason.COMPLETED),
    Case("an end with retry_at is not the run's end", [start(), RETRIED], WAITING, retry_at=at(15)),
    Case("an end with retry_at overtakes its start", [RETRIED, start()], WAITING, retry_at=at(15)),
    Case("the next attempt has begun", [start(), RETRIED, start(2, began=15)], RUNNING, attempt=2),
    Case("the next attempt's start overtakes the end", [start(), start(2, began=15), RETRIED], RUNNING, attempt=2),
    Case(
        "the last attempt decides",
        [start(), RETRIED, start(2, began=15), end(S, 2, began=15, finished=20)],
        ENDED,
        S,
        Reason.COMPLETED,
        attempt=2,
    ),
    Case(
        "the operator's end, where the runner says nothing",
        [start(), inferred()],
        ENDED,
        F,
        Reason.POD_LOST,
        pod="backup-job",
        notes=0,
    ),
    Case(
        "the runner's late end beats the operator's", [start(), inferred(), end(S)], ENDED, S, Reason.COMPLETED, notes=1
    ),
    Case("the operator's late end is a note", [start(), end(S), inferred()], ENDED, S, Reason.COMPLETED, notes=1),
    Case(
        "of two ends of the operator the first stands",
        [inferred(), inferred(50, "other", reason=Reason.EVICTED)],
        ENDED,
        F,
        Reason.POD_LOST,
        pod="backup-job",
        notes=1,
    ),
    Case("a later attempt makes it run again", [start(), end(F), start(2, began=15)], RUNNING, attempt=2, notes=1),
    Case(
        "a later attempt in another pod, which counts from 1 again",
        [start(), inferred(40), start(1, "b", began=60)],
        RUNNING,
        pod="backup-b",
        notes=1,
    ),
    Case(
        "a later pod began before the operator told the first one's end",
        [start(), start(1, "b", 30), inferred(40, "a")],
        RUNNING,
        pod="backup-b",
        notes=1,
    ),
    Case(
        "the later pod decides, whatever the first one's late word",
        [start(), inferred(40, "a"), start(1, "b", 60), end(S, 1, "b", 60, 70), end(F, 1, "a", 1, 39, message="late")],
        ENDED,
        S,
        Reason.COMPLETED,
        pod="backup-b",
        notes=2,
    ),
    Case(
        "the Job's end closes an attempt whose number the operator doesn't know",
        [start(), RETRIED, start(2, began=15), inferred(600, reason=Reason.DEADLINE_EXCEEDED)],
        ENDED,
        F,
        Reason.DEADLINE_EXCEEDED,
        attempt=2,
        pod="backup-job",
    ),
    Case(
        "the operator saw the pod start before the runner did",
        [start(began=2), inferred(40, began=1)],
        ENDED,
        F,
        Reason.POD_LOST,
        pod="backup-job",
    ),
    Case(
        "without times the order of arrival decides: end, then start",
        [inferred(finished=None), start(2, "b", None)],
        RUNNING,
        attempt=2,
        pod="backup-b",
        notes=1,
    ),
    Case(
        "without times the order of arrival decides: start, then end",
        [start(2, "b", None), inferred(finished=None)],
        ENDED,
        F,
        Reason.POD_LOST,
        attempt=2,
        pod="backup-job",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fold(case: Case) -> None:
    run = fold(case.events)
    assert (run.state, run.outcome, run.reason, run.attempt) == (case.state, case.outcome, case.reason, case.attempt)
    assert (run.pod, len(run.notes), run.retry_at) == (case.pod, case.notes, case.retry_at)


def test_times_span_all_attempts() -> None:
    run = fold([start(), RETRIED, start(2, began=15), end(S, 2, began=15, finished=20, duration_ms=5000)])
    assert (run.started_at, run.finished_at, run.duration_ms) == (at(1), at(20), 19_000)


def test_one_attempt_keeps_the_runners_own_duration() -> None:
    assert fold([start(), end(S, duration_ms=7_512)]).duration_ms == 7_512


def test_clocks_that_disagree_give_no_negative_duration() -> None:
    assert fold([start(began=30), end(S, began=30, finished=20)]).duration_ms == 0


def test_a_note_says_who_what_when_and_why() -> None:
    run = fold([start(), inferred(), end(S)])
    said = "attempt 1 in pod backup-job failed (PodLost) at 2027-01-04T08:00:40Z, by the operator: the pod is gone"
    assert run.notes == (said,)


def test_what_one_event_leaves_out_another_tells() -> None:
    run = fold([start(node="n1", action_name="export", as_user_email="a@example.com", requested_by="jane"), end(S)])
    assert (run.run_id, run.node, run.action_name) == (RUN_ID, "n1", "export")
    assert (run.as_user_email, run.requested_by) == ("a@example.com", "jane")


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_retried_run_ends_the_same_in_whatever_order_its_events_arrive(order: tuple[int, ...]) -> None:
    events = [start(), RETRIED, start(2, began=15), end(S, 2, began=15, finished=20)]
    run = fold([events[index] for index in order])
    assert (run.state, run.outcome, run.attempt, run.finished_at) == (ENDED, S, 2, at(20))


SECONDS = st.one_of(st.none(), st.integers(0, 100))
STARTS = st.builds(start, st.integers(1, 3), st.sampled_from("ab"), SECONDS)
ENDS = st.builds(
    end,
    st.sampled_from([S, F]),
    st.integers(1, 3),
    st.sampled_from("ab"),
    SECONDS,
    SECONDS,
    reported_by=st.sampled_from(["runner", "operator"]),
)


@given(st.lists(st.one_of(STARTS, ENDS), min_size=1, max_size=8))
def test_whatever_is_posted_is_some_run(events: list[Event]) -> None:
    run = fold(events)
    assert (run.outcome is not None) == (run.state is ENDED)
    assert run.outcome is not None or any(event.kind == "start" for event in events)
