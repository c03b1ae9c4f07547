"""What a Task's status says next: conditions, counts, the last run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from cronwright.conditions import InForce, Retrying, Stalled, Verdict, next_status
from cronwright.observed.cronjob import parse_cron_job
from cronwright.observed.job import parse_job
from cronwright.observed.pod import parse_pod
from cronwright.plan.choose import choose
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.run.state import RunState, run_state
from cronwright.status import TaskStatus
from cronwright.task import parse_task
from support.facts import DUE, a_cron_job, a_job, a_pod, a_task, a_word, at, running, terminated, waiting

TASK = a_task()


def in_force(**spec: Any) -> tuple[Any, InForce]:
    """Return a Task and the verdict that it is in force."""
    task = parse_task(a_task(**spec))
    return task, InForce(choose(task))


def after(
    verdict: Verdict | None = None,
    runs: Sequence[RunState] = (),
    old: TaskStatus | None = None,
    generation: int = 1,
    now: datetime = DUE,
    **spec: Any,
) -> TaskStatus:
    """Return the status after `old`."""
    task, good = in_force(**spec)
    return next_status(old or TaskStatus(), generation, task, verdict or good, runs, now)


def run(minute: int = 0, ended: str | None = None, state: Any = None, seen: float = 30, refusal: str = "") -> RunState:
    """Return the run of some minute after `DUE`, with its runner's container in `state`."""
    job = a_job(TASK, at(60 * minute), ended=ended, ended_at=at(60 * minute + 20))
    pods = [parse_pod(a_pod(job, state))] if state else []
    return run_state(parse_job(job), pods, refusal, None, at(60 * minute + seen))


def good(minute: int = 0) -> RunState:
    """Return a run that succeeded, nine seconds after it was due."""
    word = a_word(Outcome.SUCCEEDED, Reason.COMPLETED, "", due=at(60 * minute))
    return run(minute, "Complete", terminated(0, "Completed", word))


def bad(minute: int = 0) -> RunState:
    """Return a run that failed, nine seconds after it was due."""
    return run(minute, "Failed", terminated(1, message=a_word(due=at(60 * minute))))


def skipped(minute: int = 0) -> RunState:
    """Return a run that was skipped."""
    word = a_word(Outcome.SKIPPED, Reason.STARTING_DEADLINE_PASSED, "late", due=at(60 * minute))
    return run(minute, "Complete", terminated(0, "Completed", word))


def says(status: TaskStatus, kind: Any) -> tuple[str, str, str] | None:
    """Return status, reason and message of a condition, None where there is none."""
    found = status.conditions.get(kind)
    return (found.status, found.reason, found.message) if found else None


LAST_GOOD = parse_cron_job(a_cron_job(a_task("0 9 * * *")))
STALLED = Stalled(Reason.LOOP_REPLACE, "write concurrencyPolicy Forbid", LAST_GOOD)

READY: dict[str, tuple[TaskStatus, tuple[str, str, str]]] = {
    "in force": (after(), ("True", "InForce", "every minute")),
    "in force, in a zone": (
        after(schedule="@daily", timeZone="Asia/Tokyo"),
        ("True", "InForce", "every day at 00:00 Asia/Tokyo"),
    ),
    "in force, an interval": (
        after(schedule="@every 90s"),
        ("True", "InForce", "every 90 seconds, counted from midnight UTC"),
    ),
    "on request": (after(schedule="@manual"), ("True", "InForce", "only on request")),
    "paused": (after(isActive=False), ("True", "Suspended", "paused by isActive: false")),
    "paused, and why": (
        after(isActive=False, suspendReason="moving house"),
        ("True", "Suspended", "paused by isActive: false: moving house"),
    ),
    "stalled": (after(STALLED), ("False", "LoopReplace", "write concurrencyPolicy Forbid")),
    "Kubernetes does not take it": (after(Retrying("503")), ("False", "Progressing", "503")),
    "a failed run never feeds it": (after(runs=[bad()]), ("True", "InForce", "every minute")),
}


