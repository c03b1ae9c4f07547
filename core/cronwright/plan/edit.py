"""What an edit of a Task would do, in sentences for a person: to what runs now, to the next run, to what is shown.

Pure: two plans in, sentences out. That nothing fires because of an edit is `lever`'s promise.
"""

from datetime import datetime

from cronwright.instants import format_seconds
from cronwright.plan.choose import Plan
from cronwright.schedule.sentence import describe
from cronwright.task import DEFAULT_TIME_ZONE


def effects(before: Plan, after: Plan, now: datetime) -> tuple[str, ...]:
    """Return what happens when a Task with the plan `before` gets the plan `after`. `now` is aware."""
    said: list[str] = []
    if before.kind != after.kind:
        said.append(f"The plan changes from {before.kind} to {after.kind}.")
    if _paused(after) and not _paused(before):
        said.append("The Task is paused: no run starts until is_active is true again, and a run under way goes on.")
    elif _paused(before) and not _paused(after):
        said.append("The Task is resumed: runs that were due while it was paused don't start.")
    if before.fire_times.schedule != after.fire_times.schedule or before.time_zone != after.time_zone:
        said.append(f"It runs {_words(after)} instead of {_words(before)}; the edit itself starts no run.")
    next_before, next_after = _next(before, now), _next(after, now)
    if next_before != next_after:
        said.append(f"The next run is {_time(next_after)} instead of {_time(next_before)}.")
    if _what_runs(before) != _what_runs(after):
        said.append(_on_runs(before))
    return tuple(said) or ("Nothing that runs changes, nor when it runs.",)


def _paused(plan: Plan) -> bool:
    return plan.suspend and plan.kind != "manual"


def _words(plan: Plan) -> str:
    return describe(plan.fire_times.schedule, plan.time_zone or DEFAULT_TIME_ZONE)


def _next(plan: Plan, now: datetime) -> datetime | None:
    return None if plan.suspend else plan.fire_times.next(now)


def _time(instant: datetime | None) -> str:
    return "none" if instant is None else f"that of {format_seconds(instant)}"


def _what_runs(plan: Plan) -> object:
    return plan.document._replace(schedule="", time_zone="", plan="manual", loop=None)


def _on_runs(before: Plan) -> str:
    if before.kind == "loop":
        return "A tick that is under way is stopped after ten seconds, and ends as Superseded."
    return "Runs that start from now on have the new settings; one that is under way keeps the old ones."
