"""What a timeline says of each fire time of a loop: the reason of its run's end, or of the span that it lies in."""

from collections import Counter
from datetime import datetime, timedelta

from cronwright.reasons import Reason

from .timeline import Timeline


def accounted(timeline: Timeline, seconds: int = 1) -> dict[datetime, Reason]:
    """Return the reason of each fire time. A run stands before a span that holds its time, as the API has it."""
    reasons: dict[datetime, Reason] = {}
    for span in timeline.spans:
        at = span.first_at
        while at <= span.last_at:
            reasons.setdefault(at, span.reason)
            at += timedelta(seconds=seconds)
    for end in timeline.ends:
        if end.retry_at is None:
            assert end.scheduled_at is not None and end.reason is not None
            reasons[end.scheduled_at] = end.reason
    return dict(sorted(reasons.items()))


def gaps(reasons: dict[datetime, Reason], seconds: int = 1) -> list[datetime]:
    """Return the fire times between the first and the last of `reasons` of which nothing is known."""
    first, last = min(reasons), max(reasons)
    count = int((last - first).total_seconds()) // seconds
    times = [first + timedelta(seconds=seconds * number) for number in range(count + 1)]
    return [at for at in times if at not in reasons]


def run_twice(timeline: Timeline) -> list[datetime]:
    """Return the fire times that have the final ends of two runs."""
    ends = Counter(
        (end.scheduled_at, end.finished_at) for end in timeline.ends if end.retry_at is None and end.scheduled_at
    )
    times = Counter(at for at, _ in ends)
    return [at for at, count in times.items() if count > 1]