@pytest.mark.parametrize(("status", "expected"), READY.values(), ids=READY)
def test_ready(status: TaskStatus, expected: tuple[str, str, str]) -> None:
    assert says(status, "Ready") == expected


def test_stalled_and_reconciling_are_there_only_while_they_are_true() -> None:
    stalled = after(STALLED)
    assert says(stalled, "Stalled") == ("True", "LoopReplace", "write concurrencyPolicy Forbid")
    retrying = after(Retrying("503"), old=stalled)
    assert says(retrying, "Reconciling") == ("True", "Progressing", "503")
    assert says(retrying, "Stalled") is None
    assert says(after(STALLED, old=retrying), "Reconciling") is None
    mended = after(old=after(STALLED, old=retrying))
    assert set(mended.conditions) == {"Ready", "Healthy"}


def test_a_condition_keeps_the_time_of_its_last_change() -> None:
    first = after(now=at(0))
    later = after(old=first, now=at(60), generation=2)
    assert later.conditions["Ready"].last_transition_time == at(0)
    assert later.conditions["Ready"].observed_generation == later.observed_generation == 2
    stalled = after(STALLED, old=later, now=at(120))
    assert stalled.conditions["Ready"].last_transition_time == at(120)


NEXT: dict[str, tuple[TaskStatus, datetime | None]] = {
    "in force": (after(schedule="*/5 * * * *"), at(300)),
    "paused": (after(isActive=False), None),
    "stalled: of the last good plan, which goes on": (after(STALLED), at(3600)),
    "stalled, and there is no plan": (after(replace(STALLED, observed=None)), None),
    "stalled, and the last good plan is paused": (
        after(replace(STALLED, observed=replace(LAST_GOOD, suspend=True))),
        None,
    ),
    "stalled, and the last good plan is a loop, whose CronJob's line tells of windows": (
        after(replace(STALLED, observed=parse_cron_job(a_cron_job(a_task("@every 5s"), DUE, start=DUE)))),
        None,
    ),
    "stalled, and another hand wrote a line that we do not know": (
        after(replace(STALLED, observed=replace(LAST_GOOD, schedule="TZ=UTC 0 9 * * *"))),
        None,
    ),
    "Kubernetes does not take it: as before": (
        after(Retrying("503"), old=TaskStatus(next_run_time=at(7))),
        at(7),
    ),
}


@pytest.mark.parametrize(("status", "expected"), NEXT.values(), ids=NEXT)
def test_next_run_time(status: TaskStatus, expected: datetime | None) -> None:
    assert status.next_run_time == expected


MENDED = EXPLANATIONS[Reason.ACTION_FAILED].remedy
NO_IMAGE = run(1, state=waiting("ErrImagePull", "not found."))

HEALTHY: dict[str, tuple[TaskStatus, tuple[str, str, str]]] = {
    "no run yet": (after(), ("Unknown", "NoRunYet", "No run has ended yet.")),
    "a run goes on": (after(runs=[run(state=running())]), ("Unknown", "NoRunYet", "No run has ended yet.")),
    "a success": (after(runs=[good()]), ("True", "Completed", "the last run succeeded")),
    "a failure": (
        after(runs=[bad()]),
        ("False", "ActionFailed", f"the run of 2027-01-04T08:00:00Z failed: exit code 3. {MENDED}"),
    ),
    "a success after a failure": (after(runs=[bad(0), good(1)]), ("True", "Completed", "the last run succeeded")),
    "a skipped run says nothing": (after(runs=[good(0), skipped(1)]), ("True", "Completed", "the last run succeeded")),
    "a run that waits": (
        after(runs=[good(0), NO_IMAGE]),
        (
            "False",
            "ImagePull",
            f"the run of 2027-01-04T08:01:00Z waits: not found. {EXPLANATIONS[Reason.IMAGE_PULL].remedy}",
        ),
    ),
    "a run that waits, and a later one that succeeded": (
        after(runs=[NO_IMAGE, good(2)]),
        ("True", "Completed", "the last run succeeded"),
    ),
    "its Jobs are gone: as before": (after(old=after(runs=[good()])), ("True", "Completed", "the last run succeeded")),
}


