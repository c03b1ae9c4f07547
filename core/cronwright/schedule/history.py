"""The last fire time of a cron line at or before an instant.

robfig/cron only searches forwards, and around a change of the offset where a search began can decide what it finds. So
a past fire time is one that the chain of searches reaches, each begun at the fire time before, and not just one whose
local time fits: near a change the chain is followed from two days before it, and elsewhere the calendar is read
backwards. A line that leaves out months has searches that step over months, and carry the hour by which a change has
moved them through all of these: there the chain is followed from the fire time before, which may lie changes back.
Times are Unix times in whole seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from functools import lru_cache

from cronwright.schedule.robfig import Spec

_MINUTE, _HOUR, _DAY = 60, 3600, 86400  # seconds
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_NEAR_A_CHANGE = 2 * _DAY  # where days are stepped over a change reaches no further, and no zone is a day from UTC
_WINDOW = 400 * _DAY  # looked through at once
_LONGEST_SEARCH = 6 * 366 * _DAY  # robfig gives up with the end of the fifth year
_CHANGES_BACK = 14  # two a year in the longest search
_FURTHEST_BACK = 9 * 366 * _DAY  # the longest gap between two leap days is eight years
_EVERY_MONTH = 0b1_1111_1111_1110


def last_at_or_before(spec: Spec, at: int, not_before: int | None = None) -> int | None:
    """The last fire time at or before `at`, None where there is none from `not_before` on, or in nine years."""
    floor = at - _FURTHEST_BACK if not_before is None else max(not_before, at - _FURTHEST_BACK)
    found = _search(spec, at, floor, _CHANGES_BACK if _steps_over_months(spec) else 0)
    return found if found is not None and found >= floor else None


def _search(spec: Spec, at: int, floor: int, changes_back: int) -> int | None:
    """Looks no further back than `floor`; `changes_back` is how many more changes a chain may have come over."""
    window = _LONGEST_SEARCH if _steps_over_months(spec) else _WINDOW
    while at >= floor:
        change = spec.zone.last_change(at + _NEAR_A_CHANGE, not_before=at - window)
        if change is None:
            found = _last_by_calendar(spec, at, after=at - window)
            if found is not None:
                return found
            at -= window
            continue
        chain = _chain_over(spec, change, changes_back)
        # Behind its last link the calendar is plain again.
        if chain and at > chain[-1]:
            found = _last_by_calendar(spec, at, after=chain[-1])
            return chain[-1] if found is None else found
        index = bisect_right(chain, at)
        if index:
            return chain[index - 1]
        at = change - _NEAR_A_CHANGE - 1
        changes_back = max(changes_back - 1, 0)
    return None


def _steps_over_months(spec: Spec) -> bool:
    return spec.months & _EVERY_MONTH != _EVERY_MONTH


# Many Tasks on the same schedule share a chain, which has some thousand links for one of every minute.
@lru_cache(maxsize=256)
def _chain_over(spec: Spec, change: int, changes_back: int) -> tuple[int, ...]:
    """The fire times from two days before a change of the offset on, to the first that is two days past it."""
    chain: list[int] = []
    link = spec.next(_link_before(spec, change, changes_back))
    while link is not None:
        chain.append(link)
        chain.extend(_rest_of_hour(spec, link))
        if chain[-1] > change + _NEAR_A_CHANGE:
            break
        link = spec.next(chain[-1])
    return tuple(chain)


def _link_before(spec: Spec, change: int, changes_back: int) -> int:
    """Where the chain over a change begins: two days before it, or at the last fire time before that."""
    begin = change - _NEAR_A_CHANGE - 1
    if not changes_back:
        return begin
    found = _search(spec, begin, begin - _LONGEST_SEARCH, changes_back - 1)
    return begin if found is None else found


def _rest_of_hour(spec: Spec, link: int) -> list[int]:
    """The further fire times of a fire time's hour, where they need no search.

    They do if the offset changes in it, or if the search had come into a day that the line doesn't name.
    """
    if not spec.matches(link) or spec.zone.steady_until(link) < link + _HOUR:
        return []
    minute = (link + spec.zone.offset(link)) // _MINUTE % 60
    return [link + (later - minute) * _MINUTE for later in range(minute + 1, 60) if spec.minutes >> later & 1]


def _last_by_calendar(spec: Spec, at: int, after: int) -> int | None:
    """The last local time that fits, at or before `at` and after `after`, between which the offset doesn't change."""
    offset = spec.zone.offset(at)
    days, of_day = divmod(at + offset, _DAY)
    first_day = (after + offset) // _DAY
    while days >= first_day:
        day = date.fromordinal(days + _EPOCH_ORDINAL)
        if not spec.months >> day.month & 1:
            days -= day.day
        else:
            if spec.day_matches(day):
                fitting = _last_of_day(spec, of_day)
                if fitting is not None:
                    found = days * _DAY + fitting - offset
                    return found if found > after else None
            days -= 1
        of_day = _DAY - 1
    return None


def _last_of_day(spec: Spec, of_day: int) -> int | None:
    hour, minute = of_day // _HOUR, of_day // _MINUTE % 60
    minutes = spec.minutes & (2 << minute) - 1
    if spec.hours >> hour & 1 and minutes:
        return hour * _HOUR + (minutes.bit_length() - 1) * _MINUTE
    hours = spec.hours & (1 << hour) - 1
    if not hours:
        return None
    return (hours.bit_length() - 1) * _HOUR + (spec.minutes.bit_length() - 1) * _MINUTE
