"""What to do about one Task: from an observation to a list of actions, and when to look again. Pure.

The order of the actions is the order in which they are applied; a restart after any of them finds the rest to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cronwright.conditions import Changing, InForce, LoopView, Retrying, Stalled, Verdict, next_status
from cronwright.jsontypes import JSON, JSONObject
from cronwright.observed.job import JobFacts
from cronwright.plan.choose import LoopSettings, Plan, Stall, choose, too_many
from cronwright.plan.lever import CreateCronJob, CronJobStep, ReplaceCronJob, SetLever
from cronwright.plan.loop.jobs import JobWithPods, left_untold
from cronwright.plan.loop.opening import go_on
from cronwright.plan.loop.progress import progress
from cronwright.plan.loop.steps import AskToEnd, DeleteWindow, LoopStep, Progress, ResumeCronJob, Unserved
from cronwright.plan.manifests import cron_job
from cronwright.plan.pod import RunnerSettings
from cronwright.plan.windows import Ownership
from cronwright.reasons import Outcome, Reason
from cronwright.run.report import end_event, undelivered_spans, unserved_span
from cronwright.run.state import PATIENCE, RunState, run_state
from cronwright.status import RunOutcome, TaskStatus, dump_status, merge_patch
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_operator.errors import StalledError
from cronwright_operator.notices import Notice, notices
from cronwright_operator.observe import Observation

WAIT_FOR_RUNNER = timedelta(seconds=30)
"""How long the operator waits for a runner's own end before it reports what Kubernetes saw."""

AFTER_FIRE_TIME = timedelta(seconds=5)
"""How long after a fire time the next one is written where no Job's event has brought it about."""

FULL_AGAIN = timedelta(minutes=1)
"""How soon a loop that found no room is looked at again: another Task makes the room, and nobody tells this one."""

LONGEST_SLEEP = timedelta(hours=1)

DEFAULT_LOOPS = LoopSettings()


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
class Claim:
    """Put stretches of ticks on the timeline. `of` is the uid of the Job or pod that they are derived from, so that it
    can be done later as well; empty where nothing will tell of them again.
    """

    spans: tuple[Span, ...]
    of: str = ""


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete a finished Job beyond the Task's history limits."""

    job: JobFacts


@dataclass(frozen=True, slots=True)
class EndJob:
    """End a Job that waits for something and may not start any more."""

    job: JobFacts


Action = (
    CronJobStep
    | TryCronJob
    | ResumeCronJob
    | AskToEnd
    | DeleteWindow
    | WriteStatus
    | Tell
    | Report
    | Claim
    | DeleteJob
    | EndJob
)


@dataclass(frozen=True, slots=True)
class Decision:
    """Actions in their order, and when to look again even if nothing happens. `is_loop` says that the Task holds a
    place among the loops.
    """

    actions: tuple[Action, ...]
    look_again_at: datetime | None
    is_loop: bool = False


@dataclass(frozen=True, slots=True)
class Trouble:
    """What came of the last try to write the CronJob: an error that a person must mend, or what Kubernetes answered."""

    stalled: StalledError | None = None
    answer: str = ""


def decide(
    seen: Observation,
    runner: RunnerSettings,
    now: datetime,
    trouble: Trouble | None = None,
    loops: LoopSettings = DEFAULT_LOOPS,
) -> Decision:
    """Return what to do about the Task that was `seen`, at `now` (aware).

    After a failed write it is asked again with the `trouble`; the CronJob is then left alone.
    """
    runs = [_run(seen, job, now) for job in seen.jobs if not job.due.window]
    windows = [
        run_state(job, seen.pods_of(job), seen.refusals.get(job.uid, ""), None, now)
        for job in seen.jobs
        if job.due.window
    ]
    spec = _spec(seen, runner, now, trouble, loops)
    old = seen.task.status
    ticks = spec.plan.windows is not None if spec.plan else old.plan_kind == "loop"
    view = LoopView(windows, seen.ticks, seen.timeline_problem) if ticks else None
    former = None if ticks else seen.ticks
    new = next_status(old, seen.task.generation, seen.task.task, spec.verdict, runs, now, view, former)
    claims = _claims(seen, windows, runner)
    writes, tells = _writes(spec, windows, runner), [*_status(old, new), *map(Tell, notices(old, new))]
    actions: list[Action] = [*claims]
    # What stalls is told first: the writes that let the last good plan go on may be what Kubernetes refuses
    actions += [*tells, *writes] if isinstance(spec.verdict, Stalled) else [*writes, *tells]
    reports = _reports(seen, runs, runner, now)
    actions += reports
    actions += [EndJob(run.job) for run in runs if _is_too_late(run, now)]
    reporting = {report.job.uid for report in reports} | {claim.of for claim in claims}
    actions += [DeleteJob(job) for job in _surplus(seen, [*runs, *windows], reporting, runner)]
    again = _look_again_at(seen, [*runs, *windows], new, runner, now, spec.look_again_at)
    return Decision(tuple(actions), again, spec.is_loop)


@dataclass(frozen=True, slots=True)
class _Spec:
    """What becomes of the Task's spec."""

    verdict: Verdict
    steps: Sequence[LoopStep | TryCronJob] = ()
    look_again_at: datetime | None = None
    plan: Plan | None = None

    @property
    def is_loop(self) -> bool:
        """Whether the plan is a loop that is not paused, nor refused a place."""
        return self.plan is not None and self.plan.windows is not None and not self.plan.suspend


