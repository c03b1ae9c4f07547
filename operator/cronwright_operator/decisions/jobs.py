"""Which Jobs the operator ends or deletes of its own accord: those that may not start any more, and old ones.

Jobs that end because the plan changes are steps of `cronwright.plan.loop`.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from cronwright.run.state import PATIENCE, RunState
from cronwright_operator.actions import DeleteJob, EndJob
from cronwright_operator.observe import Observation


def to_end(runs: Sequence[RunState], now: datetime) -> list[EndJob]:
    """Return the end of runs that wait and, at `now` (aware), have waited for longer than a run may start late."""
    return [EndJob(run.job) for run in runs if _is_too_late(run, now)]


def start_deadline(run: RunState) -> datetime:
    """Return until when a run that waits may still start."""
    seconds = run.job.document.starting_deadline_seconds if run.job.document else 0
    return run.due_at + max(timedelta(seconds=seconds), 2 * PATIENCE)


def to_delete(seen: Observation, jobs: Sequence[RunState], untold: AbstractSet[str]) -> list[DeleteJob]:
    """Return the deletion of finished Jobs beyond the Task's limits, oldest first.

    `untold` are the uids of Jobs and pods whose word has yet to reach the timeline: these stay.
    """
    if seen.task.task is None:
        return []
    surplus = []
    for ended, limit in (
        ("Complete", seen.task.task.successful_jobs_history_limit),
        ("Failed", seen.task.task.failed_jobs_history_limit),
    ):
        # A Job that a person made is the person's to delete, as with any CronJob.
        of_kind = [run for run in jobs if run.job.ended == ended and run.job.scheduled]
        of_kind.sort(key=lambda run: run.job.created_at)
        surplus += of_kind[: max(0, len(of_kind) - limit)]
    return [
        DeleteJob(run.job)
        for run in surplus
        if not run.job.deleted and untold.isdisjoint({run.job.uid, *(pod.uid for pod in seen.pods_of(run.job))})
    ]


def _is_too_late(run: RunState, now: datetime) -> bool:
    if run.phase != "pending" or run.reason is None or run.scheduled_time is None or run.job.document is None:
        return False
    # 1 is what `end_job` writes: it is on its way to its end already
    return run.job.active_deadline_seconds != 1 and now > start_deadline(run)
