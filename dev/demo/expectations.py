"""What the demo expects of its Tasks and their runs, as data, and the check of what was seen. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from cronwright.instants import parse_instant
from cronwright.reasons import Outcome, Reason
from cronwright_cli.timeline.run import Run

Task = Mapping[str, Any]
"""A Task as `kubectl get -o json` prints it."""

CONVERTED = (
    "cleanup-sessions",
    "daily-backup",
    "daily-report",
    "hourly-sync",
    "mail-sync",
    "storage-sync",
    "weekly-report",
)
"""The Tasks that examples/tasks.yaml becomes."""


@dataclass(frozen=True, slots=True)
class Expected:
    """How the first run of a Task has to end."""

    task: str
    outcome: Outcome
    reason: Reason


RUNS = (
    Expected("check-api", Outcome.SUCCEEDED, Reason.COMPLETED),
    Expected("say-hello", Outcome.SUCCEEDED, Reason.COMPLETED),
    Expected("heartbeat", Outcome.SUCCEEDED, Reason.COMPLETED),
    Expected("fail-on-purpose", Outcome.FAILED, Reason.ACTION_FAILED),
)
"""The Tasks of examples/demo-tasks.yaml."""

LOOP = "heartbeat"
LOOP_INTERVAL = timedelta(seconds=5)
TICKS_SHOWN = 3
"""More ticks of the loop would push the other runs out of sight."""


def first_runs(runs: Iterable[Run], since: datetime) -> dict[str, Run]:
    """Return the first scheduled run of each Task that started at or after `since`, by the name of its resource."""
    found: dict[str, Run] = {}
    for run in sorted((run for run in runs if run.started_at is not None), key=lambda run: str(run.started_at)):
        if run.started_at is not None and run.started_at >= since and run.trigger == "schedule":
            found.setdefault(run.task, run)
    return found


def still_awaited(first: Mapping[str, Run]) -> list[str]:
    """Return the Tasks of `RUNS` whose first run is not over."""
    return [expected.task for expected in RUNS if expected.task not in first or not first[expected.task].is_over]


def without_most_ticks(runs: Iterable[Run]) -> list[Run]:
    """Return `runs` in their order, of the loop's only the first few and those that went wrong."""
    shown, ticks = [], 0
    for run in runs:
        if run.task == LOOP:
            ticks += 1
            if ticks > TICKS_SHOWN and run.outcome in (None, Outcome.SUCCEEDED):
                continue
        shown.append(run)
    return shown


def ticks_in_words(runs: Iterable[Run]) -> str:
    """Return how many ticks of the loop have ended, and how."""
    outcomes = [run.outcome for run in runs if run.task == LOOP and run.is_over]
    if not outcomes:
        return ""
    other = sum(outcome != Outcome.SUCCEEDED for outcome in outcomes)
    return f"{LOOP} has ticked {len(outcomes)} times{f', {other} of them without success' if other else ''}."


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether an expectation was met, and the sentence about it."""

    is_good: bool
    sentence: str


def judge_runs(first: Mapping[str, Run], waited_seconds: float) -> list[Finding]:
    """Return a finding for each of `RUNS`."""
    return [_judge_run(expected, first.get(expected.task), waited_seconds) for expected in RUNS]


def _judge_run(expected: Expected, run: Run | None, waited_seconds: float) -> Finding:
    if run is None or not run.is_over:
        what = "has not started" if run is None else "has not ended"
        return Finding(
            False,
            f"{expected.task}: its run {what} within {waited_seconds:.0f} s; look at"
            f" kubectl describe cwt {expected.task} -n demo",
        )
    is_good = (run.outcome, run.reason) == (expected.outcome, expected.reason)
    seen = f"{expected.task} {run.outcome} ({run.reason})"
    return Finding(
        is_good, f"{seen}, as expected" if is_good else f"{seen}, and not {expected.outcome} ({expected.reason})"
    )


def judge_ticks(runs: Iterable[Run]) -> Finding:
    """Return a finding about the loop's runs: one for each fire time between the first and the last of them."""
    ticks = [run for run in runs if run.task == LOOP and run.is_over and run.scheduled_at is not None]
    due = sorted({run.scheduled_at for run in ticks if run.scheduled_at is not None})
    gaps = [before + LOOP_INTERVAL for before, after in pairwise(due) if after - before > LOOP_INTERVAL]
    if gaps:
        return Finding(
            False,
            f"{LOOP}: no run for {gaps[0]:%H:%M:%S} UTC; look at kubectl cronwright timeline -n demo --task {LOOP}",
        )
    pods = len({run.pod for run in ticks})
    where = "one pod" if pods == 1 else f"{pods} pods"
    return Finding(True, f"{LOOP} ran {len(due)} times in {where}, every {LOOP_INTERVAL.seconds} s without a gap")


def judge_tasks(tasks: Sequence[Task]) -> list[Finding]:
    """Return one finding about the converted Tasks: each is Ready and knows its next run."""
    by_name = {task["metadata"]["name"]: task for task in tasks}
    wrong = [name for name in CONVERTED if not (is_ready(by_name.get(name)) and next_run(by_name.get(name)))]
    if wrong:
        return [
            Finding(
                False, f"not Ready with a next run: {', '.join(wrong)}; look at kubectl describe cwt {wrong[0]} -n demo"
            )
        ]
    return [Finding(True, f"the {len(CONVERTED)} Tasks that came from Daptin are Ready and know their next run")]


def is_ready(task: Task | None) -> bool:
    """Return whether the operator has put this very version of the Task in force."""
    if task is None:
        return False
    status = task.get("status", {})
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
    return conditions.get("Ready") == "True" and status.get("observedGeneration") == task["metadata"]["generation"]


def next_run(task: Task | None) -> datetime | None:
    """Return when the Task runs next, as its status says."""
    text = (task or {}).get("status", {}).get("nextRunTime")
    return parse_instant(text) if text else None


def has_told_its_run(task: Task | None, run: Run) -> bool:
    """Return whether the Task's status knows of an end that is not before that of `run`.

    `lastRun` would not do: it may be about the next run already.
    """
    status = (task or {}).get("status", {})
    ends = [parse_instant(status[field]) for field in ("lastSuccessfulTime", "lastFailureTime") if field in status]
    # The status has whole seconds, the timeline more.
    return run.finished_at is not None and any(end >= run.finished_at.replace(microsecond=0) for end in ends)
