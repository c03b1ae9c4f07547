"""One look at a loop that is not paused: what it is to be, the Jobs it has, and what follows from them for any step.

What is due is decided elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronwright.plan.loop.aim import Aim
from cronwright.plan.loop.jobs import JobWithPods
from cronwright.plan.windows import Windows, ticks_between
from cronwright.run.document import RunDocument
from cronwright.run.ids import job_name
from cronwright.schedule.grammar import Every, parse


@dataclass(frozen=True, slots=True)
class Look:
    """`jobs` are all that the Task has, `live` those of windows that have not ended; `document` is that of the plan
    that is the `aim`. `now` is aware.
    """

    jobs: Sequence[JobWithPods]
    live: Sequence[JobWithPods]
    aim: Aim
    document: RunDocument
    windows: Windows
    now: datetime

    def older(self, start: datetime) -> list[JobWithPods]:
        """Return the live Jobs of other generations of the plan than the one that starts at `start`."""
        return [window for window in self.live if window.job.loop_start != start]

    def job_of(self, opening: datetime) -> JobWithPods | None:
        """Return the Job that has the name of the window's, be it a window's or not."""
        name = job_name(self.document.resource_name, opening)
        return next((job for job in self.jobs if job.job.name == name), None)

    def has_ticks(self, first: datetime, end: datetime) -> bool:
        """Return whether a tick is due from `first` (inclusive) to `end` (exclusive)."""
        schedule = parse(self.document.schedule)
        assert isinstance(schedule, Every), "only an interval makes a loop"
        return first < end and ticks_between(schedule, first, end) is not None

    def opening(self, at: datetime) -> datetime:
        """Return the opening of the window that is open at `at`."""
        return self.windows.opened_at_or_before(at)

    def upcoming(self) -> datetime:
        """Return the next opening after now."""
        return self.opening(self.now) + timedelta(seconds=self.windows.length)
