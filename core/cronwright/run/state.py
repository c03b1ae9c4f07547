"""The state of a run, or of a loop's window, derived from its Job and pods: how far it is, how it ended, and who says
so.

The runner's own word, its termination message, comes first. Only where there is none does the state follow from what
Kubernetes saw. Nothing is remembered between two looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from cronwright.observed.job import JobFacts
from cronwright.observed.pod import PodFacts
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.run.ids import manual_run_id, requested_run_id, scheduled_run_id
from cronwright.run.termination import Termination

Phase = Literal["pending", "running", "finished"]

PATIENCE = timedelta(seconds=10)
"""How long a run may wait for its pod or container before the Task says that it waits."""

_PULL_FAILURES = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
_CONFIG_FAILURES = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}


@dataclass(frozen=True, slots=True)
class RunState:
    """A run. `reason` and `message` say how it ended, or while it is pending why it waits (None for an ordinary wait).

    `termination` is the runner's word, where there is one. `pod` is the newest one.
    """

    job: JobFacts
    run_id: UUID
    scheduled_time: datetime | None
    phase: Phase
    outcome: Outcome | None
    reason: Reason | None
    message: str
    started_at: datetime | None
    finished_at: datetime | None
    pod: PodFacts | None
    termination: Termination | None

    @property
    def due_at(self) -> datetime:
        """The scheduled time, or when the Job was made for a manual run."""
        return self.scheduled_time or self.job.created_at


def run_state(
    job: JobFacts, pods: Sequence[PodFacts], refusal: str, last_wait: Reason | None, now: datetime
) -> RunState:
    """Return the state of the run of `job` with its `pods`, seen at `now`.

    `refusal` is what the Job controller said when it could not make the pod, empty where it could. `last_wait` is why
    the run waited when it was last looked at: a Job past its deadline has lost the pod that could tell.
    """
    run, run_id = job.due, _run_id(job)
    pod = max(pods, key=lambda pod: pod.created_at, default=None)
    ended = pod.ended if pod else None
    termination = ended.termination if ended else None

    def state(phase: Phase, outcome: Outcome | None, reason: Reason | None, message: str) -> RunState:
        return RunState(
            job=job,
            run_id=run_id,
            scheduled_time=run.scheduled_time,
            phase=phase,
            outcome=outcome,
            reason=reason,
            message=message,
            started_at=termination.started_at if termination else _started_at(pod),
            finished_at=_finished_at(job, pod, termination) if phase == "finished" else None,
            pod=pod,
            termination=termination,
        )

    if termination and (job.ended or termination.outcome != Outcome.FAILED):
        return state("finished", termination.outcome, termination.reason, termination.message)
    if job.ended == "Complete":
        return state("finished", Outcome.SUCCEEDED, Reason.COMPLETED, "")
    if job.ended == "Failed":
        reason, message = _why_failed(job, pod, refusal, last_wait)
        return state("finished", Outcome.FAILED, reason, message)
    if pod and (pod.running_since or pod.ended):
        return state("running", None, None, "")
    waiting, message = _why_waiting(job, pod, refusal, now)
    return state("pending", None, waiting, message)


def _run_id(job: JobFacts) -> UUID:
    if job.due.scheduled_time:
        return scheduled_run_id(job.task_uid, job.due.scheduled_time)
    if job.document and job.document.requested:
        return requested_run_id(job.task_uid, job.document.requested.id)
    return manual_run_id(job.task_uid, job.uid)


def _why_waiting(job: JobFacts, pod: PodFacts | None, refusal: str, now: datetime) -> tuple[Reason | None, str]:
    if pod is None:
        return _why_refused(refusal) if refusal else (None, "")
    if pod.waiting_reason in _PULL_FAILURES:
        return Reason.IMAGE_PULL, pod.waiting_message or pod.waiting_reason
    if pod.waiting_reason in _CONFIG_FAILURES:
        return Reason.CONTAINER_CONFIG, pod.waiting_message or pod.waiting_reason
    if pod.waiting_reason == "CrashLoopBackOff":
        return Reason.RUNNER_CRASHED, pod.waiting_message or pod.waiting_reason
    if pod.unscheduled and now - pod.created_at >= PATIENCE:
        return Reason.UNSCHEDULABLE, pod.unscheduled
    return None, ""


def _why_failed(job: JobFacts, pod: PodFacts | None, refusal: str, last_wait: Reason | None) -> tuple[Reason, str]:
    ended = pod.ended if pod else None
    if pod and pod.reason == "Evicted":
        return Reason.EVICTED, pod.message
    if ended and ended.reason == "OOMKilled":
        return Reason.OOM_KILLED, EXPLANATIONS[Reason.OOM_KILLED].sentence
    if job.end_reason == "DeadlineExceeded":
        if refusal:
            return _why_refused(refusal)
        return (last_wait or Reason.DEADLINE_EXCEEDED), job.end_message
    if ended and ended.exit_code:
        return (
            Reason.RUNNER_CRASHED,
            f"container runner ended with exit code {ended.exit_code} ({ended.reason}) and no word about the run",
        )
    return Reason.POD_LOST, job.end_message or EXPLANATIONS[Reason.POD_LOST].sentence


def _why_refused(refusal: str) -> tuple[Reason, str]:
    return (Reason.QUOTA_EXCEEDED if "exceeded quota" in refusal else Reason.POD_REFUSED), refusal


def _started_at(pod: PodFacts | None) -> datetime | None:
    if pod is None:
        return None
    return pod.running_since or (pod.ended.started_at if pod.ended else None)


def _finished_at(job: JobFacts, pod: PodFacts | None, termination: Termination | None) -> datetime | None:
    if termination:
        return termination.finished_at
    if pod and pod.ended and pod.ended.finished_at:
        return pod.ended.finished_at
    return job.ended_at
