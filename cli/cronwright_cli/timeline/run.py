"""A run as the API tells it, or a span: one row of `/api/run` or `/api/timeline`, parsed into a frozen type."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSON
from cronwright_cli.errors import ApiError


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Times are aware and in UTC; `outcome` is None while it goes on; `attributes` are all of the row's.

    `requested_by` is who asked for a run by hand, empty where nobody said it.
    `state` is running, waiting (for its next attempt) or ended. A span has a `count` of fire times that ended alike,
    the first of them at `scheduled_at` and the last at `last_at`; it was written, or written anew, at `created_at`.
    """

    id: str
    task: str
    namespace: str
    trigger: str
    scheduled_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: int | None
    attempt: int
    state: str
    outcome: str | None
    reason: str
    message: str
    action_name: str
    as_user_email: str
    requested_by: str
    pod: str
    node: str
    attributes: Mapping[str, JSON]
    created_at: datetime | None = None
    last_at: datetime | None = None
    count: int | None = None

    @property
    def at(self) -> datetime | None:
        """When the run belongs on the timeline: its start, else its end, else the time it was scheduled for. A span
        belongs where it ends.
        """
        return self.started_at or self.finished_at or self.last_at or self.scheduled_at

    @property
    def is_over(self) -> bool:
        """Whether the run has ended."""
        return self.outcome is not None


def parse_run(resource: JSON) -> Run:
    """Return the run of one JSON:API resource; attributes that are not known here are kept as they are.

    Raises:
        ApiError: it is no resource of type run, or an attribute has another type than it should.
    """
    try:
        return _parse(resource)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ApiError(
            f"the API sent a run that can't be read ({error!r}); is it of this program's version?"
        ) from error


def _parse(resource: JSON) -> Run:
    if not isinstance(resource, Mapping):
        raise TypeError("no object")
    attributes = resource["attributes"]
    if not isinstance(attributes, Mapping):
        raise TypeError("no attributes")

    def text(name: str) -> str:
        value = attributes.get(name)
        if value is not None and not isinstance(value, str):
            raise TypeError(name)
        return value or ""

    def instant(name: str) -> datetime | None:
        value = text(name)
        return parse_instant(value) if value else None

    def number(name: str) -> int | None:
        value = attributes.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise TypeError(name)
        return value

    return Run(
        id=str(resource["id"]),
        task=text("task"),
        namespace=text("namespace"),
        trigger=text("trigger"),
        scheduled_at=instant("scheduled_at"),
        started_at=instant("started_at"),
        finished_at=instant("finished_at"),
        duration_ms=number("duration_ms"),
        attempt=number("attempt") or 1,
        state=text("state"),
        outcome=text("outcome") or None,
        reason=text("reason"),
        message=text("message"),
        action_name=text("action_name"),
        as_user_email=text("as_user_email"),
        requested_by=text("requested_by"),
        pod=text("pod"),
        node=text("node"),
        attributes=dict(attributes),
        created_at=instant("created_at"),
        last_at=instant("last_at"),
        count=number("count"),
    )