@pytest.mark.parametrize(("status", "expected"), HEALTHY.values(), ids=HEALTHY)
def test_healthy(status: TaskStatus, expected: tuple[str, str, str]) -> None:
    assert says(status, "Healthy") == expected


@dataclass(frozen=True)
class Count:
    """Runs that are seen one after another, and what is counted in the end."""

    seen: list[list[RunState]]
    failures: int
    success: datetime | None
    failure: datetime | None


COUNTS = {
    "no run": Count([[]], 0, None, None),
    "one success": Count([[good(0)]], 0, at(9), None),
    "failures in a row": Count([[bad(0)], [bad(0), bad(1)]], 2, None, at(69)),
    "each is counted once, however often it is seen": Count([[bad(0)], [bad(0)], [bad(0)]], 1, None, at(9)),
    "a success begins anew": Count([[bad(0)], [bad(0), good(1)]], 0, at(69), at(9)),
    "a failure after a success": Count([[good(0)], [good(0), bad(1)]], 1, at(9), at(69)),
    "several at once, after an outage": Count([[bad(0), good(1), bad(2), bad(3)]], 2, at(69), at(189)),
    "in any order": Count([[bad(3), good(1), bad(0), bad(2)]], 2, at(69), at(189)),
    "a skipped run counts for nothing": Count([[bad(0)], [bad(0), skipped(1)]], 1, None, at(9)),
    "one that runs counts for nothing": Count([[bad(0), run(1, state=running())]], 1, None, at(9)),
}


@pytest.mark.parametrize("count", COUNTS.values(), ids=COUNTS)
def test_counts(count: Count) -> None:
    status = TaskStatus()
    for runs in count.seen:
        status = after(runs=runs, old=status)
    assert (status.consecutive_failures, status.last_successful_time, status.last_failure_time) == (
        count.failures,
        count.success,
        count.failure,
    )


LAST: dict[str, tuple[list[RunState], tuple[str, str, int]]] = {
    "an ordinary wait is not worth a write": ([run(seen=5)], ("none", "", 0)),
    "it runs": ([run(state=running())], ("Running", "", 1)),
    "it waits for its image": ([NO_IMAGE], ("Pending", "ImagePull", 1)),
    "it succeeded": ([good()], ("Succeeded", "Completed", 0)),
    "it failed": ([bad()], ("Failed", "ActionFailed", 0)),
    "it was skipped": ([skipped()], ("Skipped", "StartingDeadlinePassed", 0)),
    "the newest counts": ([bad(0), run(2, state=running()), good(1)], ("Running", "", 1)),
}


@pytest.mark.parametrize(("runs", "expected"), LAST.values(), ids=LAST)
def test_last_run(runs: list[RunState], expected: tuple[str, str, int]) -> None:
    now = at(5) if expected[0] == "none" else at(150)
    status = after(runs=runs, now=now)
    last = status.last_run
    assert (last.outcome if last else "none", last.reason if last else "", status.active) == expected


def test_an_older_run_does_not_take_the_place_of_the_last() -> None:
    newest = after(runs=[good(5)])
    assert after(runs=[bad(0)], old=newest).last_run == newest.last_run


def test_a_run_whose_job_vanished_has_no_known_end() -> None:
    lost = after(old=after(runs=[run(state=running())]))
    assert lost.last_run is not None
    assert (lost.last_run.outcome, lost.last_run.reason, lost.active) == ("Unknown", "PodLost", 0)
    ended = after(runs=[good()])
    assert after(old=ended).last_run == ended.last_run
