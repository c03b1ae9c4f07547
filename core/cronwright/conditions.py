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
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import parse
from cronwright.schedule.sentence import describe
from cronwright.status import Condition, ConditionStatus, ConditionType, LastRun, RunOutcome, TaskStatus
from cronwright.task import DEFAULT_TIME_ZONE, Task

MAX_RUN_MESSAGE = 1024
"""Characters of a run's message that the status keeps; the timeline has more."""


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


Verdict = InForce | Stalled | Retrying


def next_status(
    old: TaskStatus, generation: int, task: Task | None, verdict: Verdict, runs: Sequence[RunState], now: datetime
) -> TaskStatus:
    """Return the status after `old`, for the Task's `generation`, the `verdict` on its spec and its `runs`. `now` is
    aware.

    `task` is None where the Task can't be read.
    """
    visible = [run for run in runs if not _is_ordinary_wait(run, now)]
    counted = _count(old, visible)
    conditions = dict(old.conditions)
    status = replace(
        counted,
        observed_generation=generation,
        active=sum(run.phase != "finished" for run in visible),
        last_run=_last_run(old.last_run, visible, {str(run.run_id) for run in runs}),
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
        case Retrying(message):
            ready = ("False", Reason.PROGRESSING, message)
            conditions.pop("Stalled", None)
            _set(conditions, "Reconciling", "True", Reason.PROGRESSING, message, generation, now)
    _set(conditions, "Ready", *ready, generation, now)
    _set(conditions, "Healthy", *_healthy(old.conditions.get("Healthy"), visible), generation, now)
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
    if observed is None or observed.suspend:
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


def _last_run(old: LastRun | None, visible: Sequence[RunState], present: set[str]) -> LastRun | None:
    newest = max(visible, key=lambda run: (run.due_at, run.job.created_at), default=None)
    if newest and (old is None or newest.due_at.replace(microsecond=0) >= old.scheduled_time):
        return LastRun(
            run_id=str(newest.run_id),
            scheduled_time=newest.due_at.replace(microsecond=0),
            outcome=_OUTCOMES[newest.outcome]
            if newest.outcome
            else ("Running" if newest.phase == "running" else "Pending"),
            start_time=newest.started_at and newest.started_at.replace(microsecond=0),
            completion_time=newest.finished_at and newest.finished_at.replace(microsecond=0),
            reason=newest.reason or "",
            message=newest.message[:MAX_RUN_MESSAGE],
        )
    if old and old.outcome in ("Pending", "Running") and old.run_id not in present:
        return replace(
            old, outcome="Unknown", reason=Reason.POD_LOST, message="the run's Job was deleted before its end was seen"
        )
    return old


_OUTCOMES: dict[Outcome, RunOutcome] = {
    Outcome.SUCCEEDED: "Succeeded",
    Outcome.FAILED: "Failed",
    Outcome.SKIPPED: "Skipped",
    Outcome.MISSED: "Missed",
    Outcome.UNKNOWN: "Unknown",
}


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
    if old:
        return old.status, old.reason, old.message
    return "Unknown", Reason.NO_RUN_YET, EXPLANATIONS[Reason.NO_RUN_YET].sentence


def _tell(reason: Reason, message: str) -> str:
    explanation = EXPLANATIONS[reason]
    told = (message or explanation.sentence).strip()[:MAX_RUN_MESSAGE].rstrip(".")
    return f"{told}. {explanation.remedy}".strip()
