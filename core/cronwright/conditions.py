"""What a Task's status says next: conditions, plan, next run, last run, counts. Pure; the operator writes the
difference.

A status is written for a new generation, a run's start and a run's end, and when a run waits for something that a
person may have to mend. Nothing is written for its own sake, so what is younger than a look may miss is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cronwright.instants import format_seconds
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.run.state import PATIENCE, RunState
from cronwright.run.ticks import TickFacts
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import parse
from cronwright.schedule.sentence import describe
from cronwright.status import (
    MAX_RUN_MESSAGE,
    RUN_OUTCOMES,
    Condition,
    ConditionStatus,
    ConditionType,
    LastRun,
    TaskStatus,
)
from cronwright.task import DEFAULT_TIME_ZONE, Task


@dataclass(frozen=True, slots=True)
class InForce:
    """The Task's spec is what the CronJob does, or will be after the writes that precede the status."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Stalled:
    """A person must act; `observed` is the CronJob of the last good plan, which goes on."""

    reason: Reason
    message: str
    observed: CronJobFacts | None


@dataclass(frozen=True, slots=True)
class Retrying:
    """Kubernetes did not take the last write; it is tried again. `message` says what it answered."""

    message: str


@dataclass(frozen=True, slots=True)
class Changing:
    """The plan is on its way: a loop's pod has to end before the next one starts. `message` says what is waited for."""

    message: str


Verdict = InForce | Stalled | Retrying | Changing


@dataclass(frozen=True, slots=True)
class LoopView:
    """What is known of a loop besides the Jobs of runs: those of its `windows`, and what the timeline says of its
    ticks: None until it was asked, or a `problem` with asking.
    """

    windows: Sequence[RunState]
    ticks: TickFacts | None
    problem: str = ""


def next_status(
    old: TaskStatus,
    generation: int,
    task: Task | None,
    verdict: Verdict,
    runs: Sequence[RunState],
    now: datetime,
    loop: LoopView | None = None,
    former_ticks: TickFacts | None = None,
) -> TaskStatus:
    """Return the status after `old`, for the Task's `generation`, the `verdict` on its spec and its `runs`. `now` is
    aware.

    `task` is None where the Task can't be read. The runs of a `loop` are its ticks; `runs` are those made by hand.
    `former_ticks` are those of a Task that was a loop until a moment ago.
    """
    visible = [run for run in runs if not _is_ordinary_wait(run, now)]
    counted = _count(old, visible) if loop is None else _count_ticks(old, loop.ticks)
    conditions = dict(old.conditions)
    status = replace(
        counted,
        observed_generation=generation,
        active=sum(run.phase != "finished" for run in visible) + (loop is not None and _has_running_pod(loop)),
        last_run=_last_run(
            _told_since(counted.last_run, former_ticks),
            visible,
            {str(run.run_id) for run in runs},
            ticking=loop is not None or former_ticks is not None,
        ),
    )
    match verdict:
        case InForce(plan):
            ready: tuple[ConditionStatus, Reason, str] = ("True", *_in_force(task, plan))
            conditions.pop("Stalled", None)
            conditions.pop("Reconciling", None)
            status = replace(
                status,
                plan_kind=plan.kind,
                plan_schedule=plan.schedule,
                plan_time_zone=plan.time_zone,
                next_run_time=plan.next_run_time(now),
            )
        case Stalled(reason, message, observed):
            ready = ("False", reason, message)
            conditions.pop("Reconciling", None)
            _set(conditions, "Stalled", "True", reason, message, generation, now)
            status = replace(status, next_run_time=_next_of(observed, now))
        case Retrying(message) | Changing(message):
            ready = ("False", Reason.PROGRESSING, message)
            conditions.pop("Stalled", None)
            _set(conditions, "Reconciling", "True", Reason.PROGRESSING, message, generation, now)
    _set(conditions, "Ready", *ready, generation, now)
    before = old.conditions.get("Healthy")
    healthy = _healthy(before, visible) if loop is None else _healthy_loop(before, old, loop, now)
    _set(conditions, "Healthy", *healthy, generation, now)
    return replace(status, conditions=conditions)


