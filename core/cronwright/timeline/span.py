"""A span: a stretch of fire times that all ended alike, without a row for each. And its form on the wire.

To post one is a claim: of the fire times from the first to the last, those that nobody has accounted for ended so.
What of a claim is left beside runs and other spans is the subject of `accounting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast
from uuid import UUID, uuid5

from cronwright.instants import format_instant, format_seconds
from cronwright.jsontypes import JSON
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.schedule.errors import ScheduleError
from cronwright.timeline.attributes import EventError, check_known, choice, instant, number, text, uuid
from cronwright.timeline.counting import MAX_ENUMERATED, Counted, TooMany, counted, fire_times_between
from cronwright.timeline.event import Reporter

KIND = "span"
"""What stands in the place of an event's `start` or `end`."""

REASONS_OF_SPANS: tuple[Reason, ...] = tuple(reason for reason, meaning in EXPLANATIONS.items() if meaning.outcome)
"""A fire time ends for one of these; the others are about Tasks."""

YEARS = range(1970, 2200)
"""Of a span's times: the grid begins with 1970, and a time far ahead is a mistake that would cost a search its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The fire times of `schedule` in `time_zone` from `first_at` to `last_at` (aware, whole seconds, both inclusive),
    `count` of which ended by `reason`.

    With all of them it is full. With less it is sparse: rows of runs that were merged, which stand among others.
    Pod and node are those of the pod that owned the fire times, empty where there was none.
    """

    reported_by: Reporter
    task: str
    namespace: str
    task_uid: str
    title: str
    reason: Reason
    schedule: str
    time_zone: str
    first_at: datetime
    last_at: datetime
    count: int
    message: str = ""
    pod_uid: str = ""
    pod: str = ""
    node: str = ""
    action_name: str = ""
    entity_name: str = ""
    as_user_email: str | None = None

    @property
    def id(self) -> UUID:
        """The id of the span's row."""
        return span_id(self.task_uid, self.first_at)

    @property
    def outcome(self) -> Outcome:
        """How the fire times ended, which the reason says."""
        outcome = EXPLANATIONS[self.reason].outcome
        assert outcome is not None, f"{self.reason} is no reason of a run"
        return outcome

    @property
    def is_full(self) -> bool:
        """Whether every fire time from the first to the last is one of the span's."""
        return self.count == fire_times_between(self.schedule, self.time_zone, self.first_at, self.last_at)


def span_id(task_uid: str, first_at: datetime) -> UUID:
    """Return the id of the row of a Task's span that begins at `first_at` (aware; its whole second in UTC counts)."""
    return uuid5(UUID(task_uid), f"span/{format_seconds(first_at)}")


def dump_span(span: Span) -> dict[str, JSON]:
    """Return `span` as JSON:API attributes; what is unset is left out."""
    attributes: dict[str, JSON] = {"kind": KIND}
    for field in fields(Span):
        value = getattr(span, field.name)
        if value is None or value == "":
            continue
        attributes[field.name] = format_instant(value) if isinstance(value, datetime) else value
    return attributes


def load_span(attributes: Mapping[str, JSON]) -> Span:
    """Return the span of JSON:API `attributes`.

    Raises:
        EventError: an attribute is unknown, missing, of the wrong type, too long, or contradicts another; the schedule
            can't be read, or does not name the times.
    """
    check_known(attributes, {field.name for field in fields(Span)} | {"kind", "outcome"})
    choice(attributes, "kind", (KIND,))
    values: dict[str, object] = {"task_uid": str(uuid(attributes, "task_uid"))}
    for name in ("task", "namespace", "title", "schedule", "time_zone"):
        values[name] = text(attributes, name, required=True)
    for name in ("message", "pod_uid", "pod", "node", "action_name", "entity_name"):
        values[name] = text(attributes, name)
    if attributes.get("as_user_email") is not None:
        values["as_user_email"] = text(attributes, "as_user_email")
    values["reported_by"] = choice(attributes, "reported_by", ("runner", "operator"))
    reason = Reason(choice(attributes, "reason", REASONS_OF_SPANS))
    values["reason"] = reason
    if attributes.get("outcome") is not None:
        choice(attributes, "outcome", (cast(str, EXPLANATIONS[reason].outcome),))
    fire_times = _fire_times(cast(str, values["schedule"]), cast(str, values["time_zone"]))
    for name in ("first_at", "last_at"):
        values[name] = _fire_time(attributes, name, fire_times, cast(str, values["schedule"]))
    values["count"] = number(attributes, "count", least=1)
    span = Span(**values)  # type: ignore[arg-type]  # each value was checked above by its name
    if span.first_at > span.last_at:
        raise EventError("first_at", "is after last_at", "write the earlier of the two as first_at")
    _check_count(span)
    return span


def _fire_times(schedule: str, time_zone: str) -> Counted:
    try:
        return counted(schedule, time_zone)
    except ScheduleError as error:
        # The sentence names the Task's field; here the attribute has the snake_case word
        name = "time_zone" if error.field == "timeZone" else "schedule"
        raise EventError(name, error.problem.removeprefix(f"{error.field} "), error.remedy) from error


def _fire_time(attributes: Mapping[str, JSON], name: str, fire_times: Counted, schedule: str) -> datetime:
    at = instant(attributes, name)
    if at is None:
        raise EventError(name, "is None", "write a time such as 2027-01-04T08:00:00Z")
    if at.year not in YEARS:
        raise EventError(
            name, f"is {format_instant(at)}", f"write a time of the years {YEARS.start} to {YEARS.stop - 1}"
        )
    if not fire_times.is_fire_time(at):
        near = [known for known in (fire_times.at_or_before(at), fire_times.following(at)) if known is not None]
        remedy = f"write one that is, such as {' or '.join(format_instant(known) for known in near)}"
        raise EventError(name, f"is {format_instant(at)}, which is no fire time of {schedule}", remedy)
    return at


def _check_count(span: Span) -> None:
    try:
        most = fire_times_between(span.schedule, span.time_zone, span.first_at, span.last_at)
    except TooMany:
        problem = f"is more than {MAX_ENUMERATED} fire times of a cron line after first_at"
        raise EventError("last_at", problem, "post several spans") from None
    if span.count > most:
        problem = f"is {span.count}, but there are {most} fire times from first_at to last_at"
        raise EventError("count", problem, f"write a whole number from 1 to {most}")
