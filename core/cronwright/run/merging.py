"""Merges the ends of runs and claims that wait to be delivered, so that they fit where there is little room.

Rows may merge, counts never get lost: what is merged has the same reason, so the same outcome.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, cast

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSON
from cronwright.reasons import Reason


class Merged(NamedTuple):
    """`total` fire times, of those from `first` to `last` (aware, inclusive), that ended by `reason`."""

    reason: Reason
    first: datetime
    last: datetime
    total: int


def merged_of(attributes: Mapping[str, JSON]) -> Merged | None:
    """Return what the JSON:API attributes of a row stand for: a span or the end of a run; None for any other row.

    A start, and an end after which the run goes on, stand for nothing that would have to be counted.
    """
    if attributes["kind"] == "span":
        first, last, total = attributes["first_at"], attributes["last_at"], cast(int, attributes["count"])
    elif attributes["kind"] == "end" and attributes.get("retry_at") is None:
        first = last = attributes["scheduled_at"]
        total = 1
    else:
        return None
    return Merged(
        Reason(cast(str, attributes["reason"])), parse_instant(cast(str, first)), parse_instant(cast(str, last)), total
    )


def merge(rows: Sequence[Merged], seconds: int, fits: Callable[[Sequence[Merged]], bool]) -> list[Merged]:
    """Return `rows` of fire times that are `seconds` apart, with neighbours merged, sorted by their first fire times.

    Where that does not fit, what lies further apart is merged too, the nearest first, at the end all of one reason.
    """
    gap = seconds
    # A ticker that was killed while it told something has the next one tell it again
    result = _joined(set(rows), gap, seconds)
    while not fits(result) and len(result) > len({row.reason for row in result}):
        gap *= 2
        result = _joined(result, gap, seconds)
    return result


def dump_merged(rows: Sequence[Merged]) -> str:
    """Return `rows` as JSON."""
    fields = [[row.reason, int(row.first.timestamp()), int(row.last.timestamp()), row.total] for row in rows]
    return json.dumps({"merged": fields}, separators=(",", ":"))


def load_merged(text: str) -> list[Merged]:
    """Return the rows that `dump_merged` wrote; none where `text` is something else."""
    try:
        return [
            Merged(Reason(reason), datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), total)
            for reason, first, last, total in json.loads(text)["merged"]
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _joined(rows: Collection[Merged], gap: int, seconds: int) -> list[Merged]:
    """Join rows of one reason between whose fire times lie at most `gap` seconds."""
    open_rows: dict[Reason, Merged] = {}
    closed: list[Merged] = []
    for row in sorted(rows, key=lambda row: row.first):
        before = open_rows.get(row.reason)
        if before is not None and (row.first - before.last).total_seconds() <= gap:
            last = max(before.last, row.last)
            most = int((last - before.first).total_seconds()) // seconds + 1
            row = Merged(row.reason, before.first, last, min(before.total + row.total, most))
        elif before is not None:
            closed.append(before)
        open_rows[row.reason] = row
    return sorted([*closed, *open_rows.values()], key=lambda row: row.first)
