"""The account of a loop's ticks: what the timeline has of each, and whether it has each just once.

A tick is on the timeline as the row of its run, or inside one span of ticks that were never started. A span of as many
ticks as there are fire times between its ends has them all; one of fewer has any of them, as many as it counts.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx

from cronwright.instants import format_seconds, parse_instant
from cronwright.schedule.grammar import Every, parse
from support.cluster import wait_for

_PAGE = "500"
_SHOWN = 12
"""How many stretches a message lists; more would hide the first ones, which tell most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on the timeline that accounts for ticks: from `first` to `last` (both inclusive), `count` of them.

    `run_id` is that of a run, or the span's own id.
    """

    kind: Literal["run", "span"]
    run_id: str
    first: datetime
    last: datetime
    count: int
    outcome: str | None
    reason: str | None
    message: str
    pod: str

    @property
    def word(self) -> str:
        """Why the tick was not run or how it ended; `running` for a run without an end."""
        return self.reason or "running"

    def __str__(self) -> str:
        what = f"run {self.word}" if self.kind == "run" else f"span {self.word} of {self.count}"
        times = _time(self.first) if self.first == self.last else f"{_time(self.first)}…{_time(self.last)}"
        return f"{what} {times} by {self.pod}"


@dataclass(frozen=True, slots=True)
class Account:
    """What the timeline says of each tick of a stretch: `lost` are in nothing, `double` in more than one entry, and
    `unfilled` are spans that count more ticks than are left for them.
    """

    ticks: Mapping[datetime, Entry]
    lost: Sequence[datetime]
    double: Mapping[datetime, Sequence[Entry]]
    unfilled: Sequence[Entry]
    every: Every

    @property
    def reasons(self) -> Counter[str]:
        """How many ticks ended by each reason, those that are running as `running`."""
        return Counter(entry.word for entry in self.ticks.values())

    @property
    def runs(self) -> Mapping[datetime, Entry]:
        """The ticks that were run, or that the gate refused one by one."""
        return {tick: entry for tick, entry in self.ticks.items() if entry.kind == "run"}

    @property
    def spans(self) -> Mapping[datetime, Entry]:
        """The ticks inside spans."""
        return {tick: entry for tick, entry in self.ticks.items() if entry.kind == "span"}

    def with_reason(self, *reasons: str) -> list[datetime]:
        """Return the ticks that ended by one of `reasons`, oldest first."""
        return [tick for tick, entry in self.ticks.items() if entry.word in reasons]

    def faults(self) -> list[str]:
        """Return what is wrong, a sentence each; none where each tick is there just once."""
        told = []
        if self.lost:
            told.append(f"{len(self.lost)} ticks are in no row and in no span: {stretches(self.lost, self.every)}")
        for tick, entries in list(self.double.items())[:_SHOWN]:
            told.append(f"{_time(tick)} is there {len(entries)} times: {'; '.join(map(str, entries))}")
        told += [f"a span counts ticks that others have: {entry}" for entry in self.unfilled]
        return told

    def __str__(self) -> str:
        """Every stretch of one reason, so that a failing test tells the whole story."""
        lines: list[str] = []
        run: list[datetime] = []
        for tick, entry in self.ticks.items():
            if run and (entry.word, entry.kind) != (self.ticks[run[-1]].word, self.ticks[run[-1]].kind):
                lines.append(self._line(run))
                run = []
            run.append(tick)
        if run:
            lines.append(self._line(run))
        return "\n".join(lines) or "nothing"

    def _line(self, ticks: Sequence[datetime]) -> str:
        entry = self.ticks[ticks[0]]
        kind = "runs" if entry.kind == "run" else "in spans"
        pods = sorted({self.ticks[tick].pod for tick in ticks})
        return f"  {stretches(ticks, self.every)} ({len(ticks)}) {kind} {entry.word} by {', '.join(pods)}"


def account(entries: Iterable[Entry], every: Every, first: datetime, last: datetime) -> Account:
    """Return what `entries` say of the ticks from `first` to `last`, both aware and inclusive."""
    ticks = ticks_from(every, first, last)
    held: dict[datetime, list[Entry]] = {tick: [] for tick in ticks}
    sparse: list[Entry] = []
    for entry in entries:
        inside = ticks_from(every, max(entry.first, first), min(entry.last, last))
        if entry.kind == "span" and entry.count != len(ticks_from(every, entry.first, entry.last)):
            sparse.append(entry)
            continue
        for tick in inside:
            held[tick].append(entry)
    unfilled = _fill(held, [entry for entry in sparse if entry.last >= first and entry.first <= last], first, last)
    return Account(
        ticks={tick: found[0] for tick, found in held.items() if found},
        lost=[tick for tick, found in held.items() if not found],
        double={tick: found for tick, found in held.items() if len(found) > 1},
        unfilled=unfilled,
        every=every,
    )


def _fill(held: dict[datetime, list[Entry]], sparse: Sequence[Entry], first: datetime, last: datetime) -> list[Entry]:
    """Give the ticks that nothing holds to the sparse spans; return the spans that remain with too few.

    Each tick goes to the span over it that ends first: if the ticks can be shared out at all, this way does it.
    """
    room = {entry.run_id: entry.count for entry in sparse}
    for tick, found in held.items():
        over = [entry for entry in sparse if entry.first <= tick <= entry.last and room[entry.run_id]]
        if not found and over:
            chosen = min(over, key=lambda entry: entry.last)
            found.append(chosen)
            room[chosen.run_id] -= 1
    # A span that reaches out of the stretch may have the rest of its ticks there
    return [entry for entry in sparse if room[entry.run_id] and first <= entry.first and entry.last <= last]


def ticks_from(every: Every, first: datetime, last: datetime) -> list[datetime]:
    """Return the fire times from `first` to `last`, both aware and inclusive."""
    seconds = every.seconds
    start = -(-_epoch(first) // seconds) * seconds
    return [datetime.fromtimestamp(second, UTC) for second in range(int(start), int(_epoch(last)) + 1, seconds)]


def stretches(ticks: Sequence[datetime], every: Every) -> str:
    """Return ticks as text, those that follow each other as one stretch."""
    told: list[list[datetime]] = []
    for tick in ticks:
        if told and tick - told[-1][1] == timedelta(seconds=every.seconds):
            told[-1][1] = tick
        else:
            told.append([tick, tick])
    shown = [_time(a) if a == b else f"{_time(a)}…{_time(b)}" for a, b in told[:_SHOWN]]
    return ", ".join(shown) + (f" and {len(told) - _SHOWN} stretches more" if len(told) > _SHOWN else "")


class Ledger:
    """The timeline as tests read it, for the ticks of one Task."""

    def __init__(self, api: httpx.Client, namespace: str, task_uid: str, schedule: str) -> None:
        every = parse(schedule)
        assert isinstance(every, Every), f"{schedule} has no ticks"
        self.every = every
        self._api, self._namespace, self._task_uid = api, namespace, task_uid

    def rows(self, collection: Literal["run", "timeline"], **equal: str) -> list[dict[str, Any]]:
        """Return the attributes of the Task's rows, oldest first, each with its `id`; `equal` are columns' values."""
        wanted = {"task_uid": self._task_uid, **equal}
        query = [{"column": column, "operator": "is", "value": value} for column, value in wanted.items()]
        parameters = {
            "filter[namespace]": self._namespace,
            "query": json.dumps(query),
            "sort": "created_at",
            "page[size]": _PAGE,
        }
        found: list[dict[str, Any]] = []
        while True:
            answer = self._api.get(f"/api/{collection}", params=parameters)
            assert answer.status_code == 200, answer.text
            rows = answer.json()["data"]
            found += [{"id": row["id"], **row["attributes"]} for row in rows]
            if len(rows) < int(_PAGE):
                return found
            parameters["page[after]"] = rows[-1]["id"]

    def entries(self) -> list[Entry]:
        """Return everything that accounts for ticks. A tick that becomes a run meanwhile may be in both or in none."""
        runs = [run for run in self.rows("run") if run["scheduled_at"]]
        return [_run(run) for run in runs] + [_span(span) for span in self.rows("timeline", kind="span")]

    def account(self, first: datetime, last: datetime) -> Account:
        """Return what the timeline says now of the ticks from `first` to `last`, both aware and inclusive."""
        return account(self.entries(), self.every, first, last)

    def settled(self, first: datetime, last: datetime, seconds: float = 40) -> Account:
        """Return the account once each tick from `first` to `last` is there just once and has ended; else fail with
        what is wrong after so many `seconds`.
        """
        seen: list[Account] = []

        def look() -> Account | None:
            seen[:] = [self.account(first, last)]
            return None if seen[0].faults() or seen[0].reasons["running"] else seen[0]

        try:
            return wait_for("each tick once on the timeline", look, seconds, pause=1)
        except AssertionError as error:
            faults = seen[0].faults() or [f"{seen[0].reasons['running']} ticks have no end"]
            raise AssertionError(
                "\n".join(
                    [
                        f"{error}, from {_time(first)} to {_time(last)} at {format_seconds(datetime.now(UTC))}:",
                        *faults,
                        "all in all:",
                        str(seen[0]),
                    ]
                )
            ) from error

    def pods_of_ticks(self) -> dict[datetime, set[str]]:
        """Return the uids of the pods that reported each tick's run themselves: more than one ran it twice."""
        pods: dict[datetime, set[str]] = {}
        for row in self.rows("timeline"):
            if row["kind"] in ("start", "end") and row["scheduled_at"] and row["reported_by"] == "runner":
                pods.setdefault(parse_instant(row["scheduled_at"]), set()).add(row["pod_uid"])
        return pods


def _run(row: Mapping[str, Any]) -> Entry:
    tick = parse_instant(row["scheduled_at"])
    ended = row["state"] == "ended"
    return Entry(
        kind="run",
        run_id=row["id"],
        first=tick,
        last=tick,
        count=1,
        outcome=row["outcome"] if ended else None,
        reason=row["reason"] if ended else None,
        message=row["message"],
        pod=row["pod"],
    )


def _span(row: Mapping[str, Any]) -> Entry:
    return Entry(
        kind="span",
        run_id=row["id"],
        first=parse_instant(row["first_at"]),
        last=parse_instant(row["last_at"]),
        count=row["count"],
        outcome=row["outcome"],
        reason=row["reason"],
        message=row["message"],
        pod=row["pod"],
    )


def _epoch(at: datetime) -> float:
    return at.timestamp()


def _time(at: datetime) -> str:
    return format_seconds(at).partition("T")[2]
