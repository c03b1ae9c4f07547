"""Facts of a run's or a window's pod: whether its container waits, runs or has ended, and what it said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cronwright.instants import parse_instant
from cronwright.names import END_ANNOTATION, JOB_NAME_LABEL, RUNNER_CONTAINER, TASK_LABEL, TICKER_CONTAINER
from cronwright.observed.manifest import Manifest, controller_uid, instant
from cronwright.run.end import EndRequest, load_end
from cronwright.run.merging import Merged
from cronwright.run.termination import Termination, load_termination, load_undelivered


@dataclass(frozen=True, slots=True)
class Ended:
    """How the runner's container ended. `reason` is the container runtime's word (OOMKilled, Error, Completed, …)."""

    exit_code: int
    reason: str
    started_at: datetime | None
    finished_at: datetime | None
    termination: Termination | None


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod of a Job. `waiting_reason` and `waiting_message` say why a container waits, `unscheduled` why no node takes
    it. `end_request` is what a loop's pod was asked for, `undelivered` what its ticker could not tell the timeline;
    `deleted` says that it was told to end by Kubernetes.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    job_uid: str | None
    job_name: str
    task: str
    created_at: datetime
    node: str
    phase: str
    reason: str
    message: str
    waiting_reason: str
    waiting_message: str
    unscheduled: str
    running_since: datetime | None
    ended: Ended | None
    end_request: EndRequest | None = None
    undelivered: tuple[Merged, ...] = ()
    deleted: bool = False

    @property
    def is_running(self) -> bool:
        """Whether a container runs, and nobody has told the pod to end."""
        return self.phase == "Running" and not self.deleted


def parse_pod(manifest: Manifest) -> PodFacts:
    """Return the facts of a v1 Pod that carries our labels."""
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    labels = metadata["labels"]
    containers = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    runner = _named(RUNNER_CONTAINER, containers)
    waiting: Manifest = next(
        (
            state
            for state in ((c.get("state") or {}).get("waiting") for c in containers)
            if state and state.get("reason") not in _ORDINARY_WAITS
        ),
        {},
    )
    return PodFacts(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        job_uid=controller_uid(metadata, "Job"),
        job_name=labels.get(JOB_NAME_LABEL, ""),
        task=labels[TASK_LABEL],
        created_at=parse_instant(metadata["creationTimestamp"]),
        node=manifest["spec"].get("nodeName", ""),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        unscheduled=_unscheduled(status),
        running_since=instant((runner.get("state") or {}).get("running") or {}, "startedAt"),
        ended=_ended(runner),
        end_request=_end_request((metadata.get("annotations") or {}).get(END_ANNOTATION, "")),
        undelivered=_undelivered(_named(TICKER_CONTAINER, containers)),
        deleted="deletionTimestamp" in metadata,
    )


_ORDINARY_WAITS = (None, "", "ContainerCreating", "PodInitializing")


def _named(name: str, containers: Sequence[Manifest]) -> Manifest:
    return next((container for container in containers if container["name"] == name), {})


def _undelivered(ticker: Manifest) -> tuple[Merged, ...]:
    terminated = (ticker.get("state") or {}).get("terminated") or {}
    return tuple(load_undelivered(terminated.get("message", "")))


def _unscheduled(status: Manifest) -> str:
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message") or condition.get("reason") or "no node takes the pod")
    return ""


def _end_request(text: str) -> EndRequest | None:
    try:
        return load_end(text)
    except ValueError:
        # Another hand's; the pod takes it for none, too
        return None


def _ended(runner: Manifest) -> Ended | None:
    terminated = (runner.get("state") or {}).get("terminated")
    if not terminated:
        return None
    return Ended(
        exit_code=terminated["exitCode"],
        reason=terminated.get("reason", ""),
        started_at=instant(terminated, "startedAt"),
        finished_at=instant(terminated, "finishedAt"),
        termination=load_termination(terminated.get("message", "")),
    )
