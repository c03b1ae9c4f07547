"""Fire times agree with robfig/cron v3, the library of Kubernetes' CronJob controller, for every schedule that we take.

Schedules, zones and starts are random, weighted to what libraries differ in: days when clocks change, leap years, both
kinds of day, stepped stars, days that don't exist. `CRONWRIGHT_ORACLE_SEED` sets the seed, and
`CRONWRIGHT_ORACLE_CASES` how many cases there are. The seed is always the same where nothing else is said, so that a
change is refused for what it changed; `make test-slow` takes `random`, prints it and tries more.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from cronwright.schedule import zones
from cronwright.schedule.errors import ScheduleError
from cronwright.schedule.fields import DAY_OF_MONTH, DAY_OF_WEEK, HOUR, KINDS, MINUTE, MONTH, Kind, numbers
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import Cron, Every, parse
from cronwright.schedule.hashes import resolve
from cronwright.schedule.line import cron_line

from .robfig_program import Question, ask

_ASKED = os.environ.get("CRONWRIGHT_ORACLE_SEED") or "391814"
SEED = random.SystemRandom().randrange(10**6) if _ASKED == "random" else int(_ASKED)
CASES = int(os.environ.get("CRONWRIGHT_ORACLE_CASES") or 4000)
FIRE_TIMES_EACH = 4
MINUTES_OF_A_WEEK = 7 * 24 * 60

ZONES = {
    "Etc/UTC": "no changes",
    "Asia/Kolkata": "half an hour off, no changes",
    "Asia/Kathmandu": "a quarter of an hour off",
    "Europe/Berlin": "changes at night",
    "Europe/Dublin": "winter is the saving time",
    "America/New_York": "changes at night, behind UTC",
    "America/St_Johns": "half an hour off, changed a minute after midnight until 2011",
    "Australia/Lord_Howe": "changes by half an hour",
    "America/Sao_Paulo": "changed at midnight, behind UTC",
    "America/Santiago": "changes at midnight, behind UTC",
    "America/Asuncion": "changed at midnight, on 1 October 2017, too",
    "America/Havana": "changes at midnight",
    "Asia/Beirut": "changes at midnight, ahead of UTC",
    "Africa/Cairo": "changes at midnight, ahead of UTC, on Fridays",
    "Asia/Tehran": "changed at midnight, half an hour off",
    "Asia/Amman": "changed at midnight, on 1 April, too",
    "Africa/Casablanca": "a change back for Ramadan",
    "Pacific/Apia": "has no 30 December 2011",
    "Antarctica/Troll": "changes by two hours",
    "Pacific/Chatham": "three quarters of an hour off, goes back from 3:45 to 2:45",
}
# The library goes back in time where clocks go back over a part of an hour, and never comes back where a day doesn't
# exist (see cronwright.schedule.robfig); we do neither.
WHERE_ROBFIG_IS_LOST = ("America/St_Johns", "Pacific/Apia", "Pacific/Chatham")


def _patience(case: Case) -> int:
    """A second where the search may come upon Apia's missing day and not come back."""
    return 1 if case.zone == "Pacific/Apia" and case.start < _unix(2012) else 0


@dataclass(frozen=True)
class Case:
    text: str
    zone: str
    start: int  # Unix time in seconds

    def __str__(self) -> str:
        return f"{self.text!r} in {self.zone} from {datetime.fromtimestamp(self.start, UTC):%a %Y-%m-%dT%H:%M:%SZ}"


def _random_number(chance: random.Random, kind: Kind) -> str:
    number = chance.randint(kind.low, kind.high)
    if kind is DAY_OF_MONTH and chance.random() < 0.3:
        number = chance.choice((1, 28, 29, 30, 31))
    if kind is HOUR and chance.random() < 0.4:
        number = chance.randint(0, 3)
    if kind.names and number - kind.low < len(kind.names) and chance.random() < 0.4:
        return chance.choice((str.lower, str.upper, str.title))(kind.names[number - kind.low])
    return ("0" if chance.random() < 0.05 else "") + str(number)


