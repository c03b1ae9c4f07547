"""Claims into real databases: what nobody has accounted for, once each, beside runs and other spans."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, text

from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import scheduled_run_id
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest
from cronwright_api.store.retention import Limits, apply_retention
from cronwright_api.store.rows import Row, span_of_row

from .events import DUE, INTERVAL, TASK_UID, end, place_of, span, start, tick

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)


def ran(number: int, kind: Any = start, **changes: Any) -> Event:
    """Return the start or the end of the run of a fire time, in pod a."""
    values = {
        "run_id": scheduled_run_id(changes.get("task_uid", TASK_UID), tick(number)),
        "scheduled_at": tick(number),
        "started_at": tick(number),
        "pod_uid": "uid-a",
        "pod": "backup-a",
    }
    event: Event = kind(**(values | changes))
    return event


async def spans(database: Database) -> list[str]:
    """Return the spans as texts such as `1-9 PodLate`, in order."""
    event = tables.event.c
    async with database.reading() as connection:
        found = await connection.execute(select(tables.event).where(event.kind == "span").order_by(event.first_at))
        return [_short(row) for row in found.mappings()]


def _short(row: Row) -> str:
    made = span_of_row(row)
    first, last = ((at - DUE) // INTERVAL for at in (made.first_at, made.last_at))
    return f"{first}-{last} {made.reason}" + ("" if made.is_full else f" x{made.count}")


async def runs(database: Database) -> list[tuple[int, str, str | None]]:
    """Return of each run its fire time's number, its state and its reason."""
    run = tables.run.c
    async with database.reading() as connection:
        found = await connection.execute(select(run.scheduled_at, run.state, run.reason).order_by(run.scheduled_at))
        return [((row.scheduled_at - DUE) // INTERVAL, row.state, row.reason) for row in found]


async def test_the_row_of_a_span(database: Database) -> None:
    claim = span(1, 9, message="m", node="n", action_name="http", entity_name="e", as_user_email="a@example.com")
    stored = await ingest(database, [claim], NOW)
    row = stored.rows[0]
    assert span_of_row(row) == claim
    said = ("id", "run_id", "kind", "event_type", "created_at", "outcome", "scheduled_at", "trigger", "attempt")
    assert [row[name] for name in said] == [claim.id, claim.id, "span", "task", NOW, "missed", tick(1), "schedule", 0]
    assert list(stored.created) == [claim]
    assert await runs(database) == []


BATCHES: dict[str, tuple[Sequence[Sequence[Event | Span]], list[str]]] = {
    "beside runs": ([[ran(1), ran(5)], [span(1, 9)]], ["2-4 PodLate", "6-9 PodLate"]),
    "beside runs of the same batch": ([[span(1, 9), ran(1), ran(5)]], ["2-4 PodLate", "6-9 PodLate"]),
    "ahead of late runs": ([[span(1, 9)], [ran(1)], [ran(5)]], ["2-4 PodLate", "6-9 PodLate"]),
    "ahead of the late end of a run": ([[span(1, 9)], [ran(5, end)]], ["1-4 PodLate", "6-9 PodLate"]),
    "a late run for all of it": ([[span(1, 1)], [ran(1)]], []),
    "again and again": ([[span(1, 9)], [span(1, 9), span(1, 9)]], ["1-9 PodLate"]),
    "longer and longer": ([[span(1, 3)], [span(1, 5)], [span(4, 9)]], ["1-9 PodLate"]),
    "one fire time after the other": ([[span(n, n)] for n in (1, 2, 3)], ["1-3 PodLate"]),
    "one fire time after the other, in one batch": ([[span(n, n) for n in (1, 2, 3)]], ["1-3 PodLate"]),
    "of two reasons": (
        [[span(1, 9)], [span(4, 5, Reason.RUNNER_DOWN)], [span(8, 12, reported_by="operator", reason=Reason.EVICTED)]],
        ["1-3 PodLate", "4-5 RunnerDown", "6-9 PodLate", "10-12 Evicted"],
    ),
    "of two pods": ([[span(1, 3)], [span(1, 5, pod_uid="uid-c")]], ["1-3 PodLate", "4-5 PodLate"]),
    "of merged runs": (
        [[span(1, 9)], [span(2, 8, Reason.COMPLETED, count=4)], [span(2, 8, Reason.COMPLETED, count=4)], [span(1, 9)]],
        ["1-1 PodLate", "2-8 Completed x4", "9-9 PodLate"],
    ),
    "of merged runs, with more of them": (
        [[span(2, 8, Reason.COMPLETED, count=4)], [span(2, 12, Reason.COMPLETED, count=5)]],
        ["2-12 Completed x5"],
    ),
    "of two Tasks": (
        [[ran(2), span(1, 3, task_uid=TASK_UID[:-1] + "2")], [ran(1, task_uid=TASK_UID[:-1] + "2")]],
        ["2-3 PodLate"],
    ),
    "beside manual runs, which have no fire time": ([[ran(2, scheduled_at=None), span(1, 3)]], ["1-3 PodLate"]),
}


@pytest.mark.parametrize("name", BATCHES)
async def test_spans_of(database: Database, name: str) -> None:
    batches, expected = BATCHES[name]
    for batch in batches:
        await ingest(database, batch, NOW)
    assert await spans(database) == expected


CLOSED: dict[str, tuple[Sequence[Event], Span, tuple[str, str | None]]] = {
    "its pod is gone": ([ran(5)], span(1, 9), ("ended", "PodLost")),
    "its pod is gone before a further attempt": (
        [ran(5), ran(5, end, outcome=Outcome.FAILED, retry_at=tick(7))],
        span(1, 9),
        ("ended", "PodLost"),
    ),
    "it is the claimant's": ([ran(5)], span(1, 9, pod_uid="uid-a"), ("running", None)),
    "a further attempt is the claimant's": (
        [ran(5), ran(5, attempt=2, pod_uid="uid-b")],
        span(1, 9),
        ("running", None),
    ),
    "it has ended": ([ran(5), ran(5, end)], span(1, 9), ("ended", "Completed")),
    "it lies ahead": ([ran(5)], span(6, 9), ("running", None)),
    "the claim is for another reason": ([ran(5)], span(1, 9, Reason.RUNNER_DOWN), ("running", None)),
    "its pod was evicted": (
        [ran(5)],
        span(1, 9, Reason.EVICTED, pod_uid="uid-a", reported_by="operator"),
        ("ended", "Evicted"),
    ),
    "its Job failed, and no pod is left": (
        [ran(5)],
        span(1, 9, Reason.DEADLINE_EXCEEDED, pod_uid="", pod="", reported_by="operator"),
        ("ended", "PodLost"),
    ),
    "its end was merged with others": ([ran(5)], span(1, 9, Reason.TIMED_OUT, pod_uid="uid-a"), ("ended", "TimedOut")),
    "its end was merged among others": (
        [ran(5)],
        span(1, 9, Reason.TIMED_OUT, pod_uid="uid-a", count=4),
        ("ended", "TimedOut"),
    ),
    "another pod's were merged": ([ran(5)], span(1, 9, Reason.TIMED_OUT, count=4), ("running", None)),
    "others were merged that never ran": (
        [ran(5)],
        span(1, 9, Reason.ALREADY_RUNNING, pod_uid="uid-a", count=4),
        ("running", None),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
async def test_an_open_run(database: Database, name: str) -> None:
    events, claim, (state, reason) = CLOSED[name]
    await ingest(database, events, NOW)
    stored = await ingest(database, [claim], NOW)
    assert await runs(database) == [(5, state, reason)]
    assert len(stored.ended) == (name.startswith("its "))
    assert list((await ingest(database, [claim], NOW)).ended) == []


async def test_a_run_that_merged_rows_end_is_counted_once(database: Database) -> None:
    await ingest(database, [ran(2), ran(5)], NOW)
    await ingest(database, [span(1, 9, Reason.TIMED_OUT, pod_uid="uid-a", count=4)], NOW)
    assert await spans(database) == ["1-9 TimedOut x2"]
    assert [run[1] for run in await runs(database)] == ["ended", "ended"]


async def test_merged_rows_that_all_have_a_run_are_no_span(database: Database) -> None:
    await ingest(database, [ran(2), ran(5)], NOW)
    await ingest(database, [span(1, 9, Reason.TIMED_OUT, pod_uid="uid-a", count=2)], NOW)
    assert await spans(database) == []


async def test_the_own_end_of_a_run_that_was_given_up_has_the_last_word(database: Database) -> None:
    await ingest(database, [ran(5)], NOW)
    await ingest(database, [span(1, 9)], NOW)
    await ingest(database, [ran(5, end)], NOW)
    assert await runs(database) == [(5, "ended", "Completed")]
    assert await spans(database) == ["1-4 PodLate", "6-9 PodLate"]


async def test_each_is_answered_with_the_row_that_has_its_first_fire_time(database: Database) -> None:
    await ingest(database, [span(1, 3), ran(4), ran(4, end), ran(5)], NOW)
    claims: list[Event | Span] = [
        span(1, 9),
        ran(5),
        span(2, 2),
        span(4, 9),
        span(5, 6),
        span(6, 7),
        span(4, 8, Reason.COMPLETED, count=2),
    ]
    stored = await ingest(database, claims, NOW)
    assert [row["id"] for row in stored.rows] == [
        span(1, 3).id,
        ran(5).id,
        span(1, 3).id,
        ran(4, end).id,
        # The claim has ended the run
        ran(5, end).id,
        # The merged runs, which come last, took the stretch that the first claim had brought
        span(4, 8).id,
        span(4, 8).id,
    ]
    assert list(stored.created) == [claims[0], claims[-1]]


async def test_a_claim_of_what_is_left_of_no_run_is_answered_as_it_was_made(database: Database) -> None:
    await ingest(database, [ran(1)], NOW)
    async with database.writing() as connection:
        await connection.execute(delete(tables.event))
    stored = await ingest(database, [span(1, 1)], NOW)
    assert (span_of_row(stored.rows[0]), await spans(database)) == (span(1, 1), [])


async def test_each_change_has_a_new_place_in_the_sequence(database: Database) -> None:
    first = (await ingest(database, [span(1, 3), ran(0)], NOW)).rows
    places = [await place_of(database, row["id"]) for row in first]
    later = NOW + timedelta(seconds=1)
    second = (await ingest(database, [span(4, 5)], later)).rows[0]
    assert (second["id"], second["created_at"]) == (first[0]["id"], later)
    assert second["seq"] > max(places)
    again = (await ingest(database, [span(1, 5)], later + INTERVAL)).rows[0]
    assert (again["seq"], again["created_at"]) == (second["seq"], later)


async def test_claims_and_runs_of_two_processes_at_once(database: Database, url: str) -> None:
    other = Database(url)
    batches: list[list[Event | Span]] = [[ran(number)] for number in range(0, 40, 3)]
    batches += [[span(number, number + 9)] for number in range(0, 31, 5)]

    async def store(one: Database) -> None:
        for batch in batches:
            await ingest(one, batch, NOW)

    # Each process has one writer at a time anyhow; with all batches at once the last might get no turn in time
    try:
        await asyncio.gather(store(database), store(other))
    finally:
        await other.close()
    # From 3 to 39 each third fire time has a run; the two between are a span
    assert await spans(database) == [f"{number}-{min(number + 1, 39)} PodLate" for number in range(1, 39, 3)]


async def test_an_event_under_the_id_of_a_span_is_a_run_of_its_own(database: Database) -> None:
    await ingest(database, [span(1, 3)], NOW)
    await ingest(database, [ran(9, end, run_id=span(1, 3).id)], NOW)
    assert (await runs(database), await spans(database)) == ([(9, "ended", "Completed")], ["1-3 PodLate"])


async def test_spans_go_with_retention(database: Database) -> None:
    await ingest(database, [span(1, 3)], NOW - timedelta(days=100))
    await ingest(database, [span(5, 6)], NOW)
    await apply_retention(database, Limits(90, 1000), NOW)
    assert await spans(database) == ["5-6 PodLate"]


async def test_events_without_spans_cost_one_more_statement(sqlite: Database) -> None:
    await ingest(sqlite, [span(1, 3, task_uid=TASK_UID[:-1] + "2")], NOW)
    said: list[str] = []
    event.listen(sqlite._writer.sync_engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    await ingest(sqlite, [ran(number) for number in range(100)], NOW)
    began, *rest = said
    assert began.startswith("BEGIN")
    assert len([statement for statement in rest if "last_at >=" in statement]) == 1
    async with sqlite.reading() as connection:
        plan = await connection.execute(
            text("EXPLAIN QUERY PLAN SELECT * FROM event WHERE task_uid = 'a' AND last_at >= 'b' AND first_at <= 'c'")
        )
        assert "USING INDEX ix_event_task_uid_last_at" in str(plan.all())


_NUMBERS = st.integers(0, 24)
_STEPS = st.one_of(
    st.builds(ran, _NUMBERS),
    st.builds(
        lambda ends, reason, pod: span(min(ends), max(ends), reason, pod_uid=pod),
        st.tuples(_NUMBERS, _NUMBERS),
        st.sampled_from([Reason.POD_LATE, Reason.RUNNER_DOWN, Reason.ALREADY_RUNNING]),
        st.sampled_from(["uid-b", "uid-c"]),
    ),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_STEPS, min_size=1, max_size=4), max_size=8))
async def test_each_fire_time_is_accounted_for_once(sqlite: Database, batches: list[list[Event | Span]]) -> None:
    async with sqlite.writing() as connection:
        for table in (tables.event, tables.run):
            await connection.execute(delete(table))
    for batch in batches:
        await ingest(sqlite, batch, NOW)
    once = await _accounted(sqlite)
    assert len(once) == len(set(once))
    assert set(once) == {number for batch in batches for one in batch for number in _told(one)}
    before = await spans(sqlite)
    for batch in batches:
        again = await ingest(sqlite, batch, NOW + INTERVAL)
        assert list(again.created) == []
    assert await spans(sqlite) == before


def _told(one: Event | Span) -> list[int]:
    if isinstance(one, Event):
        assert one.scheduled_at is not None
        return [(one.scheduled_at - DUE) // INTERVAL]
    return list(range((one.first_at - DUE) // INTERVAL, (one.last_at - DUE) // INTERVAL + 1))


async def _accounted(sqlite: Database) -> list[int]:
    run = tables.run.c
    async with sqlite.reading() as connection:
        times = list(await connection.scalars(select(run.scheduled_at)))
        found = await connection.execute(select(tables.event).where(tables.event.c.kind == "span"))
        return [(at - DUE) // INTERVAL for at in times] + [
            number for row in found.mappings() for number in _told(replace(span_of_row(row)))
        ]
