"""Open runs that a claim tells the end of."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.closing import end_by
from cronwright.timeline.event import Event
from cronwright.timeline.fold import RunState, fold
from cronwright.timeline.span import Span

from . import spans
from .events import at, end, start

NOW = at(60)


def late(**more: Any) -> Span:
    """Return a claim of pod b that it was late."""
    return spans.late(1, 9, **({"pod_uid": "uid-b", "pod": "backup-b"} | more))


def merged(reason: Reason, **more: Any) -> Span:
    """Return a claim of pod a, whose run it is."""
    return spans.span(1, 9, reason, **({"pod_uid": "uid-a", "pod": "backup-a"} | more))


WAITING = end(Outcome.FAILED, retry_at=at(20))


@dataclass(frozen=True)
class Case:
    """A claim, the latest event of an open run, and what becomes of the run."""

    claim: Span
    latest: Event
    reason: Reason | None
    attempt: int = 1


CASES = {
    "another pod is late": Case(late(), start(), Reason.POD_LOST),
    "another pod is late, and the run waits for an attempt": Case(late(), WAITING, Reason.POD_LOST, attempt=2),
    "its own pod was late before it": Case(late(pod_uid="uid-a"), start(), None),
    "nobody knows which pod was late": Case(late(pod_uid=""), start(), None),
    "the operator knows of no pod any more": Case(
        spans.span(1, 9, Reason.QUOTA_EXCEEDED, reported_by="operator", pod_uid="", pod=""), start(), Reason.POD_LOST
    ),
    "its end was merged": Case(merged(Reason.COMPLETED), start(), Reason.COMPLETED),
    "its failure was merged": Case(merged(Reason.TIMED_OUT), start(), Reason.TIMED_OUT),
    "its pod was evicted": Case(merged(Reason.EVICTED, reported_by="operator"), start(), Reason.EVICTED),
    "the window of another pod failed": Case(
        merged(Reason.DEADLINE_EXCEEDED, reported_by="operator", pod_uid="uid-b"), start(), Reason.POD_LOST
    ),
    "the ends of another pod were merged": Case(merged(Reason.COMPLETED, pod_uid="uid-b"), start(), None),
    "its pod skipped others": Case(merged(Reason.ALREADY_RUNNING), start(), None),
    "its pod missed others": Case(merged(Reason.RUNNER_DOWN), start(), None),
}


@pytest.mark.parametrize("name", CASES)
def test_ends(name: str) -> None:
    case = CASES[name]
    closing = end_by(case.claim, case.latest, NOW)
    assert (closing and closing.reason) == case.reason
    assert closing is None or (closing.attempt, closing.finished_at) == (case.attempt, NOW)


@pytest.mark.parametrize("latest", [start(), WAITING], ids=["running", "waiting"])
def test_the_run_has_ended_then(latest: Event) -> None:
    begun = [start(), latest] if latest.kind == "end" else [latest]
    closing = end_by(late(), latest, NOW)
    assert closing is not None
    run = fold([*begun, closing])
    assert (run.state, run.outcome, run.reason) == (RunState.ENDED, Outcome.FAILED, Reason.POD_LOST)
    assert run.message == "pod backup-a went away without an end, and pod backup-b has taken its place"


def test_the_runners_own_end_has_the_last_word_under_the_same_id() -> None:
    own = end(Outcome.SUCCEEDED, finished=9)
    closing = end_by(late(), start(), NOW)
    assert closing is not None
    assert closing.id == own.id
    assert fold([start(), closing, own]).outcome is Outcome.SUCCEEDED
    assert fold([start(), closing, own]).finished_at == at(60) - timedelta(seconds=51)
