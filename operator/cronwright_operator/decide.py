"""What to do about one Task: from an observation to a list of actions, and when to look again. Pure.

The order of the actions is the order in which they are applied; a restart after any of them finds the rest to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cronwright.conditions import InForce, Retrying, Stalled, Verdict, next_status
from cronwright.jsontypes import JSON, JSONObject
from cronwright.observed.job import JobFacts
from cronwright.plan.choose import Stall, choose
from cronwright.plan.lever import CronJobStep, ReplaceCronJob, SetLever, steps
from cronwright.plan.manifests import cron_job
from cronwright.plan.pod import RunnerSettings
from cronwright.reasons import Outcome, Reason
from cronwright.run.report import end_event
from cronwright.run.state import PATIENCE, RunState, run_state
from cronwright.status import RunOutcome, TaskStatus, dump_status, merge_patch
from cronwright.timeline.event import Event
from cronwright_operator.errors import StalledError
from cronwright_operator.notices import Notice, notices
from cronwright_operator.observe import Observation

WAIT_FOR_RUNNER = timedelta(seconds=30)
"""How long the operator waits for a runner's own end before it reports what Kubernetes saw."""

AFTER_FIRE_TIME = timedelta(seconds=5)
"""How long after a fire time the next one is written where no Job's event has brought it about."""

LONGEST_SLEEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class TryCronJob:
    """Ask the API server whether it would take `manifest`, and keep nothing.

    A template that it refuses must not cost the last good plan its memory, which the lever overwrites before the spec.
    """

    manifest: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class WriteStatus:
    """Merge `patch` into the Task's status."""

    patch: JSONObject


@dataclass(frozen=True, slots=True)
class Tell:
    """Post a Kubernetes Event about the Task."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Report:
    """Put the end of a Job's run on the timeline."""

    job: JobFacts
    event: Event


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete a finished Job beyond the Task's history limits."""

    job: JobFacts


@dataclass(frozen=True, slots=True)
class EndJob:
    """End a Job that waits for something and may not start any more."""

    job: JobFacts


Action = CronJobStep | TryCronJob | WriteStatus | Tell | Report | DeleteJob | EndJob


@dataclass(frozen=True, slots=True)
class Decision:
    """Actions in their order, and when to look again even if nothing happens."""

    actions: tuple[Action, ...]
    look_again_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What came of the last try to write the CronJob: an error that a person must mend, or what Kubernetes answered."""

    stalled: StalledError | None = None
    answer: str = ""


def decide(seen: Observation, runner: RunnerSettings, now: datetime, trouble: Trouble | None = None) -> Decision:
    """Return what to do about the Task that was `seen`, at `now` (aware).

    After a failed write it is asked again with the `trouble`; the CronJob is then left alone.
    """
    runs = [_run(seen, job, now) for job in seen.jobs]
    verdict, writes = _spec(seen, runner, now, trouble)
    old = seen.task.status
    new = next_status(old, seen.task.generation, seen.task.task, verdict, runs, now)
    actions: list[Action] = [*writes, *_status(old, new)]
    actions += [Tell(notice) for notice in notices(old, new)]
    reports = _reports(seen, runs, runner, now)
    actions += reports
    actions += [EndJob(run.job) for run in runs if _is_too_late(run, now)]
    actions += [DeleteJob(job) for job in _surplus(seen, runs, {report.job.uid for report in reports}, runner)]
    return Decision(tuple(actions), _look_again_at(seen, runs, new, runner, now))


def _spec(
    seen: Observation, runner: RunnerSettings, now: datetime, trouble: Trouble | None
) -> tuple[Verdict, Sequence[CronJobStep | TryCronJob]]:
    own = seen.cron_job if seen.cron_job and seen.cron_job.is_of(seen.task.uid) else None
    if seen.task.task is None:
        return Stalled(Reason.INVALID_TASK, str(seen.task.error), own), ()
    try:
        plan = choose(seen.task.task)
    except Stall as stall:
        return Stalled(stall.reason, stall.message, own), ()
    if trouble and trouble.stalled:
        return Stalled(trouble.stalled.reason, trouble.stalled.message, own), ()
    if trouble:
        return Retrying(trouble.answer), ()
    # One that is someone else's is left to the create, which says so.
    manifest = cron_job(seen.task.task, plan, runner)
    match steps(own, manifest, plan, now):
        case [SetLever(), ReplaceCronJob(), *_] as writes if seen.task.task.template:
            return InForce(plan), [TryCronJob(manifest), *writes]
        case writes:
            return InForce(plan), writes


def _run(seen: Observation, job: JobFacts, now: datetime) -> RunState:
    pods, refusal = seen.pods_of(job), seen.refusals.get(job.uid, "")
    run = run_state(job, pods, refusal, None, now)
    last = seen.task.status.last_run
    if last is None or last.run_id != str(run.run_id) or not last.reason:
        return run
    if last.outcome in _FINAL and run.phase == "finished" and run.termination is None:
        # The pod that told how it ended may be gone by now, and with it the runner's word; the status still has it.
        return replace(run, outcome=_FINAL[last.outcome], reason=Reason(last.reason), message=last.message)
    if last.outcome != "Pending":
        return run
    if run.phase == "pending" and run.reason == last.reason:
        # The kubelet words one failure in several ways, by turns; the first is as good as the next, and needs no write.
        return replace(run, message=last.message)
    return run_state(job, pods, refusal, Reason(last.reason), now)


_FINAL: Mapping[RunOutcome, Outcome] = {
    "Succeeded": Outcome.SUCCEEDED,
    "Failed": Outcome.FAILED,
    "Skipped": Outcome.SKIPPED,
}


def _status(old: TaskStatus, new: TaskStatus) -> list[Action]:
    # A fresh time alone says nothing new.
    kept = {
        kind: before if (before := old.conditions.get(kind)) and condition.says_the_same_as(before) else condition
        for kind, condition in new.conditions.items()
    }
    patch = merge_patch(dump_status(old), dump_status(replace(new, conditions=kept)))
    return [WriteStatus(patch)] if patch else []


def _reports(seen: Observation, runs: Sequence[RunState], runner: RunnerSettings, now: datetime) -> list[Report]:
    if runner.api_url is None:
        return []
    return [Report(run.job, end_event(run)) for run in runs if (at := _report_due(seen, run)) is not None and at <= now]


def _report_due(seen: Observation, run: RunState) -> datetime | None:
    """When the operator has to report the run's end; None where it has not, or has done so."""
    if run.phase != "finished" or run.job.document is None or run.job.uid in seen.reported:
        return None
    if run.termination:
        return None if run.termination.delivered else run.termination.finished_at
    if run.outcome == Outcome.SUCCEEDED:
        # A Job is complete only when its runner ended well, and then the runner has told.
        return None
    return (run.job.ended_at or run.due_at) + WAIT_FOR_RUNNER


