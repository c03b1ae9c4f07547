"""The termination message: what a runner, or a loop's ticker, leaves on its container (at most 1 KiB), for the operator
to read and to deliver.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from cronwright.instants import format_instant, parse_instant
from cronwright.reasons import Outcome, Reason

if TYPE_CHECKING:
    from cronwright.run.merging import Merged

MAX_BYTES = 1024
"""Our own limit. Kubernetes keeps 4096 bytes a container, and 12 KiB for all of a pod's."""


class Termination(NamedTuple):
    """How a run ended by the runner's own word. Times are aware; `delivered` says whether the timeline has the end
    already.
    """

    run_id: UUID
    attempt: int
    outcome: Outcome
    reason: Reason
    message: str
    scheduled_time: datetime | None
    started_at: datetime | None
    finished_at: datetime
    delivered: bool


def dump_termination(termination: Termination) -> str:
    """Return `termination` as JSON of at most 1 KiB; a message that is too long is cut and ends in `…`."""
    text = _dump(termination, termination.message)
    if len(text.encode()) <= MAX_BYTES:
        return text
    fits, too_long = 0, len(termination.message)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if len(_dump(termination, termination.message[:middle] + "…").encode()) <= MAX_BYTES:
            fits = middle
        else:
            too_long = middle
    return _dump(termination, termination.message[:fits] + "…")


def _dump(termination: Termination, message: str) -> str:
    def instant(at: datetime | None) -> str | None:
        return None if at is None else format_instant(at)

    fields = {
        "runId": str(termination.run_id),
        "attempt": termination.attempt,
        "outcome": termination.outcome,
        "reason": termination.reason,
        "message": message,
        "scheduledTime": instant(termination.scheduled_time),
        "startTime": instant(termination.started_at),
        "completionTime": instant(termination.finished_at),
        "delivered": termination.delivered,
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def load_termination(text: str) -> Termination | None:
    """Return the termination that a container left, or None where `text` is not one (the container died before it could
    write).
    """
    try:
        fields = json.loads(text)
        return Termination(
            run_id=UUID(fields["runId"]),
            attempt=fields["attempt"],
            outcome=Outcome(fields["outcome"]),
            reason=Reason(fields["reason"]),
            message=fields["message"],
            scheduled_time=_optional_instant(fields["scheduledTime"]),
            started_at=_optional_instant(fields["startTime"]),
            finished_at=parse_instant(fields["completionTime"]),
            delivered=fields["delivered"],
        )
    except (ValueError, KeyError, TypeError):
        return None


def _optional_instant(text: str | None) -> datetime | None:
    return None if text is None else parse_instant(text)


def dump_undelivered(rows: Sequence[Merged], seconds: int) -> str:
    """Return what a ticker leaves of the ends and claims that it could not deliver: JSON of at most 1 KiB, or an empty
    text for none. `seconds` is the loop's interval; rows are merged until they fit, and their counts add up.
    """
    # A runner that is not in a loop reads and writes only the other form
    from cronwright.run.merging import dump_merged, merge

    return dump_merged(merge(rows, seconds, lambda merged: len(dump_merged(merged)) <= MAX_BYTES)) if rows else ""


def load_undelivered(text: str) -> list[Merged]:
    """Return what a ticker could not deliver; nothing where `text` is not its word."""
    from cronwright.run.merging import load_merged

    return load_merged(text)
