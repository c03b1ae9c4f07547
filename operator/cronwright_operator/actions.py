"""What the operator can do about a Task, as data: an action each. Which are due is for `decide`, how each is done for
`apply`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cronwright.jsontypes import JSON, JSONObject
from cronwright.observed.job import JobFacts
from cronwright.plan.lever import CronJobStep
from cronwright.plan.loop.steps import AskToEnd, CloseCronJob, DeleteWindow, ResumeCronJob
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_operator.notices import Notice


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
    | CloseCronJob
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
