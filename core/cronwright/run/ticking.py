"""A ticker's decisions: what becomes of each tick of its window, and when the window's runner is told to end.

A state machine without a clock: the ticker tells it what happened and when, carries out what it answers, and asks when
to call again. Every tick that the window owns is answered for exactly once, as a `HandOver` or inside a `Claim`,
however often ticker and runner are killed and however the clock jumps, unless the pod is told to end before it is due.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, cast

from cronwright.instants import format_seconds
from cronwright.plan.windows import Ownership, ticks_between
from cronwright.reasons import Reason
from cronwright.run.document import RunDocument
from cronwright.run.end import EndRequest
from cronwright.run.gate import Due, gate
from cronwright.schedule.grammar import Every, parse
from cronwright.schedule.grid import next_tick

_INSTANT = timedelta(microseconds=1)
"""The step between two instants: what makes an exclusive bound an inclusive one."""


class HandOver(NamedTuple):
    """The runner is to run `tick` now. It must have been noted in the journal before the runner hears of it."""

    tick: datetime


class Claim(NamedTuple):
    """The ticks from `first` to `last` (inclusive; `total` of them, without a gap) were not started, for `reason`."""

    reason: Reason
    message: str
    first: datetime
    last: datetime
    total: int


class Crashed(NamedTuple):
    """The run of `tick` has ended as RunnerCrashed: its runner went away in the middle of it."""

    tick: datetime


class Supersede(NamedTuple):
    """The runner is to stop what it has under way, as superseded."""


class End(NamedTuple):
    """Nothing is left to do: the runner is to end, now or as soon as it connects."""


Decision = HandOver | Claim | Crashed | Supersede | End


class Journal(NamedTuple):
    """What a ticker must know of the one before it in the same pod: every owned tick before `undecided` is answered
    for; `under_way` were handed over to the runner `runner` and have not ended.
    """

    undecided: datetime
    under_way: tuple[datetime, ...]
    runner: str | None


class Ticking:
    """The decisions of one ticker, for the loop of `document` and the ticks that its window owns.

    `started` is when this ticker started, by its own clock; `former` is the journal of a ticker of this pod that was
    killed. All instants are aware. Each method tells what has happened and returns what is to be done, in that order;
    after each, `journal` is to be kept and `wake_at` says when to call `clock` at the latest.
    """

    def __init__(
        self, document: RunDocument, owned: Ownership, started: datetime, former: Journal | None = None
    ) -> None:
        """Begin at `started`.

        Raises:
            ValueError: `document` is not a loop's.
        """
        every = parse(document.schedule)
        if document.loop is None or not isinstance(every, Every):
            raise ValueError(f"the plan {document.plan} with schedule {document.schedule} has no ticks")
        self._document, self._every, self._started = document, every, started
        self._forbids = document.loop.concurrency_policy != "Allow"
        self._end = owned.end
        self._undecided = owned.first if former is None else former.undecided
        self._under_way = set(former.under_way) if former else set()
        self._runner = former.runner if former else None
        self._restarted = former is not None
        self._connected = False
        self._disconnected_at: datetime | None = None
        self._leaving = self._told = False
        self._superseded_at: datetime | None = None
        self._ended = False

    @property
    def journal(self) -> Journal:
        """What the next ticker of this pod must know, if this one is killed now."""
        return Journal(self._undecided, tuple(sorted(self._under_way)), self._runner)

    @property
    def under_way(self) -> Collection[datetime]:
        """The ticks that were handed over and have not ended."""
        return frozenset(self._under_way)

    def wake_at(self) -> datetime | None:
        """Return when something is due next; it may be past. None means that no moment of itself brings anything."""
        left = None if self._leaving or self._told else ticks_between(self._every, self._undecided, self._end)
        moments = [moment for moment in (left.first if left else None, self._superseded_at) if moment is not None]
        return min(moments, default=None)

    def clock(self, now: datetime) -> list[Decision]:
        """It is `now`. A clock that was set back brings nothing until it has come to where it was before."""
        decisions: list[Decision] = []
        if not self._leaving and not self._told:
            decisions += self._late()
            decisions += self._due(now)
        if self._superseded_at is not None and now >= self._superseded_at:
            self._superseded_at = None
            decisions.append(Supersede())
        return decisions + self._over()

    def connected(self, now: datetime, runner: str, known: Collection[datetime]) -> list[Decision]:
        """The runner whose process is named `runner` has connected; `known` are the ticks that it has under way, or
        that have ended and that it has yet to tell of.
        """
        decisions: list[Decision] = []
        if self._leaving and not self._told:
            # Its container alone was told to end, and this is the next one
            decisions += self._late()
            decisions += self._claim(Reason.RUNNER_DOWN, self._down_since(), now + _INSTANT)
            self._leaving = False
        for tick in sorted(self._under_way.difference(known)):
            if runner == self._runner:
                message = "the ticker was killed before the runner had heard of the run"
                decisions.append(Claim(Reason.POD_LATE, message, tick, tick, 1))
            else:
                decisions.append(Crashed(tick))
        self._under_way = set(known)
        self._runner, self._connected = runner, True
        return decisions + ([End()] if self._ended else self._over())

    def disconnected(self, now: datetime) -> list[Decision]:
        """The runner has gone, and with it what it had under way."""
        self._connected, self._disconnected_at = False, now
        return self._crash() + self._over()

    def leaving(self, now: datetime) -> list[Decision]:
        """The runner was told to end by a signal, as its pod is, most likely: it takes no tick any more.

        The ticks from now on are for the pod after this one to answer for.
        """
        self._leaving, self._disconnected_at = True, now
        return []

    def ended(self, tick: datetime) -> list[Decision]:
        """The run of `tick` has ended, with all its attempts."""
        self._under_way.discard(tick)
        return self._over()

    def asked_to_end(self, request: EndRequest, now: datetime) -> list[Decision]:
        """The pod's end `request` was read; the same one may be told again."""
        if request.superseded_at is None:
            self._end = min(self._end, now)
            return self._over()
        self._superseded_at = min(self._superseded_at or request.superseded_at, request.superseded_at)
        self._end = min(self._end, request.superseded_at)
        return self._over()

    def told_to_end(self) -> list[Decision]:
        """The ticker itself was told to end by a signal. What the pod still owns is for the pod after it."""
        self._told = True
        return [] if self._connected else self._crash()

    def _late(self) -> list[Decision]:
        """Answer for the ticks that came before this ticker did."""
        if self._restarted:
            message = f"the ticker was killed, and had started again only at {format_seconds(self._started)}"
        else:
            message = f"the pod had started only at {format_seconds(self._started)}"
        return self._claim(Reason.POD_LATE, message, self._started)

    def _due(self, now: datetime) -> list[Decision]:
        """Answer for the ticks that are due by `now`, the newest of which may start."""
        until = min(self._end, now + _INSTANT)
        due = ticks_between(self._every, self._undecided, until)
        if due is None:
            return []
        if not self._connected:
            if self._disconnected_at is None:
                return self._claim(Reason.POD_LATE, "the pod's runner had not started yet", until)
            return self._claim(Reason.RUNNER_DOWN, self._down_since(), until)
        if self._forbids and self._under_way:
            message = f"the run of {format_seconds(min(self._under_way))} was still under way"
            return self._claim(Reason.ALREADY_RUNNING, message, until)
        decisions = self._claim(Reason.POD_LATE, f"the ticker was held up until {format_seconds(now)}", due.last)
        self._undecided = next_tick(self._every, due.last)
        skip = gate(self._document, Due(due.last), now)
        if skip is not None:
            return [*decisions, Claim(skip.reason, skip.message, due.last, due.last, 1)]
        self._under_way.add(due.last)
        return [*decisions, HandOver(due.last)]

    def _claim(self, reason: Reason, message: str, until: datetime) -> list[Decision]:
        """Answer by `reason` for all ticks before `until` that are not answered for."""
        ticks = ticks_between(self._every, self._undecided, min(until, self._end))
        if ticks is None:
            return []
        self._undecided = next_tick(self._every, ticks.last)
        return [Claim(reason, message, ticks.first, ticks.last, ticks.total)]

    def _crash(self) -> list[Decision]:
        crashed: list[Decision] = [Crashed(tick) for tick in sorted(self._under_way)]
        self._under_way.clear()
        return crashed

    def _down_since(self) -> str:
        since = self._disconnected_at or self._started
        return f"the runner's container was down since {format_seconds(since)}"

    def _over(self) -> list[Decision]:
        """Return the end, once, as soon as no tick is left and none is under way."""
        if self._ended or self._under_way or self._told:
            return []
        if ticks_between(self._every, self._undecided, self._end) is not None:
            return []
        self._ended = True
        return [End()]


def dump_journal(journal: Journal) -> str:
    """Return `journal` as one line of JSON."""
    fields = {
        "undecided": _seconds(journal.undecided),
        "underWay": [_seconds(tick) for tick in journal.under_way],
        "runner": journal.runner,
    }
    return json.dumps(fields, separators=(",", ":"))


def load_journal(text: str) -> Journal:
    """Return the journal that `dump_journal` wrote.

    Raises:
        ValueError: `text` is something else.
    """
    try:
        fields = json.loads(text)
        return Journal(
            _instant(fields["undecided"]),
            tuple(_instant(seconds) for seconds in fields["underWay"]),
            cast("str | None", fields["runner"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"the journal is {text[:80]!r}, which no ticker wrote") from error


def _seconds(tick: datetime) -> int:
    return int(tick.timestamp())


def _instant(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