def _is_ordinary_wait(run: RunState, now: datetime) -> bool:
    return run.phase == "pending" and run.reason is None and now - run.job.created_at < PATIENCE


def _set(
    conditions: dict[ConditionType, Condition],
    kind: ConditionType,
    status: ConditionStatus,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> None:
    before = conditions.get(kind)
    since = before.last_transition_time if before and before.status == status else now.replace(microsecond=0)
    conditions[kind] = Condition(status, reason, message, since, generation)


def _in_force(task: Task | None, plan: Plan) -> tuple[Reason, str]:
    if task is not None and not task.is_active:
        why = f": {task.suspend_reason}" if task.suspend_reason else ""
        return Reason.SUSPENDED, f"paused by isActive: false{why}"
    return Reason.IN_FORCE, describe(plan.fire_times.schedule, plan.time_zone or DEFAULT_TIME_ZONE)


def _next_of(observed: CronJobFacts | None, now: datetime) -> datetime | None:
    if observed is None or observed.suspend or observed.loop_start is not None:
        # What the CronJob of a loop fires are its windows
        return None
    try:
        return FireTimes(parse(observed.schedule), observed.time_zone or DEFAULT_TIME_ZONE).next(now)
    except ValueError:
        # Another hand's line, in a wider grammar than a Task's, such as TZ=.
        return None


def _count(old: TaskStatus, runs: Sequence[RunState]) -> TaskStatus:
    """Add the runs that have ended since the last success or failure that the status knows.

    Ends are compared in whole seconds, as the status holds them; two runs of one Task that end in one second count
    once.
    """
    status = old
    for run in sorted(_ended(runs), key=_end):
        end = _end(run)
        if end <= max(filter(None, (status.last_successful_time, status.last_failure_time)), default=_BEFORE_ALL):
            continue
        if run.outcome == Outcome.SUCCEEDED:
            status = replace(status, last_successful_time=end, consecutive_failures=0)
        else:
            status = replace(status, last_failure_time=end, consecutive_failures=status.consecutive_failures + 1)
    return status


_BEFORE_ALL = datetime.fromisoformat("1970-01-01T00:00:00Z")


def _ended(runs: Iterable[RunState]) -> list[RunState]:
    """The finished runs that say how well the Task does; a skipped one says nothing of that."""
    return [run for run in runs if run.finished_at and run.outcome in (Outcome.SUCCEEDED, Outcome.FAILED)]


def _end(run: RunState) -> datetime:
    return (run.finished_at or run.due_at).replace(microsecond=0)


def _count_ticks(old: TaskStatus, ticks: TickFacts | None) -> TaskStatus:
    if ticks is None:
        return old
    return replace(
        old,
        last_run=ticks.last_run,
        last_successful_time=ticks.last_successful_time,
        last_failure_time=ticks.last_failure_time,
        consecutive_failures=ticks.consecutive_failures,
    )


def _told_since(last: LastRun | None, former_ticks: TickFacts | None) -> LastRun | None:
    """Return the last run as the timeline tells of it, where the status left it under way."""
    told = former_ticks.last_run if former_ticks else None
    if last and told and last.run_id == told.run_id and last.outcome in ("Pending", "Running"):
        return told
    return last


def _has_running_pod(loop: LoopView) -> bool:
    return any(window.phase == "running" and window.pod and window.pod.is_running for window in loop.windows)


def _last_run(
    old: LastRun | None, visible: Sequence[RunState], present: set[str], ticking: bool = False
) -> LastRun | None:
    newest = max(visible, key=lambda run: (run.due_at, run.job.created_at), default=None)
    if newest and (old is None or newest.due_at.replace(microsecond=0) >= old.scheduled_time):
        return LastRun(
            run_id=str(newest.run_id),
            scheduled_time=newest.due_at.replace(microsecond=0),
            outcome=RUN_OUTCOMES[newest.outcome]
            if newest.outcome
            else ("Running" if newest.phase == "running" else "Pending"),
            start_time=newest.started_at and newest.started_at.replace(microsecond=0),
            completion_time=newest.finished_at and newest.finished_at.replace(microsecond=0),
            reason=newest.reason or "",
            message=newest.message[:MAX_RUN_MESSAGE],
        )
    if old and old.outcome in ("Pending", "Running") and old.run_id not in present and not ticking:
        return replace(
            old, outcome="Unknown", reason=Reason.POD_LOST, message="the run's Job was deleted before its end was seen"
        )
    return old


def _healthy(old: Condition | None, runs: Sequence[RunState]) -> tuple[ConditionStatus, str, str]:
    stuck = max(
        (run for run in runs if run.phase == "pending" and run.reason), key=lambda run: run.due_at, default=None
    )
    last = max(_ended(runs), key=_end, default=None)
    if stuck and stuck.reason and (last is None or stuck.due_at > last.due_at):
        return (
            "False",
            stuck.reason,
            f"the run of {format_seconds(stuck.due_at)} waits: {_tell(stuck.reason, stuck.message)}",
        )
    if last and last.reason and last.outcome == Outcome.FAILED:
        return (
            "False",
            last.reason,
            f"the run of {format_seconds(last.due_at)} failed: {_tell(last.reason, last.message)}",
        )
    if last:
        return "True", Reason.COMPLETED, "the last run succeeded"
    return _as_before(old)


def _as_before(old: Condition | None) -> tuple[ConditionStatus, str, str]:
    if old:
        return old.status, old.reason, old.message
    return "Unknown", Reason.NO_RUN_YET, EXPLANATIONS[Reason.NO_RUN_YET].sentence


def _healthy_loop(
    before: Condition | None, old: TaskStatus, loop: LoopView, now: datetime
) -> tuple[ConditionStatus, str, str]:
    stuck = max(
        (run for run in loop.windows if run.phase == "pending" and now - run.job.created_at >= PATIENCE),
        key=lambda run: run.due_at,
        default=None,
    )
    if stuck and before and before.status == "False" and before.message.startswith(_waits(stuck)):
        # The kubelet tries by turns and says something else each time; the window still waits for the same
        return before.status, before.reason, before.message
    if stuck and stuck.reason:
        return "False", stuck.reason, _waits(stuck) + _tell(stuck.reason, stuck.message)
    if loop.problem:
        return "Unknown", Reason.TIMELINE_UNAVAILABLE, loop.problem
    if loop.ticks is None:
        return _as_before(before)
    last = loop.ticks.last_end
    if last and last.outcome == Outcome.FAILED:
        return (
            "False",
            last.reason,
            f"the run of {format_seconds(last.due_at)} failed: {_tell(last.reason, last.message)}",
        )
    if last or _last_known_to_succeed(old, loop.ticks):
        return "True", Reason.COMPLETED, "the last run succeeded"
    return _as_before(None if before and before.reason == Reason.TIMELINE_UNAVAILABLE else before)


def _waits(window: RunState) -> str:
    return f"the loop's window of {format_seconds(window.due_at)} waits: "


def _last_known_to_succeed(old: TaskStatus, ticks: TickFacts) -> bool:
    """Whether a run succeeded last, where the pod of a window waited, or the timeline was away, until now."""
    healthy = old.conditions.get("Healthy")
    was_about_runs = healthy is None or healthy.reason in (Reason.COMPLETED, Reason.NO_RUN_YET)
    return not was_about_runs and ticks.last_successful_time is not None and not ticks.consecutive_failures


def _tell(reason: Reason, message: str) -> str:
    explanation = EXPLANATIONS[reason]
    told = (message or explanation.sentence).strip()[:MAX_RUN_MESSAGE].rstrip(".")
    return f"{told}. {explanation.remedy}".strip()
