"""When a plan takes over: its loop start."""

from datetime import datetime, timedelta

from cronwright.plan.loop.ending import is_told
from cronwright.plan.loop.look import Look

LEAD = timedelta(seconds=5)
"""How far ahead a plan takes over where no pod of an older one runs: about what the start of a pod takes."""

HANDOVER_LEAD = timedelta(seconds=2)
"""How far ahead it takes over from a running pod, which reads the request to end about a second after it is made."""

NEAR_OPENING = timedelta(seconds=10)
"""A plan that would take over less than this ahead of an opening takes over at the opening: the Job of a window that
has been followed by another can't be started any more."""

_SECOND = timedelta(seconds=1)


def new_start(look: Look, late: bool = False) -> datetime:
    """Return when the plan takes over: soon, or at once where it is `late` and nothing runs."""
    running = any(window.running() for window in look.live)
    taken = {window.job.loop_start for window in look.jobs}
    if late and not running:
        start = look.now.replace(microsecond=0)
    else:
        start = whole_second_from(look.now + (HANDOVER_LEAD if running else LEAD))
        upcoming = look.upcoming()
        if upcoming - start < NEAR_OPENING:
            start = max(start, upcoming)
    while start in taken:
        start += _SECOND
    return start


def can_keep(look: Look, start: datetime) -> bool:
    """Return whether a closed plan can still be opened with its start: its window is open, and what ran before it was
    told to end then, or can be told in time.
    """
    untold = any(not is_told(pod, start) for window in look.older(start) for pod in window.running())
    is_open = look.opening(look.now) <= look.opening(start)
    return is_open and not (untold and start <= look.now)


def whole_second_from(at: datetime) -> datetime:
    """Return the first whole second at or after `at`."""
    whole = at.replace(microsecond=0)
    return whole if whole == at else whole + _SECOND
