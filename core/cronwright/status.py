"""The status of a Task: its parts, their form in the manifest, and the merge patch from one to another."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, cast

from cronwright.instants import format_seconds, parse_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright.reasons import Outcome
from cronwright.run.document import PlanKind

ConditionStatus = Literal["True", "False", "Unknown"]
ConditionType = Literal["Ready", "Stalled", "Reconciling", "Healthy", "RunRequestsInvalid"]
RunOutcome = Literal["Pending", "Running", "Succeeded", "Failed", "Skipped", "Missed", "Unknown"]

RUN_OUTCOMES: dict[Outcome, RunOutcome] = {
    Outcome.SUCCEEDED: "Succeeded",
    Outcome.FAILED: "Failed",
    Outcome.SKIPPED: "Skipped",
    Outcome.MISSED: "Missed",
    Outcome.UNKNOWN: "Unknown",
}
"""The outcome of a run that has ended, as the status writes it."""

MAX_RUN_MESSAGE = 1024
"""Characters of a run's message that the status keeps; the timeline has more."""

UNSEEN_GENERATION = -1
"""observedGeneration of a Task that no operator has seen: the status default of the CRD."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition of Kubernetes' conventions. `reason` is a code of `cronwright.reasons`, `message` a sentence."""

    status: ConditionStatus
    reason: str
    message: str
    last_transition_time: datetime
    observed_generation: int

    def says_the_same_as(self, other: "Condition | None") -> bool:
        """Return whether `other` differs at most in when it was written."""
        return other is not None and replace(other, last_transition_time=self.last_transition_time) == self


@dataclass(frozen=True, slots=True)
class LastRun:
    """The latest run. Times are aware, whole seconds."""

    run_id: str
    scheduled_time: datetime
    outcome: RunOutcome
    start_time: datetime | None = None
    completion_time: datetime | None = None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class TaskStatus:
    """What Cronwright made of a Task and what happened last. Times are aware, whole seconds."""

    observed_generation: int = UNSEEN_GENERATION
    conditions: Mapping[ConditionType, Condition] = field(default_factory=dict)
    plan_kind: PlanKind | None = None
    plan_schedule: str | None = None
    plan_time_zone: str | None = None
    next_run_time: datetime | None = None
    active: int | None = None
    last_run: LastRun | None = None
    last_successful_time: datetime | None = None
    last_failure_time: datetime | None = None
    consecutive_failures: int = 0
    handled_run_requests: tuple[str, ...] = ()
    """Ids of the runs that were asked for and were made or refused, the oldest first."""


def load_status(manifest: Mapping[str, JSON]) -> TaskStatus:
    """Return the status of a Task's `manifest` as the API server holds it; an absent one is that of an unseen Task."""
    status = cast(Mapping[str, JSON], manifest.get("status") or {})
    plan = cast(Mapping[str, str], status.get("plan") or {})
    return TaskStatus(
        observed_generation=cast(int, status.get("observedGeneration", UNSEEN_GENERATION)),
        conditions={
            cast(ConditionType, condition["type"]): _load_condition(condition)
            for condition in cast(list[Mapping[str, JSON]], status.get("conditions") or [])
        },
        plan_kind=cast(PlanKind | None, plan.get("kind")),
        plan_schedule=plan.get("schedule"),
        plan_time_zone=plan.get("timeZone"),
        next_run_time=_instant(status, "nextRunTime"),
        active=cast("int | None", status.get("active")),
        last_run=_load_last_run(cast(Mapping[str, JSON] | None, status.get("lastRun"))),
        last_successful_time=_instant(status, "lastSuccessfulTime"),
        last_failure_time=_instant(status, "lastFailureTime"),
        consecutive_failures=cast(int, status.get("consecutiveFailures", 0)),
        handled_run_requests=tuple(cast(list[str], status.get("handledRunRequests") or ())),
    )


def dump_status(status: TaskStatus) -> dict[str, JSON]:
    """Return `status` as the manifest holds it; what is unset is left out."""
    fields: dict[str, JSON] = {
        "observedGeneration": status.observed_generation,
        "conditions": [_dump_condition(kind, condition) for kind, condition in sorted(status.conditions.items())],
        "plan": _without_none(
            {"kind": status.plan_kind, "schedule": status.plan_schedule, "timeZone": status.plan_time_zone}
        )
        or None,
        "nextRunTime": _text(status.next_run_time),
        "active": status.active,
        "lastRun": _dump_last_run(status.last_run),
        "lastSuccessfulTime": _text(status.last_successful_time),
        "lastFailureTime": _text(status.last_failure_time),
        "consecutiveFailures": status.consecutive_failures,
        "handledRunRequests": list(status.handled_run_requests) or None,
    }
    return _without_none(fields)


def merge_patch(old: JSONObject, new: JSONObject) -> dict[str, JSON]:
    """Return the JSON merge patch (RFC 7386) that turns `old` into `new`; empty where they are equal.

    Lists are replaced whole, as the RFC has it.
    """
    patch: dict[str, JSON] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if value == before:
            continue
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            patch[key] = merge_patch(before, value)
        else:
            patch[key] = value
    return patch


def _load_condition(condition: Mapping[str, JSON]) -> Condition:
    return Condition(
        status=cast(ConditionStatus, condition["status"]),
        reason=cast(str, condition["reason"]),
        message=cast(str, condition["message"]),
        last_transition_time=parse_instant(cast(str, condition["lastTransitionTime"])),
        observed_generation=cast(int, condition.get("observedGeneration", 0)),
    )


def _dump_condition(kind: ConditionType, condition: Condition) -> JSONObject:
    return {
        "type": kind,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": format_seconds(condition.last_transition_time),
        "observedGeneration": condition.observed_generation,
    }


def _load_last_run(fields: Mapping[str, JSON] | None) -> LastRun | None:
    if not fields:
        return None
    return LastRun(
        run_id=cast(str, fields.get("runID", "")),
        scheduled_time=parse_instant(cast(str, fields["scheduledTime"])),
        outcome=cast(RunOutcome, fields.get("outcome", "Unknown")),
        start_time=_instant(fields, "startTime"),
        completion_time=_instant(fields, "completionTime"),
        reason=cast(str, fields.get("reason", "")),
        message=cast(str, fields.get("message", "")),
    )


def _dump_last_run(last_run: LastRun | None) -> JSONObject | None:
    if last_run is None:
        return None
    return _without_none(
        {
            "runID": last_run.run_id,
            "scheduledTime": format_seconds(last_run.scheduled_time),
            "startTime": _text(last_run.start_time),
            "completionTime": _text(last_run.completion_time),
            "outcome": last_run.outcome,
            "reason": last_run.reason or None,
            "message": last_run.message or None,
        }
    )


def _instant(fields: Mapping[str, JSON], key: str) -> datetime | None:
    text = fields.get(key)
    return None if text is None else parse_instant(cast(str, text))


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else format_seconds(instant)


def _without_none(fields: dict[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in fields.items() if value is not None}
