"""The account of a Task's fire times: who has each of them, after claims and runs in any order."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.reasons import Reason
from cronwright.timeline.accounting import claimed, joined, uncovered, without
from cronwright.timeline.span import Span

from .spans import INTERVAL, late, short, span, tick

DOWN, RUNS, SKIPPED, DONE = Reason.RUNNER_DOWN, Reason.ACTION_FAILED, Reason.ALREADY_RUNNING, Reason.COMPLETED
OTHER_GRID = {"schedule": "@every 10s"}


@dataclass(frozen=True)
class Claim:
    """A claim, beside what is there already, and the spans afterwards."""

    claim: Span
    then: list[str]
    stored: Iterable[Span] = ()
    ran: Iterable[int] = ()


CLAIMS = {
    "nothing is there": Claim(late(1, 9), ["1-9 PodLate"]),
    "one fire time": Claim(late(1, 1), ["1-1 PodLate"]),
    "runs within": Claim(late(1, 9), ["2-4 PodLate", "6-9 PodLate"], ran=[1, 5]),
    "runs everywhere": Claim(late(1, 3), [], ran=[3, 1, 2]),
    "runs beside it": Claim(late(2, 3), ["2-3 PodLate"], ran=[1, 4]),
    "the same again": Claim(late(1, 9), ["1-9 PodLate"], [late(1, 9)]),
    "the same again, with another reason": Claim(span(1, 9, DOWN), ["1-9 AlreadyRunning"], [span(1, 9)]),
    "a part of what is there": Claim(late(3, 4), ["1-9 PodLate"], [late(1, 9)]),
    "more than is there": Claim(late(1, 9), ["1-9 PodLate"], [late(3, 4)]),
    "more than is there, for another reason": Claim(
        span(1, 9, DOWN), ["1-2 RunnerDown", "3-4 AlreadyRunning", "5-9 RunnerDown"], [span(3, 4)]
    ),
    "overlapping at the end": Claim(late(3, 9), ["1-9 PodLate"], [late(1, 5)]),
    "overlapping at the beginning": Claim(late(1, 5), ["1-9 PodLate"], [late(3, 9)]),
    "right behind": Claim(span(4, 6), ["1-6 AlreadyRunning"], [span(1, 3)]),
    "right ahead": Claim(span(1, 3), ["1-6 AlreadyRunning"], [span(4, 6)]),
    "between two": Claim(span(4, 5), ["1-9 AlreadyRunning"], [span(6, 9), span(1, 3)]),
    "over what lies apart": Claim(span(2, 8), ["1-9 AlreadyRunning"], [span(1, 3), span(5, 6), span(8, 9)]),
    "with a fire time between": Claim(span(5, 6), ["1-3 AlreadyRunning", "5-6 AlreadyRunning"], [span(1, 3)]),
    "behind another reason": Claim(span(4, 6, DOWN), ["1-3 AlreadyRunning", "4-6 RunnerDown"], [span(1, 3)]),
    "behind another message": Claim(
        span(4, 6, message="m"), ["1-3 AlreadyRunning", "4-6 AlreadyRunning"], [span(1, 3)]
    ),
    "behind another pod": Claim(span(4, 6, pod_uid="b"), ["1-3 AlreadyRunning", "4-6 AlreadyRunning"], [span(1, 3)]),
    "inferred, beside what was seen": Claim(
        late(1, 9), ["1-3 PodLate", "4-5 RunnerDown", "6-9 PodLate"], [span(4, 5, DOWN)]
    ),
    "seen, beside what was inferred": Claim(
        span(4, 5, DOWN), ["1-3 PodLate", "4-5 RunnerDown", "6-9 PodLate"], [late(1, 9)]
    ),
    "seen, over what was inferred": Claim(span(1, 9, DOWN), ["1-9 RunnerDown"], [late(2, 3), late(6, 7)]),
    "inferred, beside what was inferred": Claim(
        span(1, 9, Reason.EVICTED, reported_by="operator"), ["1-4 PodLate", "5-9 Evicted"], [late(1, 4)]
    ),
    "merged runs": Claim(span(1, 9, DONE, 4), ["1-9 Completed x4"]),
    "merged runs again": Claim(span(1, 9, DONE, 4), ["1-9 Completed x4"], [span(1, 9, DONE, 4)]),
    "merged runs with more of them": Claim(span(1, 12, DONE, 6), ["1-12 Completed x6"], [span(1, 9, DONE, 4)]),
    "merged runs with less of them": Claim(span(1, 9, DONE, 4), ["1-12 Completed x6"], [span(1, 12, DONE, 6)]),
    "merged runs beside other merged ones": Claim(
        span(2, 8, RUNS, 3), ["1-9 Completed x4", "2-8 ActionFailed x3"], [span(1, 9, DONE, 4)]
    ),
    "merged runs where runs are": Claim(span(1, 9, DONE, 4), ["1-9 Completed x4"], ran=[2, 3]),
    "merged runs, where a pod was said to be lost": Claim(
        span(3, 6, DONE, 2), ["1-2 PodLate", "3-6 Completed x2", "7-9 PodLate"], [late(1, 9)]
    ),
    "merged runs, beside what was seen": Claim(
        span(3, 6, DONE, 2),
        ["1-2 RunnerDown", "3-6 Completed x2", "4-5 RunnerDown", "7-9 RunnerDown"],
        [span(1, 9, DOWN)],
    ),
    "a pod is said to be lost, where merged runs are": Claim(
        late(1, 9), ["1-2 PodLate", "3-6 Completed x2", "7-9 PodLate"], [span(3, 6, DONE, 2)]
    ),
    "something seen among merged runs": Claim(
        span(2, 5, DOWN), ["2-2 RunnerDown", "3-6 Completed x2", "4-5 RunnerDown"], [span(3, 6, DONE, 2)]
    ),
    "merged runs are not joined": Claim(span(7, 9, DONE), ["3-6 Completed x2", "7-9 Completed"], [span(3, 6, DONE, 2)]),
    "where another schedule has all of it": Claim(late(3, 5), ["2-6 PodLate"], [late(2, 6, count=3, **OTHER_GRID)]),
    "where another schedule's span lies between two fire times": Claim(
        late(2, 6, count=3, **OTHER_GRID), ["2-6 PodLate", "3-3 PodLate"], [late(3, 3)]
    ),
    "runs of another schedule": Claim(late(2, 6, count=3, **OTHER_GRID), ["2-6 PodLate"], ran=[3, 5]),
}


@pytest.mark.parametrize("case", CLAIMS)
def test_claims(case: str) -> None:
    it = CLAIMS[case]
    after = claimed(list(it.stored), it.claim, [tick(number) for number in it.ran])
    assert short(after) == it.then


@pytest.mark.parametrize("case", CLAIMS)
def test_a_claim_that_is_made_again_changes_nothing(case: str) -> None:
    it = CLAIMS[case]
    ran = [tick(number) for number in it.ran]
    after = claimed(list(it.stored), it.claim, ran)
    assert short(claimed(after, it.claim, ran)) == short(after)


LATE_RUNS = {
    "the first": (span(1, 9), 1, ["2-9 AlreadyRunning"]),
    "the last": (span(1, 9), 9, ["1-8 AlreadyRunning"]),
    "in the middle": (span(1, 9), 4, ["1-3 AlreadyRunning", "5-9 AlreadyRunning"]),
    "the only one": (span(1, 1), 1, []),
    "ahead of it": (span(1, 9), 0, ["1-9 AlreadyRunning"]),
    "behind it": (span(1, 9), 10, ["1-9 AlreadyRunning"]),
    "of merged runs": (span(1, 9, DONE, 4), 4, ["1-9 Completed x4"]),
    "between two fire times": (late(2, 6, count=3, **OTHER_GRID), 3, ["2-6 PodLate"]),
}


@pytest.mark.parametrize("case", LATE_RUNS)
def test_late_runs(case: str) -> None:
    before, number, after = LATE_RUNS[case]
    assert short(without(before, tick(number))) == after


def test_a_run_at_no_whole_second_takes_nothing_out() -> None:
    assert without(span(1, 9), tick(4) + timedelta(milliseconds=500)) == [span(1, 9)]
    assert uncovered(span(1, 9), [tick(4) + timedelta(milliseconds=500)], []) == [span(1, 9)]


def test_a_piece_is_joined_with_both_neighbours() -> None:
    assert joined(span(4, 5), [span(1, 3), span(6, 7, DOWN)]) == span(1, 5)


def test_a_week_of_seconds_takes_no_time() -> None:
    weeks = {"schedule": "@every 1s", "first_at": datetime(2027, 1, 4, tzinfo=UTC)}
    week = late(0, 0, count=604_800, last_at=datetime(2027, 1, 10, 23, 59, 59, tzinfo=UTC), **weeks)
    noon = datetime(2027, 1, 8, 12, tzinfo=UTC)
    assert [part.count for part in without(week, noon)] == [388_800, 215_999]
    assert [part.count for part in uncovered(week, [noon], [])] == [388_800, 215_999]


def test_a_cron_line_is_counted_in_its_zone() -> None:
    """The night in which clocks go back has two half past two, and the one in which they go forward none."""
    nights = {"schedule": "30 2 * * *", "time_zone": "Europe/Berlin"}
    first, last = datetime(2027, 10, 29, 0, 30, tzinfo=UTC), datetime(2027, 11, 2, 1, 30, tzinfo=UTC)
    twice = late(0, 0, first_at=first, last_at=last, count=6, **nights)
    assert twice.is_full
    parts = without(twice, datetime(2027, 10, 31, 0, 30, tzinfo=UTC))
    assert [(part.first_at, part.last_at, part.count) for part in parts] == [
        (first, datetime(2027, 10, 30, 0, 30, tzinfo=UTC), 2),
        (datetime(2027, 10, 31, 1, 30, tzinfo=UTC), last, 3),
    ]


LAST = 24
_NUMBERS = st.integers(0, LAST)
_SEEN = [SKIPPED, DOWN, DONE]
_STEPS = st.one_of(
    _NUMBERS,
    st.builds(
        lambda ends, reason, pod: span(min(ends), max(ends), reason, pod_uid=pod),
        st.tuples(_NUMBERS, _NUMBERS),
        st.sampled_from([*_SEEN, Reason.POD_LATE]),
        st.sampled_from(["a", "b"]),
    ),
)


@given(st.lists(_STEPS, max_size=20))
def test_each_fire_time_is_accounted_for_once(steps: list[int | Span]) -> None:
    """A run is the number of its fire time. What each has is said here once more, fire time by fire time."""
    spans, ran = _played(steps, [], set())
    assert _owners(spans) == {number: said for number, said in _by_hand(steps).items() if said is not None}
    assert ran == {number for number, said in _by_hand(steps).items() if said is None}
    assert len({span.id for span in spans}) == len(spans)
    assert not any(_is_continued(span, spans) for span in spans), "two spans side by side say the same"
    again, _ = _played(steps, spans, ran)
    assert short(again) == short(spans)


@given(st.lists(_STEPS, max_size=12), st.lists(st.tuples(_NUMBERS, _NUMBERS, st.sampled_from(_SEEN)), max_size=4))
def test_merged_runs_among_others_stay_and_nothing_is_in_two_full_spans(
    steps: list[int | Span], merged: list[tuple[int, int, Reason]]
) -> None:
    sparse = [span(min(a, b), max(a, b) + 2, reason, count=2) for a, b, reason in merged]
    spans, ran = _played([*steps[::2], *sparse, *steps[1::2]], [], set())
    assert len({span.id for span in spans}) == len(spans)
    assert {span.first_at for span in sparse} == {span.first_at for span in spans if not span.is_full}
    full = _owners([span for span in spans if span.is_full])
    assert not set(full) & ran
    again, _ = _played([*steps[::2], *sparse, *steps[1::2]], spans, ran)
    assert short(again) == short(spans)


def _played(steps: list[int | Span], spans: list[Span], ran: set[int]) -> tuple[list[Span], set[int]]:
    spans, ran = list(spans), set(ran)
    for step in steps:
        if isinstance(step, Span):
            spans = claimed(spans, step, [tick(number) for number in ran])
        else:
            ran.add(step)
            spans = [part for span in spans for part in without(span, tick(step))]
    return spans, ran


def _owners(spans: list[Span]) -> dict[int, tuple[Reason, str]]:
    owners: dict[int, tuple[Reason, str]] = {}
    for owner in spans:
        for number in range(LAST + 3):
            if owner.first_at <= tick(number) <= owner.last_at:
                assert number not in owners, f"{number} is in two spans"
                owners[number] = (owner.reason, owner.pod_uid)
    return owners


def _is_continued(span: Span, spans: list[Span]) -> bool:
    return any(
        (other.reason, other.pod_uid, other.first_at) == (span.reason, span.pod_uid, span.last_at + INTERVAL)
        for other in spans
    )


def _by_hand(steps: list[int | Span]) -> dict[int, tuple[Reason, str] | None]:
    """Return for each fire time its run (None) or the reason and pod of its span: a run beats what was seen, which
    beats what was inferred; between two of a kind the first stands.
    """
    said: dict[int, tuple[Reason, str] | None] = {}
    for step in steps:
        if not isinstance(step, Span):
            said[step] = None
            continue
        for number in range(LAST + 1):
            if not step.first_at <= tick(number) <= step.last_at:
                continue
            known = said.get(number, ())
            if known == () or (known and known[0] is Reason.POD_LATE and step.reason is not Reason.POD_LATE):
                said[number] = (step.reason, step.pod_uid)
    return said
