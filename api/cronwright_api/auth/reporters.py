"""Who may write to the timeline: the operator for every Task, and a pod for the Task that owns its Job."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from cronwright.run.ids import manual_run_id, requested_run_id, scheduled_run_id
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_api.auth.identity import Identities
from cronwright_api.auth.ownership import Ownership, PodOfTask
from cronwright_api.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Reporter:
    """Someone who may write events and spans: the operator, or a pod."""

    pod: PodOfTask | None

    def check(self, event: Event | Span, pointer: str) -> None:
        """Check that the reporter may write `event`, which stands at `pointer`.

        Raises:
            Forbidden: the event is about another pod, Task, namespace or user than the reporter's own; the sentence
                says which.
        """
        if self.pod is None:
            # The operator writes what it inferred, and delivers what a runner left in its termination message
            return
        problem = refusal(self.pod, event)
        if problem is not None:
            attribute, detail = problem
            raise Forbidden("not_your_event", detail, pointer=f"{pointer}/attributes/{attribute}")


class Reporters:
    """Finds out who may write."""

    def __init__(self, identities: Identities, ownership: Ownership, operator_account: str) -> None:
        self._identities, self._ownership, self._operator_account = identities, ownership, operator_account

    async def of(self, token: str) -> Reporter:
        """Return the reporter that holds `token`.

        Raises:
            Unauthenticated: Kubernetes doesn't know the token for our audience.
            Forbidden: its bearer writes for no Task.
            Unavailable: Kubernetes can't be asked.
        """
        identity = await self._identities.of(token)
        if identity.username == self._operator_account:
            return Reporter(None)
        return Reporter(await self._ownership.of(identity))


def refusal(pod: PodOfTask, event: Event | Span) -> tuple[str, str] | None:
    """Return which attribute of `event` is not the pod's to write and why, or None where all of them are."""
    own = f"pod {pod.namespace}/{pod.name} writes only for"
    if event.reported_by != "runner":
        return "reported_by", f"a pod writes as the runner, not as the {event.reported_by}; write runner"
    if event.namespace != pod.namespace:
        return "namespace", f"{own} namespace {pod.namespace}, not {event.namespace[:80]!a}"
    if event.task_uid != pod.task_uid:
        return (
            "task_uid",
            f"{own} Task {pod.task} with UID {pod.task_uid}, which owns its Job, not {event.task_uid[:80]!a}",
        )
    if event.task != pod.task:
        return "task", f"{own} Task {pod.task}, not {event.task[:80]!a}"
    if event.pod_uid != pod.uid:
        return "pod_uid", f"{own} itself, UID {pod.uid}, not {event.pod_uid[:80]!a}"
    if event.pod and event.pod != pod.name:
        return "pod", f"{own} itself, not {event.pod[:80]!a}"
    if event.as_user_email != pod.as_user_email:
        runs_as = pod.as_user_email or "nobody"
        return (
            "as_user_email",
            f"{own} the user that it runs as, {runs_as}, not {(event.as_user_email or 'nobody')[:80]!a}",
        )
    if isinstance(event, Span):
        if pod.is_of_controller:
            return None
        made = f"the Job of pod {pod.namespace}/{pod.name} was made by hand"
        return "kind", f"{made}, so it owns no fire times but its own; write start or end"
    if event.trigger == "schedule" and not pod.may_be_scheduled:
        return (
            "trigger",
            f"the Job of pod {pod.namespace}/{pod.name} was made by hand and names no scheduled time; write manual",
        )
    # A run is what its id says: under another one the event would be folded into another run, of whichever Task
    if event.run_id not in _own_runs(pod, event):
        return "run_id", f"{own} runs of its own Job, whose ids follow from its Task's, not {event.run_id}"
    return None


def _own_runs(pod: PodOfTask, event: Event) -> Iterator[UUID]:
    yield manual_run_id(pod.task_uid, pod.job_uid)
    if pod.request_id is not None:
        yield requested_run_id(pod.task_uid, pod.request_id)
    if pod.may_be_scheduled and event.scheduled_at is not None:
        yield scheduled_run_id(pod.task_uid, event.scheduled_at)
