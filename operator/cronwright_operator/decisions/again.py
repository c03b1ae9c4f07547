"""When to look at a Task again even if nothing happens: the first instant at which the decision may be another one."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cronwright.run.state import PATIENCE, RunState
from cronwright.status import TaskStatus
from cronwright_operator.decisions.jobs import start_deadline

AFTER_FIRE_TIME = timedelta(seconds=5)
"""How long after a fire time the next one is written where no Job's event has brought it about."""

LONGEST_SLEEP = timedelta(hours=1)


def look_again_at(
    spec_due: datetime | None,
    status: TaskStatus,
    jobs: Sequence[RunState],
    reports_due: Iterable[datetime],
    now: datetime,
) -> datetime:
    """Return the first instant after `now` (aware): the spec's next step, the next fire time, the end of the patience
    with a Job that waits, or the next report.
    """
    times = [now + LONGEST_SLEEP, *reports_due]
    if spec_due:
        times.append(spec_due)
    if status.next_run_time:
        times.append(status.next_run_time + AFTER_FIRE_TIME)
    for run in jobs:
        if run.phase == "pending":
            times += [run.job.created_at + PATIENCE, now + PATIENCE]
            if run.reason and not run.job.due.window:
                times.append(start_deadline(run))
    return min(time for time in times if time > now)
