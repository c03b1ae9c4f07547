"""Pages of a real table: the order, and each row exactly once while others arrive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, true

from cronwright.reasons import Outcome
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest
from cronwright_api.store.pages import COUNTED, Page, Slice, SortKey, UnknownRow, page_of
from cronwright_api.store.rows import row_of_event
from cronwright_api.store.timeline import namespaces

from .events import end, run_id, span, start

pytestmark = pytest.mark.anyio

NOW = datetime(2027, 1, 4, 9, 0, tzinfo=UTC)
NEWEST = [SortKey("created_at", descending=True)]


async def page(
    database: Database, part: Slice, order: Sequence[SortKey] = NEWEST, conditions: Sequence[Any] = (), seen: Any = None
) -> Page:
    async with database.reading() as connection:
        visible = true() if seen is None else seen
        return await page_of(connection, tables.event, [visible, *conditions], order, part)


def titles(found: Page) -> list[str]:
    return [row["title"].removeprefix("run ") for row in found.rows]


async def fill(database: Database, numbers: Sequence[int], now: datetime = NOW) -> None:
    await ingest(database, [start(number) for number in numbers], now)


async def test_newest_first_and_of_one_instant_the_last_to_arrive(database: Database) -> None:
    await fill(database, [1, 2])
    await fill(database, [3], NOW + timedelta(seconds=1))
    assert titles(await page(database, Slice(10))) == ["3", "2", "1"]


async def test_each_row_once_while_rows_arrive(database: Database) -> None:
    await fill(database, range(50))
    seen: list[str] = []
    found = await page(database, Slice(7))
    arrived = 50
    while True:
        seen += titles(found)
        # As many new rows as a page has: pages by number would show a whole page twice
        await fill(database, range(arrived, arrived + 7), NOW + timedelta(seconds=arrived))
        arrived += 7
        if not found.more:
            break
        found = await page(database, Slice(7, after=found.rows[-1]["id"]))
    assert seen == [str(number) for number in reversed(range(50))]


async def test_who_follows_in_order_of_arrival_misses_nothing(database: Database) -> None:
    oldest = [SortKey("created_at")]
    await fill(database, [0])
    found = await page(database, Slice(3), oldest)
    seen = titles(found)
    for number in range(1, 20):
        await fill(database, [number], NOW + timedelta(seconds=number))
        last = found.rows[-1]["id"]
        found = await page(database, Slice(3, after=last), oldest)
        seen += titles(found)
    assert seen == [str(number) for number in range(20)]


async def test_who_follows_misses_nothing_while_the_last_row_moves(database: Database) -> None:
    """A span that grows moves to the end, and what has arrived meanwhile lies ahead of it."""
    oldest = [SortKey("created_at")]
    seen: list[str] = []
    part = Slice(3)
    for number in range(12):
        now = NOW + timedelta(seconds=number)
        await fill(database, [number], now)
        await ingest(database, [span(1001, 1001 + number)], now)
        found = await page(database, part, oldest)
        while found.rows:
            last = found.rows[-1]
            seen += titles(found)
            part = Slice(3, after=last["id"], seen_at=last["created_at"])
            found = await page(database, part, oldest)
    assert list(dict.fromkeys(title for title in seen if title != "backup")) == [str(number) for number in range(12)]
    assert seen.count("backup") == 12


async def test_a_place_that_a_row_has_left_is_at_the_near_end_of_its_instant(database: Database) -> None:
    """Rows of one instant are there only from releases before places."""
    await fill(database, [1, 2])
    async with database.writing() as connection:
        await connection.execute(tables.event.update().values(created_at=NOW))
    gone: dict[str, Any] = {"seen_at": NOW, "after": run_id(99)}
    assert titles(await page(database, Slice(9, **gone), [SortKey("created_at")])) == ["1", "2"]
    assert titles(await page(database, Slice(9, **gone))) == ["2", "1"]
    gone = {"seen_at": NOW, "before": run_id(99)}
    assert titles(await page(database, Slice(9, **gone), [SortKey("created_at")])) == ["1", "2"]
    assert titles(await page(database, Slice(9, **gone))) == ["2", "1"]
    for moved in (timedelta(seconds=1), -timedelta(seconds=1)):
        gone = {"seen_at": NOW + moved, "after": run_id(99)}
        later = titles(await page(database, Slice(9, **gone), [SortKey("created_at")]))
        assert later == ([] if moved > timedelta(0) else ["1", "2"])
    with pytest.raises(UnknownRow):
        await page(database, Slice(9, seen_at=NOW, after=run_id(99)), [SortKey("task")])


@pytest.fixture(scope="module")
async def thirty(shared: Database) -> Database:
    """Thirty rows, of which many are alike in one column or another."""
    for number in range(30):
        some = {"as_user_email": f"{number % 3}@example.com"} if number % 2 else {}
        event = start(number, **some) if number % 3 else end(number, Outcome.FAILED, duration_ms=number // 6, **some)
        await ingest(shared, [event], NOW + timedelta(seconds=number % 4))
    return shared


@pytest.mark.parametrize(
    "column", ["started_at", "task", "outcome", "reason", "duration_ms", "as_user_email", "id", "attempt"]
)
@pytest.mark.parametrize("descending", [False, True])
async def test_any_order_is_a_whole_one_in_both_directions(thirty: Database, column: str, descending: bool) -> None:
    order = [SortKey(column, descending), SortKey("namespace")]
    whole = titles(await page(thirty, Slice(100), order))
    assert sorted(whole, key=int) == [str(number) for number in range(30)]
    forward: list[str] = []
    found = await page(thirty, Slice(4), order)
    while True:
        assert found.preceding == len(forward)
        forward += titles(found)
        if not found.more:
            break
        found = await page(thirty, Slice(4, after=found.rows[-1]["id"]), order)
    assert forward == whole
    backward: list[str] = []
    while found.preceding:
        found = await page(thirty, Slice(4, before=found.rows[0]["id"]), order)
        backward = titles(found) + backward
    assert backward == whole[: len(backward)]
    assert len(backward) >= 26


async def test_by_number(database: Database) -> None:
    await fill(database, range(25))
    last = await page(database, Slice(10, offset=20))
    assert (len(last.rows), last.more, last.preceding, last.total) == (5, False, 20, 25)
    beyond = await page(database, Slice(10, offset=10**12))
    assert (len(beyond.rows), beyond.more, beyond.total) == (0, False, 25)


async def test_a_row_that_may_not_be_seen_is_no_place_to_page_from(database: Database) -> None:
    await ingest(database, [start(1), start(2, namespace="secret")], NOW)
    seen = tables.event.c.namespace.in_(["shop"])
    with pytest.raises(UnknownRow):
        await page(database, Slice(1, after=start(2, namespace="secret").id), seen=seen)
    with pytest.raises(UnknownRow):
        await page(database, Slice(1, after=run_id(99)), seen=seen)
    found = await page(database, Slice(10), seen=seen)
    assert (titles(found), found.total) == (["1"], 1)


async def test_a_total_is_exact_as_far_as_it_is_counted(database: Database) -> None:
    for first in range(0, COUNTED, 1000):
        rows = [row_of_event(start(number), NOW) for number in range(first, first + 1000)]
        # Past the fold of their runs, which takes far longer than all that this test is about
        async with database.writing() as connection:
            await connection.execute(insert(tables.event), rows)
    assert (await page(database, Slice(1))).total == COUNTED
    await fill(database, [COUNTED, COUNTED + 1])
    found = await page(database, Slice(1))
    assert (found.total, found.more) == (COUNTED + 1, True)


async def test_namespaces_are_those_with_runs_or_spans(database: Database) -> None:
    async def names() -> Sequence[str]:
        async with database.reading() as connection:
            return await namespaces(connection)

    assert await names() == []
    await ingest(database, [start(number, namespace=f"ns-{number % 3}") for number in range(9)], NOW)
    assert await names() == ["ns-0", "ns-1", "ns-2"]
    await ingest(database, [span(1, 3, namespace="ns-1-and-a-half")], NOW)
    assert await names() == ["ns-0", "ns-1", "ns-1-and-a-half", "ns-2"]
