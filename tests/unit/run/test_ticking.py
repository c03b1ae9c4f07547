"""A ticker's decisions as a table: what has happened in a window, and what is done about it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cronwright.plan.windows import Ownership
from cronwright.reasons import Reason
from cronwright.retry import Retry
from cronwright.run.document import Loop, RunDocument
from cronwright.run.end import FINISH, EndRequest
from cronwright.run.ticking import (
    Claim,
    Crashed,
    Decision,
    End,
    HandOver,
    Journal,
    Supersede,
    Ticking,
    dump_journal,
    load_journal,
)

OPENED = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
WINDOW_END = 60
"""The window of the table owns the ticks from 0 to 55 s, every 5 s."""


def at(seconds: float) -> datetime:
    """Return the instant `seconds` after the first tick that the window owns."""
    return OPENED + timedelta(seconds=seconds)


def ticking(
    started: float = 0.5,
    policy: str = "Forbid",
    former: Journal | None = None,
    schedule: str = "@every 5s",
    deadline: int = 60,
) -> Ticking:
    """Return the decisions of a ticker that started `started` seconds after the first tick."""
    document = RunDocument(
        namespace="shop",
        resource_name="poll",
        uid="6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        name="poll",
        label="",
        plan="loop",
        schedule=schedule,
        time_zone="Etc/UTC",
        action_name="http",
        entity_name="",
        attributes={},
        as_user_email=None,
        starting_deadline_seconds=deadline,
        timeout_seconds=30,
        retry=Retry(),
        loop=Loop(600, policy),
    )
    return Ticking(document, Ownership(at(0), at(WINDOW_END)), at(started), former)


def settled(policy: str = "Forbid", deadline: int = 60) -> Ticking:
    """Return those of one that has answered for the first tick, which it had come too late for."""
    ticker = ticking(policy=policy, deadline=deadline)
    ticker.clock(at(0.5))
    return ticker


@dataclass(frozen=True)
class Event:
    """Something that happens at `when`; the rest is what the method of that name takes."""

    what: str
    when: float = 0
    known: tuple[float, ...] = ()
    tick: float = 0
    runner: str = "a"
    request: EndRequest = FINISH

    def tell(self, ticker: Ticking) -> list[Decision]:
        """Tell it to `ticker` and return what that answers."""
        match self.what:
            case "clock":
                return ticker.clock(at(self.when))
            case "connected":
                return ticker.connected(at(self.when), self.runner, [at(tick) for tick in self.known])
            case "disconnected":
                return ticker.disconnected(at(self.when))
            case "leaving":
                return ticker.leaving(at(self.when))
            case "ended":
                return ticker.ended(at(self.tick))
            case "asked":
                return ticker.asked_to_end(self.request, at(self.when))
            case "told":
                return ticker.told_to_end()
        raise AssertionError(self.what)


def clock(when: float) -> Event:
    return Event("clock", when)


def connected(when: float, *known: float, runner: str = "a") -> Event:
    return Event("connected", when, known=known, runner=runner)


def ended(tick: float) -> Event:
    return Event("ended", tick=tick)


def disconnected(when: float) -> Event:
    return Event("disconnected", when)


def asked(when: float, request: EndRequest = FINISH) -> Event:
    return Event("asked", when, request=request)


def run(tick: float) -> HandOver:
    return HandOver(at(tick))


def missed(first: float, last: float, total: int, message: str) -> Claim:
    return Claim(Reason.POD_LATE, message, at(first), at(last), total)


def skipped(first: float, last: float, total: int, running: float) -> Claim:
    message = f"the run of {at(running):%Y-%m-%dT%H:%M:%SZ} was still under way"
    return Claim(Reason.ALREADY_RUNNING, message, at(first), at(last), total)


def down(first: float, last: float, total: int, since: float) -> Claim:
    message = f"the runner's container was down since {at(since):%Y-%m-%dT%H:%M:%SZ}"
    return Claim(Reason.RUNNER_DOWN, message, at(first), at(last), total)


NOT_READY = "the pod's runner had not started yet"
NOTHING: list[Decision] = []


@dataclass(frozen=True)
class Case:
    """A ticker, what happens, and its answer to the last of it."""

    events: list[Event]
    answer: list[Decision]
    ticker: Ticking = field(default_factory=settled)


def later(seconds: float) -> str:
    return f"the pod had started only at {at(seconds):%Y-%m-%dT%H:%M:%SZ}"


CASES = {
    "a tick is due": Case([connected(1), clock(5.001)], [run(5)]),
    "no tick is due yet": Case([connected(1), clock(4.999)], NOTHING),
    "the very instant of a tick": Case([connected(1), clock(5)], [run(5)]),
    "a tick is handed over once": Case([connected(1), clock(5), clock(5.1)], NOTHING),
    "the first tick, of a ticker that was there before": Case([connected(-8), clock(0)], [run(0)], ticking(-10)),
    "a tick of the window before": Case([connected(-8), clock(-5)], NOTHING, ticking(-10)),
    "a late pod answers for what it owned before": Case([clock(12)], [missed(0, 10, 3, later(12))], ticking(12)),
    "a pod later than its window": Case([clock(100)], [missed(0, 55, 12, later(100)), End()], ticking(100)),
    "a pod that started at the instant of a tick": Case([connected(0), clock(0)], [run(0)], ticking(0)),
    "the runner is not there yet": Case([clock(5)], [missed(5, 5, 1, NOT_READY)]),
    "the runner comes after several ticks": Case(
        [clock(1), clock(5), clock(10), connected(11), clock(15)], [run(15)], ticking(1)
    ),
    "Forbid: the run before is under way": Case([connected(1), clock(5), clock(10)], [skipped(10, 10, 1, running=5)]),
    "Forbid: the run before has ended": Case([connected(1), clock(5), ended(5), clock(10)], [run(10)]),
    "Forbid: several ticks while one runs": Case([connected(1), clock(5), clock(21)], [skipped(10, 20, 3, running=5)]),
    "Allow: the run before is under way": Case([connected(1), clock(5), clock(10)], [run(10)], settled("Allow")),
    "held up: the newest runs, the others are missed": Case(
        [connected(1), clock(5), ended(5), clock(22)],
        [missed(10, 15, 2, "the ticker was held up until 2027-01-04T08:00:22Z"), run(20)],
    ),
    "held up beyond the deadline": Case(
        [connected(1), clock(5), ended(5), clock(14)],
        [
            Claim(
                Reason.STARTING_DEADLINE_PASSED,
                "the run of 2027-01-04T08:00:10Z could start only 4 s late; startingDeadlineSeconds is 3",
                at(10),
                at(10),
                1,
            )
        ],
        settled(deadline=3),
    ),
    "held up beyond the window": Case(
        [connected(1), clock(51), ended(50), clock(70)],
        [run(55)],
    ),
    "the clock is set back": Case([connected(1), clock(20), ended(20), clock(5)], NOTHING),
    "the clock comes to where it was": Case([connected(1), clock(20), ended(20), clock(5), clock(25)], [run(25)]),
    "the clock is set forward": Case(
        [connected(1), clock(5), ended(5), clock(40)],
        [missed(10, 35, 6, "the ticker was held up until 2027-01-04T08:00:40Z"), run(40)],
    ),
    "the runner goes away in the middle of a tick": Case([connected(1), clock(5), disconnected(6)], [Crashed(at(5))]),
    "the runner goes away in the middle of the last tick": Case(
        [connected(1), clock(56), disconnected(57)], [Crashed(at(55)), End()]
    ),
    "the runner goes away between two ticks": Case([connected(1), clock(5), ended(5), disconnected(6)], NOTHING),
    "ticks without a runner": Case([connected(1), clock(5), disconnected(6), clock(16)], [down(10, 15, 2, since=6)]),
    "the next runner": Case(
        [connected(1), clock(5), disconnected(6), clock(10), connected(11, runner="b"), clock(15)], [run(15)]
    ),
    "Allow: the runner goes away with several": Case(
        [connected(1), clock(5), clock(10), disconnected(11)],
        [Crashed(at(5)), Crashed(at(10))],
        settled("Allow"),
    ),
    "the window is over": Case([connected(1), clock(56), ended(55)], [End()]),
    "the last tick is under way": Case([connected(1), clock(56), clock(61)], NOTHING),
    "the last tick is skipped": Case([connected(1), clock(50), clock(55)], [skipped(55, 55, 1, running=50)]),
    "the end is told once": Case([connected(1), clock(56), ended(55), clock(61)], NOTHING),
    "the end is told again to the next runner": Case(
        [connected(1), clock(56), ended(55), disconnected(57), connected(58, runner="b")], [End()]
    ),
    "a window without a tick": Case([clock(1)], [End()], ticking(schedule="@every 8000h0m0s")),
    "finish: none is under way": Case([connected(1), clock(5), ended(5), asked(7)], [End()]),
    "finish: what was due before still runs": Case([connected(1), asked(7), clock(7)], [run(5)]),
    "finish: one is under way": Case([connected(1), clock(5), asked(7)], NOTHING),
    "finish: it ends": Case([connected(1), clock(5), asked(7), ended(5)], [End()]),
    "finish: no tick after it": Case([connected(1), clock(5), asked(7), clock(10)], NOTHING),
    "supersede: ticks before it run": Case(
        [connected(1), asked(2, EndRequest(at(12))), clock(5), ended(5), clock(10)], [run(10)]
    ),
    "supersede: its instant, with a tick under way": Case(
        [connected(1), asked(2, EndRequest(at(12))), clock(5), clock(10), clock(12)], [Supersede()]
    ),
    "supersede: no tick at its instant": Case(
        [connected(1), asked(2, EndRequest(at(10))), clock(5), clock(10)], [Supersede()]
    ),
    "supersede: what was under way has ended": Case(
        [connected(1), asked(2, EndRequest(at(10))), clock(5), clock(10), ended(5)], [End()]
    ),
    "supersede: none is under way at the last tick": Case(
        [connected(1), asked(2, EndRequest(at(10))), clock(5), ended(5)], [End()]
    ),
    "supersede: its instant is past": Case(
        [connected(1), clock(5), asked(7, EndRequest(at(6))), clock(7)], [Supersede()]
    ),
    "supersede: the earlier of two": Case(
        [connected(1), clock(5), asked(6, EndRequest(at(8))), asked(7, EndRequest(at(12))), clock(8)], [Supersede()]
    ),
    "finish, then supersede": Case(
        [connected(1), clock(5), asked(6), asked(7, EndRequest(at(9))), clock(9)], [Supersede()]
    ),
    "the runner is told to end: no tick any more": Case(
        [connected(1), clock(5), Event("leaving", 7), clock(10)], NOTHING
    ),
    "the runner is told to end: its tick ends": Case([connected(1), clock(5), Event("leaving", 7), ended(5)], NOTHING),
    "the runner is told to end, and is killed": Case(
        [connected(1), clock(5), Event("leaving", 7), disconnected(8)], [Crashed(at(5))]
    ),
    "only the runner's container was told to end": Case(
        [connected(1), clock(5), Event("leaving", 7), ended(5), disconnected(8), connected(16, runner="b")],
        [down(10, 15, 2, since=8)],
    ),
    "after that its next one gets ticks again": Case(
        [connected(1), Event("leaving", 7), disconnected(8), connected(16, runner="b"), clock(20)], [run(20)]
    ),
    "the ticker is told to end: the runner is there": Case([connected(1), clock(5), Event("told")], NOTHING),
    "the ticker is told to end: no tick any more": Case([connected(1), Event("told"), clock(5)], NOTHING),
    "the ticker is told to end: the runner has not come back": Case(
        [Event("told")], [Crashed(at(5))], ticking(7, former=Journal(at(10), (at(5),), "a"))
    ),
    "restarted: the ticks meanwhile were missed": Case(
        [clock(21)],
        [missed(10, 20, 3, f"the ticker was killed, and had started again only at {at(21):%Y-%m-%dT%H:%M:%SZ}")],
        ticking(21, former=Journal(at(10), (), "a")),
    ),
    "restarted: the same runner has it under way": Case(
        [clock(7), connected(7.1, 5)], NOTHING, ticking(7, former=Journal(at(10), (at(5),), "a"))
    ),
    "restarted: what is under way forbids the next": Case(
        [connected(7.1, 5), clock(10)],
        [skipped(10, 10, 1, running=5)],
        ticking(7, former=Journal(at(10), (at(5),), "a")),
    ),
    "restarted: the runner has never heard of the tick": Case(
        [clock(7), connected(7.1)],
        [missed(5, 5, 1, "the ticker was killed before the runner had heard of the run")],
        ticking(7, former=Journal(at(10), (at(5),), "a")),
    ),
    "restarted: the runner is another one": Case(
        [clock(7), connected(7.1, runner="b")], [Crashed(at(5))], ticking(7, former=Journal(at(10), (at(5),), "a"))
    ),
    "restarted: after the end": Case([clock(61)], [End()], ticking(61, former=Journal(at(60), (), "a"))),
    "restarted: with a tick under way that nobody has told of": Case(
        [clock(61)], NOTHING, ticking(61, former=Journal(at(60), (at(55),), "a"))
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_happens_is_answered(case: Case) -> None:
    *before, last = case.events
    for event in before:
        event.tell(case.ticker)
    assert last.tell(case.ticker) == case.answer


WAKES = {
    "before its first tick": ([], at(0), ticking(-10)),
    "before the next tick": ([connected(1), clock(5)], at(10), settled()),
    "with ticks to answer for": ([], at(0), ticking(12)),
    "before the instant of supersede": ([connected(1), clock(5), asked(6, EndRequest(at(8)))], at(8), settled()),
    "with a tick before that instant": ([connected(1), asked(2, EndRequest(at(8))), clock(2)], at(5), settled()),
    "after that instant": ([connected(1), clock(5), asked(6, EndRequest(at(8))), clock(8)], None, settled()),
    "after finish": ([connected(1), clock(5), asked(6)], None, settled()),
    "after the last tick": ([connected(1), clock(56)], None, settled()),
    "told to end": ([connected(1), Event("told")], None, settled()),
    "with a runner that leaves": ([connected(1), Event("leaving", 2)], None, settled()),
}


@pytest.mark.parametrize(("events", "moment", "ticker"), WAKES.values(), ids=WAKES)
def test_it_says_when_something_is_due(events: list[Event], moment: datetime | None, ticker: Ticking) -> None:
    for event in events:
        event.tell(ticker)
    assert ticker.wake_at() == moment


def test_the_journal_knows_what_is_decided_before_it_is_done() -> None:
    ticker = settled("Allow")
    ticker.connected(at(1), "a", [])
    ticker.clock(at(5))
    assert ticker.clock(at(10)) == [run(10)]
    assert ticker.journal == Journal(at(15), (at(5), at(10)), "a")
    ticker.ended(at(5))
    assert ticker.journal == Journal(at(15), (at(10),), "a")


def test_a_journal_is_read_as_it_was_written() -> None:
    for journal in (Journal(at(0), (), None), Journal(at(15), (at(5), at(10)), "a")):
        assert load_journal(dump_journal(journal)) == journal


@pytest.mark.parametrize("text", ["", "{", "[]", '{"undecided": 5}'])
def test_what_no_ticker_wrote_is_no_journal(text: str) -> None:
    with pytest.raises(ValueError):
        load_journal(text)


def test_only_a_loop_has_ticks() -> None:
    document = ticking()._document._replace(loop=None, plan="cron", schedule="* * * * *")
    with pytest.raises(ValueError, match="the plan cron with schedule"):
        Ticking(document, Ownership(at(0), at(60)), at(0))
