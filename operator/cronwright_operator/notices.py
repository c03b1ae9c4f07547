"""Kubernetes Events about a Task: only transitions are told, none for an ordinary create or edit."""

from dataclasses import dataclass
from typing import Literal

from cronwright.status import TaskStatus


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event: its type, its reason (CamelCase) and a sentence."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


def notices(old: TaskStatus, new: TaskStatus) -> list[Notice]:
    """Return what is worth telling of the way from `old` to `new`."""
    told = []
    stalled, was_stalled = new.conditions.get("Stalled"), old.conditions.get("Stalled")
    if stalled and (was_stalled is None or was_stalled.message != stalled.message):
        told.append(Notice("Warning", stalled.reason, stalled.message))
    if was_stalled and not stalled:
        told.append(Notice("Normal", "InForce", "the Task is in force again"))
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