def _is_too_late(run: RunState, now: datetime) -> bool:
    document = run.job.document
    if run.phase != "pending" or run.reason is None or run.scheduled_time is None or document is None:
        return False
    # 1 is what `end_job` writes: it is on its way to its end already
    return run.job.active_deadline_seconds != 1 and now > _start_deadline(run)


def _start_deadline(run: RunState) -> datetime:
    seconds = run.job.document.starting_deadline_seconds if run.job.document else 0
    return run.due_at + max(timedelta(seconds=seconds), 2 * PATIENCE)


def _surplus(
    seen: Observation, runs: Sequence[RunState], reporting: set[str], runner: RunnerSettings
) -> list[JobFacts]:
    """The finished Jobs beyond the Task's limits whose end is on the timeline for certain, oldest first."""
    if seen.task.task is None:
        return []
    surplus = []
    for ended, limit in (
        ("Complete", seen.task.task.successful_jobs_history_limit),
        ("Failed", seen.task.task.failed_jobs_history_limit),
    ):
        # A Job that a person made is the person's to delete, as with any CronJob.
        of_kind = [run for run in runs if run.job.ended == ended and run.job.scheduled]
        of_kind.sort(key=lambda run: run.job.created_at)
        surplus += of_kind[: max(0, len(of_kind) - limit)]
    return [
        run.job
        for run in surplus
        if not run.job.deleted
        and run.job.uid not in reporting
        and (runner.api_url is None or _report_due(seen, run) is None)
    ]


def _look_again_at(
    seen: Observation, runs: Sequence[RunState], status: TaskStatus, runner: RunnerSettings, now: datetime
) -> datetime | None:
    times = [now + LONGEST_SLEEP]
    if status.next_run_time:
        times.append(status.next_run_time + AFTER_FIRE_TIME)
    for run in runs:
        if run.phase == "pending":
            times.append(run.job.created_at + PATIENCE)
            times.append(now + PATIENCE)
            if run.reason:
                times.append(_start_deadline(run))
        report = _report_due(seen, run)
        if report and runner.api_url:
            times.append(report)
    return min((time for time in times if time > now), default=None)


def is_stuck(seen: Observation, job: JobFacts, now: datetime) -> bool:
    """Return whether the Job has had no pod for so long that the Job controller's complaints are worth reading."""
    return job.ended is None and not seen.pods_of(job) and now - job.created_at >= timedelta(seconds=2)
