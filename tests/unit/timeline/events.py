"""Events to write tables of cases with."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event

RUN_ID = UUID("7b0c7a0e-3d3a-5c57-9a0b-5f4d8f4d9f10")
TASK_UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
DUE = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return the instant so many seconds after the run was due."""
    return DUE + timedelta(seconds=seconds)


def start(attempt: int = 1, pod: str = "a", began: float | None = 1, **changes: Any) -> Event:
    """Return the start of an attempt, by the runner in pod `pod`, `began` seconds after the run was due."""
    return _event("start", attempt, pod, began, **changes)


def end(
    outcome: Outcome,
    attempt: int = 1,
    pod: str = "a",
    began: float | None = 1,
    finished: float | None = 9,
    **changes: Any,
) -> Event:
    """Return the end of an attempt, by the runner."""
    reason = Reason.COMPLETED if outcome is Outcome.SUCCEEDED else Reason.ACTION_FAILED
    finished_at = None if finished is None else at(finished)
    values = {"outcome": outcome, "reason": reason, "finished_at": finished_at} | changes
    return _event("end", attempt, pod, began, **values)


def inferred(finished: float | None = 40, pod: str = "job", began: float | None = None, **changes: Any) -> Event:
    """Return an end that the operator inferred; it stands for the Job, so its key has the Job's UID."""
    values = {"reported_by": "operator", "reason": Reason.POD_LOST, "message": "the pod is gone"} | changes
    return end(Outcome.FAILED, 1, pod, began, finished, **values)


def _event(kind: Any, attempt: int, pod: str, began: float | None, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "run_id": RUN_ID,
        "pod_uid": f"uid-{pod}",
        "attempt": attempt,
        "kind": kind,
        "reported_by": "runner",
        "task": "backup",
        "namespace": "shop",
        "task_uid": TASK_UID,
        "title": "backup",
        "trigger": "schedule",
        "scheduled_at": DUE,
        "started_at": None if began is None else at(began),
        "pod": f"backup-{pod}",
    }
    return Event(**(values | changes))
