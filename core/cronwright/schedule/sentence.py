"""A schedule in words, as status, Events, page and command line show it."""

from __future__ import annotations

from cronwright.schedule.grammar import Cron, Every, Schedule


def describe(schedule: Schedule, time_zone: str | None) -> str:
    """The schedule in words; None for `time_zone` means Etc/UTC."""
    if isinstance(schedule, Every):
        return f"every {schedule.seconds} seconds, counted from midnight UTC"
    if isinstance(schedule, Cron):
        return f"{schedule.text} {time_zone or 'Etc/UTC'}"
    return "only on request"