def _spec(
    seen: Observation, runner: RunnerSettings, now: datetime, trouble: Trouble | None, loops: LoopSettings
) -> _Spec:
    own = seen.cron_job if seen.cron_job and seen.cron_job.is_of(seen.task.uid) else None
    jobs = [JobWithPods(job, tuple(seen.pods_of(job))) for job in seen.jobs]
    last = go_on(own, jobs, now)
    if seen.task.task is None:
        return _Spec(Stalled(Reason.INVALID_TASK, str(seen.task.error), own), last.steps, last.look_again_at)
    try:
        plan = choose(seen.task.task, loops)
        if plan.windows and not plan.suspend and not seen.has_room:
            raise too_many(loops)
    except Stall as stall:
        again = now + FULL_AGAIN if stall.reason == Reason.TOO_MANY_LOOPS else last.look_again_at
        return _Spec(Stalled(stall.reason, stall.message, own), last.steps, again)
    if trouble and trouble.stalled:
        stalled = Stalled(trouble.stalled.reason, trouble.stalled.message, own)
        return _Spec(stalled, last.steps, last.look_again_at, plan)
    if trouble:
        return _Spec(Retrying(trouble.answer), plan=plan)
    # One that is someone else's is left to the create, which says so.
    manifest = cron_job(seen.task.task, plan, runner)
    due = progress(own, jobs, manifest, plan, now)
    steps: list[LoopStep | TryCronJob] = [*due.steps]
    if seen.task.task.template and _pulls_the_lever_first(due):
        steps.insert(0, TryCronJob(manifest))
    verdict = Changing(f"waits for {due.waits_for}") if due.waits_for else InForce(plan)
    return _Spec(verdict, steps, due.look_again_at, plan)


def _pulls_the_lever_first(due: Progress) -> bool:
    writes = [step for step in due.steps if isinstance(step, CreateCronJob | ReplaceCronJob | SetLever)]
    match writes:
        case [SetLever(), ReplaceCronJob(), *_]:
            return True
    return False


def _writes(spec: _Spec, windows: Sequence[RunState], runner: RunnerSettings) -> list[Action]:
    """The steps as actions: ticks that nobody serves become a claim, where there is a timeline."""
    actions: list[Action] = []
    for step in spec.steps:
        if not isinstance(step, Unserved):
            actions.append(step)
        elif runner.api_url is not None:
            window = next((window for window in windows if window.job == step.job), None)
            actions += _unserved(spec, window, step.ticks)
    return actions


def _unserved(spec: _Spec, window: RunState | None, ticks: Ownership) -> list[Claim]:
    reason, message = Reason.POD_LATE, "the loop was being changed"
    if window and window.reason:
        reason, message = window.reason, window.message
    document = window.job.document if window else spec.plan and spec.plan.document
    span = unserved_span(document, ticks, reason, message) if document else None
    return [Claim((span,))] if span else []


def _claims(seen: Observation, windows: Sequence[RunState], runner: RunnerSettings) -> list[Claim]:
    """What the windows' Jobs leave to tell: what a ticker could not deliver, and ticks of which it told nothing."""
    if runner.api_url is None:
        return []
    claims: list[Claim] = []
    for window in windows:
        document, pods = window.job.document, tuple(seen.pods_of(window.job))
        if document is None:
            continue
        claims += [
            Claim(tuple(undelivered_spans(document, pod)), pod.uid)
            for pod in pods
            if pod.undelivered and pod.uid not in seen.reported
        ]
        untold = left_untold(JobWithPods(window.job, pods))
        if untold is not None and window.reason and window.job.uid not in seen.reported:
            failed = window.job.ended == "Failed"
            reason, message = (window.reason, window.message) if failed else (Reason.POD_LOST, _UNTOLD)
            span = unserved_span(document, untold, reason, message)
            claims.append(Claim((span,) if span else (), window.job.uid))
    return claims


_UNTOLD = "the window's pod ended without a word about it"


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
    if run.phase != "finished" or run.job.document is None or run.job.uid in seen.reported or run.job.due.window:
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
        and reporting.isdisjoint({run.job.uid, *(pod.uid for pod in seen.pods_of(run.job))})
        and (runner.api_url is None or _report_due(seen, run) is None)
    ]


def _look_again_at(
    seen: Observation,
    runs: Sequence[RunState],
    status: TaskStatus,
    runner: RunnerSettings,
    now: datetime,
    for_spec: datetime | None,
) -> datetime | None:
    times = [now + LONGEST_SLEEP]
    if for_spec:
        times.append(for_spec)
    if status.next_run_time:
        times.append(status.next_run_time + AFTER_FIRE_TIME)
    for run in runs:
        if run.phase == "pending":
            times.append(run.job.created_at + PATIENCE)
            times.append(now + PATIENCE)
            if run.reason and not run.job.due.window:
                times.append(_start_deadline(run))
        report = _report_due(seen, run)
        if report and runner.api_url:
            times.append(report)
    return min((time for time in times if time > now), default=None)


def is_stuck(seen: Observation, job: JobFacts, now: datetime) -> bool:
    """Return whether the Job has had no pod for so long that the Job controller's complaints are worth reading."""
    return job.ended is None and not seen.pods_of(job) and now - job.created_at >= timedelta(seconds=2)
