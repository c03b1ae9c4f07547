"""What a loop in force may lack: another hand has changed its CronJob, or a window has lost its Job."""

from datetime import datetime, timedelta

from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.loop.ending import free_name
from cronwright.plan.loop.look import Look
from cronwright.plan.loop.opening import LAST_MOMENT, change, set_lever
from cronwright.plan.loop.start import new_start
from cronwright.plan.loop.steps import Progress
from cronwright.plan.loop.unserved import unserved

REPAIR_AFTER = timedelta(seconds=10)
"""How long a window may lack its Job before it is given one: the controller takes less than a second."""


def repair(look: Look, observed: CronJobFacts, start: datetime) -> Progress:
    """Return what is due where the `observed` CronJob has its plan since `start`, open or to be opened again after
    another hand, and nothing of an older plan is left.
    """
    steps = [] if look.aim.is_written(observed) else [look.aim.open(start)]
    opening = look.opening(look.now)
    before = opening - timedelta(seconds=look.windows.length)
    if look.now < look.windows.owned(opening, start).first and look.opening(start) <= before:
        lost = _replace_the_one_before(look, observed, before, start)
        if lost.steps:
            return lost
    else:
        lost = Progress(())
    again = _start_again(look, observed, opening, start)
    moments = [at for at in (lost.look_again_at, again.look_again_at) if at is not None]
    return Progress((*steps, *again.steps), look_again_at=min(moments, default=None))


def _start_again(look: Look, observed: CronJobFacts, opening: datetime, start: datetime) -> Progress:
    """Give the window that is open its Job again, where it was deleted or has ended with ticks before it."""
    holder = look.job_of(opening)
    remembered = observed.last_schedule_time
    if (holder and holder.is_live) or remembered is None or remembered < opening:
        return Progress(())
    owned = look.windows.owned(opening, start)
    if not look.has_ticks(max(look.now, owned.first), owned.end):
        return Progress(())
    ended_at = holder.job.ended_at if holder else None
    due = max(opening, start, ended_at or opening) + REPAIR_AFTER
    if look.now < due:
        return Progress((), look_again_at=due)
    if holder:
        return Progress(tuple(free_name(holder)))
    if look.upcoming() - look.now <= LAST_MOMENT:
        return Progress((), look_again_at=look.upcoming())
    return Progress(tuple(set_lever(remembered, opening)))


def _replace_the_one_before(look: Look, observed: CronJobFacts, before: datetime, start: datetime) -> Progress:
    """The window that serves until the one that is open takes over can't be started again: a new start, at once."""
    holder = look.job_of(before)
    owned = look.windows.owned(before, start)
    if (holder and holder.is_live) or not look.has_ticks(look.now, owned.end):
        return Progress(())
    ended_at = holder.job.ended_at if holder else None
    due = max(before, start, ended_at or before) + REPAIR_AFTER
    if look.now < due:
        return Progress((), look_again_at=due)
    fresh = new_start(look)
    return change(look, observed, fresh, unserved(look, owned.first, fresh))
