"""Ingest: events into the timeline, their runs folded, and spans beside them, in one transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cronwright.timeline.event import Event
from cronwright.timeline.fold import fold, note_of
from cronwright.timeline.span import KIND, Span
from cronwright_api.store import tables
from cronwright_api.store.database import Database, insert_missing
from cronwright_api.store.places import Places, places
from cronwright_api.store.rows import Row, event_of_row, row_of_event, row_of_span, values_of_run
from cronwright_api.store.spans import account, open_runs_end

MAX_NOTES = 20
"""Notes kept on a run. More come only of a defect, and a run must stay of a size that a list can hold."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """The rows of what was posted, in its order; which of that is new; and the ends that spans brought to open runs."""

    rows: Sequence[Row]
    created: Sequence[Event | Span]
    ended: Sequence[Event]


async def ingest(database: Database, posted: Sequence[Event | Span], now: datetime) -> Ingested:
    """Store events, and enter spans into the account of their Tasks. All of it is committed when this returns.

    An event that the timeline has already stays as it is, with one exception: an end that the operator inferred gives
    way to the runner's own under the same id. It goes to the run's notes, and the row gets a new place in the sequence,
    so that who follows the timeline sees it.

    A span's row is the one that has its first fire time afterwards: a span, or the latest event of a run.

    Raises:
        StoreUnavailable: nothing was stored.
    """
    ids = [one.id for one in posted]
    claims = [one for one in posted if isinstance(one, Span)]
    async with database.appending() as connection:
        at = await places(connection, now)
        stored = await _store(connection, _by_id(ids, posted), at)
        ends, left = await open_runs_end(connection, claims, now)
        ended = await _store(connection, {end.id: end for end in ends}, at)
        accounted = await account(connection, stored.new, list(zip(claims, left, strict=True)), at.of_events)
        rows = {**stored.rows, **ended.rows}
        rows |= await _rows_of(connection, {row for row in accounted.rows if row is not None} - set(rows))
    of_claims = iter(accounted.rows)
    answers = [
        _answer(rows, identity if isinstance(one, Event) else next(of_claims), one, now)
        for identity, one in zip(ids, posted, strict=True)
    ]
    return Ingested(answers, [*stored.new, *accounted.changed], ended.new)


def _answer(rows: Mapping[UUID, Row], identity: UUID | None, one: Event | Span, now: datetime) -> Row:
    if identity is None:
        # The events of the run that has the fire time went with retention: what was said of it is not kept, either
        assert isinstance(one, Span)
        return row_of_span(one, now)
    return rows[identity]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The events that are new, and the row of each event."""

    new: Sequence[Event]
    rows: Mapping[UUID, Row]


async def _store(connection: AsyncConnection, events: Mapping[UUID, Event], at: Places) -> _Stored:
    """Store `events`, by their ids, and fold their runs."""
    existing = await _rows_of(connection, events)
    inferred = {
        key: row
        for key, row in existing.items()
        if row["reported_by"] == "operator" and events[key].reported_by == "runner"
    }
    new = {key: event for key, event in events.items() if key not in existing or key in inferred}
    notes: dict[UUID, list[str]] = {}
    for row in inferred.values():
        notes.setdefault(row["run_id"], []).append(note_of(event_of_row(row)))
    if inferred:
        await connection.execute(delete(tables.event).where(tables.event.c.id.in_(list(inferred))))
    # As they will be read: nothing is read back that is known
    rows = {key: row_of_event(event, next(at.of_events), key) for key, event in new.items()}
    if new:
        await connection.execute(insert_missing(connection, tables.event), list(rows.values()))
        await _fold_runs(connection, list(new.values()), notes, at)
    return _Stored(list(new.values()), {**existing, **rows})


async def _rows_of(connection: AsyncConnection, ids: Collection[UUID]) -> dict[UUID, Row]:
    if not ids:
        return {}
    found = await connection.execute(select(tables.event).where(tables.event.c.id.in_(list(ids))))
    return {row["id"]: row for row in found.mappings()}


def _by_id(ids: Sequence[UUID], posted: Sequence[Event | Span]) -> Mapping[UUID, Event]:
    by_id: dict[UUID, Event] = {}
    for identity, event in zip(ids, posted, strict=True):
        if isinstance(event, Event) and (
            identity not in by_id or (by_id[identity].reported_by == "operator" and event.reported_by == "runner")
        ):
            by_id[identity] = event
    return by_id


_FOLDED = [tables.event.c[field.name] for field in fields(Event) if field.name not in ("log_tail", "payload")]


async def _fold_runs(
    connection: AsyncConnection, stored: Sequence[Event], notes: Mapping[UUID, Sequence[str]], at: Places
) -> None:
    """Fold the runs of events that were just `stored`."""
    events: dict[UUID, list[Event]] = {}
    for event in stored:
        events.setdefault(event.run_id, []).append(event)
    former = await connection.execute(
        select(tables.run.c.id, tables.run.c.notes).where(tables.run.c.id.in_(list(events)))
    )
    former_notes: dict[UUID, list[str]] = {row.id: row.notes for row in former}
    # A run that is not there has no other events
    events |= await _events_of(connection, former_notes)
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for run_id in events:
        values = values_of_run(fold(events[run_id]))
        kept = [*former_notes.get(run_id, []), *notes.get(run_id, []), *values["notes"]]
        values |= {"notes": list(dict.fromkeys(kept))[-MAX_NOTES:], "updated_at": at.began}
        if run_id in former_notes:
            changed.append(values | {"the_run": run_id})
        else:
            new.append(values | {"id": run_id, "created_at": next(at.of_runs)})
    # One call for all: in SQLite the way to the connection's thread and back costs more than a row
    if new:
        await connection.execute(insert(tables.run), new)
    if changed:
        await connection.execute(update(tables.run).where(tables.run.c.id == bindparam("the_run")), changed)


async def _events_of(connection: AsyncConnection, run_ids: Collection[UUID]) -> dict[UUID, list[Event]]:
    """Return the events of each of these runs in their order of arrival."""
    if not run_ids:
        return {}
    found = await connection.execute(
        select(*_FOLDED)
        .where(tables.event.c.run_id.in_(list(run_ids)), tables.event.c.kind != KIND)
        .order_by(tables.event.c.seq)
    )
    events: dict[UUID, list[Event]] = {}
    for row in found.mappings():
        events.setdefault(row["run_id"], []).append(event_of_row(row))
    return events
