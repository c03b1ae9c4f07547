"""What becomes of a Task's spec: the verdict on it, and the steps that put it in force or let the last good plan go on.

Which plan it gets and how a CronJob comes to one is in `cronwright.plan`; how the verdict is worded, in the conditions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronwright.conditions import Changing, InForce, Retrying, Stalled, Verdict
from cronwright.plan.choose import LoopSettings, Plan, Stall, choose, too_many
from cronwright.plan.lever import CreateCronJob, ReplaceCronJob, SetLever
from cronwright.plan.loop.jobs import JobWithPods
from cronwright.plan.loop.progress import go_on, progress
from cronwright.plan.loop.steps import LoopStep, Progress
from cronwright.plan.manifests import cron_job
from cronwright.plan.pod import RunnerSettings
from cronwright.reasons import Reason
from cronwright.run.document import RunDocument
from cronwright_operator.actions import TryCronJob
from cronwright_operator.errors import StalledError
from cronwright_operator.observe import Observation

FULL_AGAIN = timedelta(minutes=1)
"""How soon a loop that found no room is looked at again: another Task makes the room, and nobody tells this one."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What came of the last try to write the CronJob: an error that a person must mend, or what Kubernetes answered."""

    stalled: StalledError | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """What becomes of the Task's spec. `loop_document` is that of the plan, or the last good one, whose ticks
    `steps` may tell to be unserved.
    """

    verdict: Verdict
    steps: Sequence[LoopStep | TryCronJob] = ()
    look_again_at: datetime | None = None
    plan: Plan | None = None
    loop_document: RunDocument | None = None

    @property
    def is_loop(self) -> bool:
        """Whether the plan is a loop that is not paused, nor refused a place."""
        return self.plan is not None and self.plan.windows is not None and not self.plan.suspend


def decide_spec(
    seen: Observation, runner: RunnerSettings, now: datetime, trouble: Trouble | None, loops: LoopSettings
) -> Spec:
    """Return what becomes of the spec of the Task that was `seen`, at `now` (aware); no step after `trouble`, except
    those that let the last good plan go on.
    """
    own = seen.cron_job if seen.cron_job and seen.cron_job.is_of(seen.task.uid) else None
    jobs = [JobWithPods(job, tuple(seen.pods_of(job))) for job in seen.jobs]
    last = go_on(own, jobs, now)
    goes_on = own.loop_document if own else None
    if seen.task.task is None:
        stalled = Stalled(Reason.INVALID_TASK, str(seen.task.error), own)
        return Spec(stalled, last.steps, last.look_again_at, loop_document=goes_on)
    try:
        plan = choose(seen.task.task, loops)
        if plan.windows and not plan.suspend and not seen.has_room:
            raise too_many(loops)
    except Stall as stall:
        again = now + FULL_AGAIN if stall.reason == Reason.TOO_MANY_LOOPS else last.look_again_at
        return Spec(Stalled(stall.reason, stall.message, own), last.steps, again, loop_document=goes_on)
    if trouble and trouble.stalled:
        stalled = Stalled(trouble.stalled.reason, trouble.stalled.message, own)
        return Spec(stalled, last.steps, last.look_again_at, plan, goes_on)
    if trouble:
        return Spec(Retrying(trouble.answer), plan=plan)
    # One that is someone else's is left to the create, which says so.
    manifest = cron_job(seen.task.task, plan, runner)
    due = progress(own, jobs, manifest, plan, now)
    steps: list[LoopStep | TryCronJob] = [*due.steps]
    if seen.task.task.template and _pulls_the_lever_first(due):
        steps.insert(0, TryCronJob(manifest))
    verdict = Changing(f"waits for {due.waits_for}") if due.waits_for else InForce(plan)
    return Spec(verdict, steps, due.look_again_at, plan, plan.document)


def _pulls_the_lever_first(due: Progress) -> bool:
    writes = [step for step in due.steps if isinstance(step, CreateCronJob | ReplaceCronJob | SetLever)]
    match writes:
        case [SetLever(), ReplaceCronJob(), *_]:
            return True
    return False
