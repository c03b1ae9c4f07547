"""Spans in the store: what events and claims make of those that are there. What that is, is decided in
`cronwright.timeline.accounting`; the transaction is the caller's.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright.timeline.accounting import claimed, without
from cronwright.timeline.closing import end_runs
from cronwright.timeline.counting import counted
from cronwright.timeline.event import Event
from cronwright.timeline.fold import RunState
from cronwright.timeline.span import Span
from cronwright_api.store import tables
from cronwright_api.store.rows import SPAN_COLUMNS, event_of_row, row_of_span, span_of_row

Reach = tuple[datetime, datetime]
"""From when to when, both included."""


@dataclass(frozen=True, slots=True)
class Accounted:
    """What became of claims: those that changed something, and for each one the row that has its first fire time now.

    That is None where a run has it of which no event is left.
    """

    changed: Sequence[Span]
    rows: Sequence[UUID | None]


async def open_runs_end(
    connection: AsyncConnection, claims: Sequence[Span], now: datetime
) -> tuple[list[Event], list[Span | None]]:
    """Return the ends of open runs that `claims` tell of, and what is left of each claim beside them."""
    if not claims:
        return [], []
    run, event = tables.run.c, tables.event
    found = await connection.execute(
        select(*(column for column in event.c if column.name not in ("log_tail", "payload")))
        .join_from(event, tables.run, event.c.run_id == run.id)
        .where(run.state != RunState.ENDED, _due(tables.run.c, _reaches(claims)))
        .order_by(event.c.seq)
    )
    latest = {row["run_id"]: event_of_row(row) for row in found.mappings()}
    ends: dict[UUID, Event] = {}
    left: list[Span | None] = []
    for claim in claims:
        still_open = [
            begun for run_id, begun in latest.items() if begun.task_uid == claim.task_uid and run_id not in ends
        ]
        brought, rest = end_runs(claim, still_open, now)
        ends |= {end.run_id: end for end in brought}
        left.append(rest)
    return list(ends.values()), left


async def account(
    connection: AsyncConnection,
    events: Sequence[Event],
    claims: Sequence[tuple[Span, Span | None]],
    places: Iterator[datetime],
) -> Accounted:
    """Take the fire times of new `events` out of the spans, and enter `claims`, in their order: of each what is left
    beside the runs that it ended. Spans that change have the next of `places`.
    """
    late = [event for event in events if event.scheduled_at is not None]
    posted = [claim for claim, _ in claims]
    reaches = _reaches([*late, *posted])
    if not reaches:
        return Accounted([], [])
    before = await _spans(connection, reaches)
    after = {task: list(spans) for task, spans in before.items()}
    for event in late:
        if event.scheduled_at is not None and event.task_uid in after:
            after[event.task_uid] = [
                part for span in after[event.task_uid] for part in without(span, event.scheduled_at)
            ]
    runs = await _runs(connection, _reaches(posted)) if claims else {}
    changed: list[Span] = []
    for claim, left in claims:
        known = after.get(claim.task_uid, [])
        if left is not None:
            after[claim.task_uid] = claimed(known, left, _between(runs.get(claim.task_uid, {}), claim))
        if set(after.get(claim.task_uid, ())) != set(known):
            changed.append(claim)
    await _write(connection, _all(before), _all(after), places)
    return Accounted(changed, await _rows(connection, posted, after, runs))


def _reaches(posted: Iterable[Event | Span]) -> dict[str, Reach]:
    """Return for each Task from when to when `posted` may change spans: a claim also what it is next to."""
    reaches: dict[str, Reach] = {}
    for one in posted:
        since, until = _reach(one)
        if one.task_uid in reaches:
            since, until = min(since, reaches[one.task_uid][0]), max(until, reaches[one.task_uid][1])
        reaches[one.task_uid] = (since, until)
    return reaches


def _reach(one: Event | Span) -> Reach:
    if isinstance(one, Event):
        assert one.scheduled_at is not None
        return one.scheduled_at, one.scheduled_at
    fire_times = counted(one.schedule, one.time_zone)
    return fire_times.preceding(one.first_at) or one.first_at, fire_times.following(one.last_at) or one.last_at


async def _spans(connection: AsyncConnection, reaches: Mapping[str, Reach]) -> dict[str, list[Span]]:
    values: dict[str, Any] = {}
    for number, (task, (since, until)) in enumerate(reaches.items()):
        values |= {f"task_{number}": task, f"since_{number}": since, f"until_{number}": until}
    found = await connection.execute(_spans_of(len(reaches)), values)
    spans: dict[str, list[Span]] = {}
    for row in found.mappings():
        spans.setdefault(row["task_uid"], []).append(span_of_row(row))
    return spans


@lru_cache(maxsize=128)
def _spans_of(tasks: int) -> Select[Any]:
    # To put together the question for a hundred Tasks takes longer than to answer it
    event = tables.event.c
    within = [
        and_(
            event.task_uid == bindparam(f"task_{number}"),
            event.last_at >= bindparam(f"since_{number}"),
            event.first_at <= bindparam(f"until_{number}"),
        )
        for number in range(tasks)
    ]
    return select(*SPAN_COLUMNS).where(or_(*within))


def _due(run: Any, reaches: Mapping[str, Reach]) -> ColumnElement[bool]:
    within = [
        and_(run.task_uid == task, run.scheduled_at.between(since, until)) for task, (since, until) in reaches.items()
    ]
    return or_(*within)


async def _runs(connection: AsyncConnection, reaches: Mapping[str, Reach]) -> dict[str, dict[datetime, UUID]]:
    """Return the runs of each Task by their fire times, in order."""
    run = tables.run.c
    found = await connection.execute(
        select(run.task_uid, run.scheduled_at, run.id).where(_due(run, reaches)).order_by(run.scheduled_at)
    )
    runs: dict[str, dict[datetime, UUID]] = {}
    for task, scheduled_at, run_id in found:
        runs.setdefault(task, {})[scheduled_at] = run_id
    return runs


def _between(runs: Mapping[datetime, UUID], claim: Span) -> Sequence[datetime]:
    times = list(runs)
    return times[bisect_left(times, claim.first_at) : bisect_right(times, claim.last_at)]


def _all(spans: Mapping[str, Sequence[Span]]) -> set[Span]:
    return {span for of_task in spans.values() for span in of_task}


async def _write(connection: AsyncConnection, before: set[Span], after: set[Span], places: Iterator[datetime]) -> None:
    gone, written = before - after, sorted(after - before, key=lambda span: span.first_at)
    if gone:
        # A span that changes goes as well: its new row has a new place in the sequence, which followers have ahead
        one = delete(tables.event).where(tables.event.c.id == bindparam("gone"))
        await connection.execute(one, [{"gone": span.id} for span in gone])
    if written:
        await connection.execute(insert(tables.event), [row_of_span(span, next(places)) for span in written])


async def _rows(
    connection: AsyncConnection,
    claims: Sequence[Span],
    spans: Mapping[str, Sequence[Span]],
    runs: Mapping[str, Mapping[datetime, UUID]],
) -> list[UUID | None]:
    """Return for each claim the row that has its first fire time: its own where it is sparse, else the full span's or
    the run's that has it, else that of the merged runs among which it is.
    """
    rows: list[UUID | None] = []
    of_runs: dict[int, UUID] = {}
    for index, claim in enumerate(claims):
        around = [span for span in spans.get(claim.task_uid, ()) if span.first_at <= claim.first_at <= span.last_at]
        own = [span.id for span in around if (span.is_full if claim.is_full else span.id == claim.id)]
        run_id = runs.get(claim.task_uid, {}).get(claim.first_at)
        if not own and run_id is not None:
            of_runs[index] = run_id
        rows.append(next(iter(own or [span.id for span in around]), None))
    latest = await _latest_events(connection, of_runs.values())
    for index, run_id in of_runs.items():
        rows[index] = latest.get(run_id, rows[index])
    return rows


async def _latest_events(connection: AsyncConnection, run_ids: Collection[UUID]) -> dict[UUID, UUID]:
    if not run_ids:
        return {}
    event = tables.event.c
    found = await connection.execute(
        select(event.run_id, event.id).where(event.run_id.in_(run_ids)).order_by(event.seq)
    )
    return {row.run_id: row.id for row in found}
