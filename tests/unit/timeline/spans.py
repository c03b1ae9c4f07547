"""Spans to write tables of cases with: a Task that fires every five seconds, its fire times counted from one on."""

from datetime import UTC, datetime, timedelta
from typing import Any

from cronwright.reasons import Reason
from cronwright.timeline.span import Span

TASK_UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
BEGIN = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
INTERVAL = timedelta(seconds=5)


def tick(number: int) -> datetime:
    """Return the fire time of that number."""
    return BEGIN + number * INTERVAL


def span(first: int, last: int, reason: Reason = Reason.ALREADY_RUNNING, count: int | None = None, **more: Any) -> Span:
    """Return the span from one fire time to another, with all of them where no `count` is given."""
    values: dict[str, Any] = {
        "reported_by": "runner",
        "task": "poll",
        "namespace": "shop",
        "task_uid": TASK_UID,
        "title": "poll",
        "reason": reason,
        "schedule": "@every 5s",
        "time_zone": "Etc/UTC",
        "first_at": tick(first),
        "last_at": tick(last),
        "count": last - first + 1 if count is None else count,
        "pod_uid": "uid-a",
        "pod": "poll-a",
    }
    return Span(**(values | more))


def late(first: int, last: int, **more: Any) -> Span:
    """Return a span that follows from absence."""
    return span(first, last, Reason.POD_LATE, **more)


def short(spans: list[Span]) -> list[str]:
    """Return `spans` as texts such as `3-7 PodLate`, in order, with the count of a sparse one."""
    return [_short(span) for span in sorted(spans, key=lambda span: (span.first_at, span.last_at))]


def _short(span: Span) -> str:
    first, last = ((at - BEGIN) // INTERVAL for at in (span.first_at, span.last_at))
    sparse = "" if span.is_full else f" x{span.count}"
    return f"{first}-{last} {span.reason}{sparse}"