def _random_item(chance: random.Random, kind: Kind) -> str:
    step = f"/{chance.choice((1, 2, 3, 5, 7, 10, 15, 20, 29, 90))}"
    shape = chance.random()
    if shape < 0.15:
        return chance.choice("*?") + chance.choice(("", step))
    if shape < 0.2:
        return "H" + chance.choice(("", step))
    number = _random_number(chance, kind)
    if shape < 0.65:
        return number
    if shape < 0.75:
        return number + step
    other = _random_number(chance, kind)
    low, high = sorted((number, other), key=kind.number)
    hashed = f"H({low}-{high})" if chance.random() < 0.1 else f"{low}-{high}"
    return hashed + (step if chance.random() < 0.4 else "")


def _random_field(chance: random.Random, kind: Kind) -> str:
    most_often_a_star = {MINUTE: 0.15, HOUR: 0.25, DAY_OF_MONTH: 0.45, MONTH: 0.6, DAY_OF_WEEK: 0.5}
    if chance.random() < most_often_a_star[kind]:
        return "*"
    return ",".join(_random_item(chance, kind) for _ in range(chance.choice((1, 1, 1, 1, 2, 3))))


def _random_text(chance: random.Random) -> str:
    if chance.random() < 0.03:
        return chance.choice(("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"))
    if chance.random() < 0.03:
        return f"0 0 {chance.choice(('29', '30', '31', '30,31', '29-31/2'))} {chance.choice(('2', 'feb', '2,4'))} *"
    if chance.random() < 0.15:
        # Whole days, the way that people write most schedules, meet a midnight that doesn't exist.
        rest = " ".join(_random_field(chance, kind) for kind in (DAY_OF_MONTH, MONTH, DAY_OF_WEEK))
        return f"{chance.choice(('0', '30'))} {chance.choice(('0', '1', '2', '*'))} {rest}"
    return " ".join(_random_field(chance, kind) for kind in KINDS)


def _random_start(chance: random.Random, zone: str) -> int:
    start = chance.randint(_unix(1990), _unix(2060))
    where = chance.random()
    if where < 0.6:
        change = zones.zone(zone).last_change(start, not_before=_unix(1980))
        if change is not None:
            return change + chance.choice(
                (chance.randint(-90_000, 90_000), chance.randint(-40 * 86400, 5 * 86400), -1, 0)
            )
    if where < 0.7:
        return _unix(chance.choice((1996, 2000, 2024, 2096, 2099)), 2, 28) + chance.randint(-86400, 3 * 86400)
    return start


def _unix(year: int, month: int = 1, day: int = 1) -> int:
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def _random_cases(seed: int, count: int) -> list[Case]:
    chance = random.Random(seed)
    cases = []
    for _ in range(count):
        zone = chance.choice(list(ZONES))
        cases.append(Case(_random_text(chance), zone, _random_start(chance, zone)))
    return cases


def _resolved(text: str) -> Cron:
    schedule = parse(text)
    assert isinstance(schedule, Cron)
    return resolve(schedule, "default", "oracle")


def _question(text: str, case: Case) -> Question:
    return Question(text, case.zone, case.start, FIRE_TIMES_EACH, patience=_patience(case))


