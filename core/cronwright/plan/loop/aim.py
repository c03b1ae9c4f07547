"""What a loop is brought to: what its Task says, or the last good plan of a Task that stalls, which its CronJob says.

When it is brought there is decided elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cronwright.jsontypes import JSON
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.plan.lever import ReplaceCronJob
from cronwright.plan.loop.manifests import closed, opened, runs_the_same
from cronwright.plan.loop.steps import CloseCronJob, LoopStep, ResumeCronJob
from cronwright.plan.manifests import manifest_hash


@dataclass(frozen=True, slots=True)
class OfTask:
    """The CronJob becomes `manifest`, under `plan`."""

    manifest: Mapping[str, JSON]
    plan: Plan

    def close(self, start: datetime) -> LoopStep:
        """Return the write after which the CronJob fires nothing, and has its plan from `start` on."""
        return ReplaceCronJob(closed(self.manifest, start))

    def open(self, start: datetime) -> LoopStep:
        """Return the write after which it fires."""
        return ReplaceCronJob(opened(self.manifest, start))

    def is_run_by(self, observed: CronJobFacts) -> bool:
        """Return whether the `observed` CronJob opens the windows of the plan, open or not."""
        return runs_the_same(observed, self.manifest, self.plan)

    def is_written(self, observed: CronJobFacts) -> bool:
        """Return whether all is as it is to be in the `observed` CronJob, which has its plan."""
        return not (observed.suspend or observed.touched or observed.manifest_hash != manifest_hash(self.manifest))


@dataclass(frozen=True, slots=True)
class LastGood:
    """The CronJob's plan stays: what another one would be, the Task does not say. The methods are those of OfTask."""

    def close(self, start: datetime) -> LoopStep:
        """Nothing but the start differs."""
        return CloseCronJob(start)

    def open(self, start: datetime) -> LoopStep:
        """`start` is in force already."""
        return ResumeCronJob()

    def is_run_by(self, observed: CronJobFacts) -> bool:
        """Whatever it runs is the plan."""
        return True

    def is_written(self, observed: CronJobFacts) -> bool:
        """Another hand's change can't be taken back, except that it is suspended."""
        return not observed.suspend


Aim = OfTask | LastGood
