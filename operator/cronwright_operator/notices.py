"""Kubernetes Events about a Task: only transitions are told, none for an ordinary create or edit."""

from dataclasses import dataclass
from typing import Literal

from cronwright.reasons import Reason
from cronwright.run.requests import RunRequest
from cronwright.status import TaskStatus


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event: its type, its reason (CamelCase) and a sentence."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def run_refused(request: RunRequest, why: str) -> Notice:
    """Return what is told of a run that was asked for and can't be made."""
    return Notice("Warning", Reason.RUN_REFUSED, f"run request {request.id!r} is refused: {why}")


def notices(old: TaskStatus, new: TaskStatus) -> list[Notice]:
    """Return what is worth telling of the way from `old` to `new`."""
    told = []
    stalled, was_stalled = new.conditions.get("Stalled"), old.conditions.get("Stalled")
    if stalled and (was_stalled is None or was_stalled.message != stalled.message):
        told.append(Notice("Warning", stalled.reason, stalled.message))
    if was_stalled and not stalled:
        told.append(Notice("Normal", "InForce", "the Task is in force again"))
    invalid, was_invalid = new.conditions.get("RunRequestsInvalid"), old.conditions.get("RunRequestsInvalid")
    if invalid and (was_invalid is None or was_invalid.message != invalid.message):
        told.append(Notice("Warning", invalid.reason, invalid.message))
    healthy, was_healthy = new.conditions.get("Healthy"), old.conditions.get("Healthy")
    if (
        healthy
        and healthy.status == "False"
        and (was_healthy is None or (was_healthy.status, was_healthy.reason) != ("False", healthy.reason))
    ):
        told.append(Notice("Warning", healthy.reason, healthy.message))
    if healthy and healthy.status == "True" and was_healthy and was_healthy.status == "False":
        told.append(Notice("Normal", "Recovered", "a run succeeded again"))
    return told