def _instant(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


@pytest.fixture(scope="module", autouse=True)
def _say_seed() -> None:
    print(f"CRONWRIGHT_ORACLE_SEED={SEED}")


def test_the_next_fire_times_are_those_of_robfig() -> None:
    taken: list[tuple[Case, Cron]] = []
    for case in _random_cases(SEED, CASES):
        try:
            taken.append((case, _resolved(case.text)))
        except ScheduleError as refused:
            assert "exist in month" in str(refused), f"{case} was refused: {refused}"
    assert len(taken) > CASES * 0.9

    answers = ask(_question(cron_line(cron), case) for case, cron in taken)
    wrong = []
    for (case, cron), answer in zip(taken, answers, strict=True):
        count = FIRE_TIMES_EACH
        if answer.lost:
            assert case.zone in WHERE_ROBFIG_IS_LOST, case
            count = len(answer.times)
        ours = FireTimes(cron, case.zone).between(
            _instant(case.start), _instant(case.start) + timedelta(days=40_000), count
        )
        if answer.error or ours != [_instant(unix) for unix in answer.times]:
            wrong.append(
                f"{case}: we say {[f'{at:%Y-%m-%dT%H:%M:%S}' for at in ours]}, robfig says"
                f" {answer.error or [f'{_instant(unix):%Y-%m-%dT%H:%M:%S}' for unix in answer.times]}"
            )
    assert not wrong, f"seed {SEED}, {len(wrong)} of {len(taken)} differ:\n" + "\n".join(wrong[:20])


def test_the_line_for_kubernetes_means_what_the_person_wrote() -> None:
    """Where robfig takes the text as it is (no H, no 7), rewriting it changes no fire time."""
    cases = [case for case in _random_cases(SEED + 1, CASES // 2) if "H" not in case.text]
    as_written = ask(_question(case.text, case) for case in cases)
    both = [
        (case, answer) for case, answer in zip(cases, as_written, strict=True) if answer.error is None and answer.times
    ]
    assert len(both) > CASES // 5
    rewritten = ask(_question(cron_line(_resolved(case.text)), case) for case, _ in both)
    for (case, answer), answer_for_line in zip(both, rewritten, strict=True):
        if answer.lost or answer_for_line.lost:
            assert case.zone in WHERE_ROBFIG_IS_LOST, case
            continue
        assert answer_for_line == answer, f"seed {SEED}: {case} becomes {cron_line(_resolved(case.text))}"


def test_days_that_we_refuse_are_days_that_robfig_never_finds() -> None:
    texts = [
        f"0 0 {day} {month} *"
        for day in ("28", "29", "30", "31", "30-31", "31,30", "30/1", "*/30")
        for month in ("1", "2", "4", "feb", "2,4", "4,6,9,11", "2,3", "*/12", "2-4/2", "*")
    ]
    answers = ask(Question(text, "Etc/UTC", _unix(2026), 1) for text in texts)
    for text, answer in zip(texts, answers, strict=True):
        try:
            parse(text)
            taken = True
        except ScheduleError as refused:
            assert "does not exist" in str(refused)
            taken = False
        assert taken == bool(answer.times), text


def test_a_past_fire_time_is_the_one_that_a_chain_of_searches_reaches() -> None:
    chance = random.Random(SEED + 2)
    asked: list[tuple[Case, Cron, int]] = []
    for case in _random_cases(SEED + 2, CASES // 2):
        try:
            cron = _resolved(case.text)
        except ScheduleError:
            continue
        # Forty days back at most: a chain of every minute is long enough with three.
        often = len(numbers(cron.minute, MINUTE)) * len(numbers(cron.hour, HOUR)) > 24
        days = 3 if often else chance.choice((3, 9, 40))
        first = FireTimes(cron, case.zone).at_or_before(_instant(case.start) - timedelta(days=days))
        if first is not None:
            asked.append((case, cron, int(first.timestamp())))
    chains = ask(
        Question(cron_line(cron), case.zone, before, MINUTES_OF_A_WEEK, until=case.start, patience=_patience(case))
        for case, cron, before in asked
    )
    wrong = []
    for (case, cron, before), chain in zip(asked, chains, strict=True):
        if chain.lost:
            assert case.zone in WHERE_ROBFIG_IS_LOST, case
            continue
        expected = _instant(chain.times[-1] if chain.times else before)
        found = FireTimes(cron, case.zone).at_or_before(_instant(case.start))
        if found != expected:
            wrong.append(f"{case}: we say {found}, the chain says {expected}")
    assert not wrong, f"seed {SEED}, {len(wrong)} of {len(asked)} differ:\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize(
    "text", ["@every 5m", "@every 90s", "@every 1h30m", "@every 36h", "@every 1.5h", "@every 8760h"]
)
def test_every_on_its_grid_stays_on_it(text: str) -> None:
    """robfig counts from whatever it is given; begun on a tick of the grid, it names the ticks that we do."""
    every = parse(text)
    assert isinstance(every, Every)
    fire_times = FireTimes(every)
    tick = fire_times.at_or_before(_instant(_unix(2026, 11, 24)))
    assert tick is not None
    [answer] = ask([Question(text, "Etc/UTC", int(tick.timestamp()), FIRE_TIMES_EACH)])
    assert [_instant(unix) for unix in answer.times] == fire_times.between(
        tick, tick + timedelta(days=9999), FIRE_TIMES_EACH
    )
