"""The search for the next fire time of a cron line, as Kubernetes' own library does it.

A port of `SpecSchedule.Next` of robfig/cron v3.0.1 (spec.go) with its rule for the two kinds of day, its behaviour on
the days when clocks change and its limit of five years. It keeps the order of the steps and takes many at once where
the offset doesn't change. Its surprises are kept on purpose, since what we show has to be what the CronJob controller
does: where midnight doesn't exist a day may be passed over, a fire time in an hour that doesn't exist is skipped, and
one in an hour that occurs twice comes twice.

Times are Unix times in whole seconds.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cronwright.schedule.zones import Zone

_MINUTE, _HOUR, _DAY = 60, 3600, 86400  # seconds
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_YEARS_TO_SEARCH = 5
_LAST_YEAR = 9990  # datetime ends with 9999
_FURTHEST_AHEAD = 15 * _HOUR  # no zone is further from UTC; the reach of the look-ups in `_at`


class Spec(NamedTuple):
    """A cron line as bit masks (bit n stands for the number n) in a zone; seconds are always 0.

    `either_day` is whether one of the two kinds of day is enough: neither field is a star (`dayMatches`).
    """

    minutes: int
    hours: int
    days_of_month: int
    months: int
    days_of_week: int
    either_day: bool
    zone: Zone

    def matches(self, at: int) -> bool:
        """Whether the local time at `at` is one that the line names."""
        days, seconds = divmod(at + self.zone.offset(at), _DAY)
        hour, seconds = divmod(seconds, _HOUR)
        minute, second = divmod(seconds, _MINUTE)
        if second or not (self.hours >> hour & 1 and self.minutes >> minute & 1):
            return False
        day = date.fromordinal(days + _EPOCH_ORDINAL)
        return bool(self.months >> day.month & 1) and self.day_matches(day)

    def day_matches(self, day: date) -> bool:
        """Whether the line's two fields of days take the local day; the month is not looked at."""
        of_month = self.days_of_month >> day.day & 1
        of_week = self.days_of_week >> (day.toordinal() % 7) & 1
        return bool(of_month or of_week) if self.either_day else bool(of_month and of_week)

    def next(self, after: int) -> int | None:
        """The first fire time after `after`, None where there is none within five years.

        Two surprises are not kept, as no search or chain of searches would end. Where clocks go back over a part of an
        hour (3:45 to 2:45 in Chatham) robfig may answer with an earlier time, again and again: we look on from a minute
        later. Where a day doesn't exist (30 December 2011 in Apia) it may look for it forever: we go on with the day
        after.
        """
        begin = after
        while True:
            found = self._search(begin)
            if found is None or found > after:
                return found
            begin += _MINUTE

    def _search(self, after: int) -> int | None:
        zone = self.zone
        at = after + 1
        reset = False  # whether the smaller fields were set back, which happens once ("added" in the Go source)
        day, of_day = self._local(at)
        last_year = min(day.year + _YEARS_TO_SEARCH, _LAST_YEAR)

        while True:
            day, of_day = self._local(at)
            if day.year > last_year:
                return None

            wrapped = False
            while not self.months >> day.month & 1:
                if not reset:
                    reset = True
                    at = self._at(day.toordinal() - day.day + 1, 0)
                    day, of_day = self._local(at)
                first_of_next = date(day.year + day.month // 12, day.month % 12 + 1, 1)
                at = self._at(first_of_next.toordinal() + day.day - 1, of_day)
                day, of_day = self._local(at)
                if day.month == 1:
                    wrapped = True
                    break
            if wrapped:
                continue

            while not self.day_matches(day):
                if not reset:
                    reset = True
                    at = self._at(day.toordinal(), 0)
                    day, of_day = self._local(at)
                steps = self._plain_days(at, day) if of_day == 0 else 0
                if steps:
                    at += steps * _DAY
                    day = date.fromordinal(day.toordinal() + steps)
                else:
                    later = self._at(day.toordinal() + 1, of_day)
                    if later <= at:
                        later = self._at(day.toordinal() + 2, of_day)
                    at = later
                    day, of_day = self._local(at)
                    hour = of_day // _HOUR
                    if hour:
                        at += (24 - hour if hour > 12 else -hour) * _HOUR
                        day, of_day = self._local(at)
                if day.day == 1:
                    wrapped = True
                    break
            if wrapped:
                continue

            while not self.hours >> (of_day // _HOUR) & 1:
                if not reset:
                    reset = True
                    at = self._at(day.toordinal(), of_day // _HOUR * _HOUR)
                    day, of_day = self._local(at)
                hour = of_day // _HOUR
                steps = (_following(self.hours, hour) or 24) - hour
                # At least one, which may cross a change of the offset.
                at += max(1, min(steps, (zone.steady_until(at) - at - 1) // _HOUR)) * _HOUR
                day, of_day = self._local(at)
                if of_day // _HOUR == 0:
                    wrapped = True
                    break
            if wrapped:
                continue

            while not self.minutes >> (of_day // _MINUTE % 60) & 1:
                if not reset:
                    reset = True
                    at -= at % _MINUTE
                    day, of_day = self._local(at)
                minute = of_day // _MINUTE % 60
                steps = (_following(self.minutes, minute) or 60) - minute
                at += max(1, min(steps, (zone.steady_until(at) - at - 1) // _MINUTE)) * _MINUTE
                day, of_day = self._local(at)
                if of_day // _MINUTE % 60 == 0:
                    wrapped = True
                    break
            if wrapped:
                continue

            if of_day % _MINUTE == 0:
                return at
            reset = True
            at += _MINUTE - of_day % _MINUTE

    def _local(self, at: int) -> tuple[date, int]:
        """The local day and the second of that day."""
        days, of_day = divmod(at + self.zone.offset(at), _DAY)
        return date.fromordinal(days + _EPOCH_ORDINAL), of_day

    def _at(self, ordinal: int, of_day: int) -> int:
        """The Unix time of a local day and second, as Go's time.Date chooses where there is none, or two (time.go)."""
        offset = self.zone.offset
        as_utc = (ordinal - _EPOCH_ORDINAL) * _DAY + of_day
        return as_utc - offset(as_utc - offset(as_utc))

    def _plain_days(self, at: int, day: date) -> int:
        """How many days the search may take at once from the midnight `at`.

        Up to the first day that matches, the first of the next month, or where a change of the offset comes near; 0 if
        it is near already.
        """
        most = (self.zone.steady_until(at) - at - _FURTHEST_AHEAD) // _DAY
        steps = 0
        while steps < most:
            steps += 1
            day = date.fromordinal(day.toordinal() + 1)
            if day.day == 1 or self.day_matches(day):
                break
        return steps


def _following(mask: int, number: int) -> int | None:
    """The next number of a mask above `number`."""
    rest = mask >> (number + 1)
    return number + 1 + (rest & -rest).bit_length() - 1 if rest else None
