"""What can be due for a loop, as data. When it is due, and who carries it out, is not decided here."""

from dataclasses import dataclass
from datetime import datetime

from cronwright.observed.job import JobFacts
from cronwright.observed.pod import PodFacts
from cronwright.plan.lever import CronJobStep
from cronwright.plan.windows import Ownership
from cronwright.run.end import EndRequest


@dataclass(frozen=True, slots=True)
class AskToEnd:
    """Ask the pod of a window to end by itself."""

    pod: PodFacts
    request: EndRequest


@dataclass(frozen=True, slots=True)
class DeleteWindow:
    """Delete the Job of a window in the foreground: it is there until its pods are gone, and so is its name."""

    job: JobFacts


@dataclass(frozen=True, slots=True)
class CloseCronJob:
    """Suspend the CronJob of a loop and give it another `start`, and change nothing else: what its plan is, the Task
    does not say any more.
    """

    start: datetime


@dataclass(frozen=True, slots=True)
class ResumeCronJob:
    """Open a closed CronJob and change nothing else."""


@dataclass(frozen=True, slots=True)
class Unserved:
    """Ticks that no pod has served or will: those of a Job's window, or of a plan that had no Job yet."""

    job: JobFacts | None
    ticks: Ownership


LoopStep = CronJobStep | CloseCronJob | ResumeCronJob | AskToEnd | DeleteWindow | Unserved


@dataclass(frozen=True, slots=True)
class Progress:
    """The steps that are due, in their order. After them the plan is in force, unless `waits_for` says for what it
    waits. `look_again_at` is when the next step is due even if nothing happens.
    """

    steps: tuple[LoopStep, ...]
    waits_for: str = ""
    look_again_at: datetime | None = None
