"""Pages of a real table: the order, the conditions, and each row exactly once while others arrive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import true

from cronwright.reasons import Outcome
from cronwright.timeline.query import parse_query
from cronwright_api.store import tables
from cronwright_api.store.conditions import where
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest
from cronwright_api.store.pages import COUNTED, Page, Slice, SortKey, UnknownRow, page_of
from cronwright_api.store.timeline import namespaces
from cronwright_api.tasks.matching import matches
from cronwright_api.timeline.columns import TIMELINE

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


@pytest.mark.parametrize(
    "column", ["started_at", "task", "outcome", "reason", "duration_ms", "as_user_email", "id", "attempt"]
)
@pytest.mark.parametrize("descending", [False, True])
async def test_any_order_is_a_whole_one_in_both_directions(database: Database, column: str, descending: bool) -> None:
    for number in range(30):
        some = {"as_user_email": f"{number % 3}@example.com"} if number % 2 else {}
        event = start(number, **some) if number % 3 else end(number, Outcome.FAILED, duration_ms=number // 6, **some)
        await ingest(database, [event], NOW + timedelta(seconds=number % 4))
    order = [SortKey(column, descending), SortKey("namespace")]
    whole = titles(await page(database, Slice(100), order))
    assert sorted(whole, key=int) == [str(number) for number in range(30)]
    forward: list[str] = []
    found = await page(database, Slice(4), order)
    while True:
        assert found.preceding == len(forward)
        forward += titles(found)
        if not found.more:
            break
        found = await page(database, Slice(4, after=found.rows[-1]["id"]), order)
    assert forward == whole
    backward: list[str] = []
    while found.preceding:
        found = await page(database, Slice(4, before=found.rows[0]["id"]), order)
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
    await fill(database, range(COUNTED))
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


FIVE = [
    start(1, task="a_b"),
    start(2, task="axb", attempt=2),
    start(3, task="A_b"),
    start(4, task="100%", as_user_email="a@example.com"),
    end(5, Outcome.FAILED, task="b'; DROP TABLE event; --", message="broken"),
]

CONDITIONS = {
    '[{"column":"event_type","operator":"is","value":"task"}]': "12345",
    '[{"column":"task","operator":"is","value":"a_b"}]': "1",
    '[{"column":"task","operator":"is not","value":"a_b"}]': "2345",
    '[{"column":"task","operator":"in","value":["a_b","axb","none"]}]': "12",
    '[{"column":"task","operator":"in","value":[]}]': "",
    '[{"column":"task","operator":"none of","value":["a_b","axb"]}]': "345",
    '[{"column":"task","operator":"none of","value":[]}]': "12345",
    '[{"column":"task","operator":"contains","value":"_"}]': "13",
    '[{"column":"task","operator":"contains","value":"A_"}]': "3",
    '[{"column":"task","operator":"not contains","value":"_"}]': "245",
    '[{"column":"task","operator":"begins with","value":"a"}]': "12",
    '[{"column":"task","operator":"ends with","value":"%"}]': "4",
    '[{"column":"task","operator":"like","value":"a_b"}]': "12",
    '[{"column":"task","operator":"like","value":"A_b"}]': "3",
    r'[{"column":"task","operator":"like","value":"a\\_b"}]': "1",
    '[{"column":"task","operator":"not like","value":"a%"}]': "345",
    '[{"column":"task","operator":"ilike","value":"a_b"}]': "123",
    '[{"column":"outcome","operator":"is","value":null}]': "1234",
    '[{"column":"outcome","operator":"is not","value":null}]': "5",
    '[{"column":"outcome","operator":"is not","value":"failed"}]': "1234",
    '[{"column":"outcome","operator":"none of","value":["failed"]}]': "1234",
    '[{"column":"outcome","operator":"none of","value":[null]}]': "5",
    '[{"column":"outcome","operator":"in","value":[null,"failed"]}]': "12345",
    '[{"column":"outcome","operator":"not contains","value":"fail"}]': "1234",
    '[{"column":"as_user_email","operator":"is empty"}]': "1235",
    '[{"column":"as_user_email","operator":"is not empty"}]': "4",
    '[{"column":"message","operator":"is empty"}]': "1234",
    '[{"column":"attempt","operator":"more then","value":1}]': "2",
    '[{"column":"attempt","operator":"lte","value":1}]': "1345",
    '[{"column":"scheduled_at","operator":"after","value":"2027-01-04T08:03:00Z"}]': "45",
    '[{"column":"scheduled_at","operator":"gte","value":"2027-01-04T09:03:00+01:00"}]': "345",
    '[{"column":"scheduled_at","operator":"before","value":"2027-01-04T08:02:00Z"}]': "1",
    '[{"column":"scheduled_at","operator":"is","value":"2027-01-04T08:02:00Z"}]': "2",
    f'[{{"column":"run_id","operator":"is","value":"{run_id(3)}"}}]': "3",
    f'[{{"column":"run_id","operator":"none of","value":["{run_id(3)}"]}}]': "1245",
    '[{"column":"task","operator":"is","value":"a_b"},{"column":"attempt","operator":"is","value":2}]': "",
    """[{"column":"task","operator":"is","value":"x' OR '1'='1"}]""": "",
    """[{"column":"task","operator":"is","value":"b'; DROP TABLE event; --"}]""": "5",
    """[{"column":"task","operator":"contains","value":"'; DROP"}]""": "5",
    """[{"column":"task","operator":"like","value":"%'%"}]""": "5",
}


@pytest.mark.parametrize(("query", "expected"), CONDITIONS.items(), ids=CONDITIONS)
async def test_conditions_mean_the_same_in_memory(database: Database, query: str, expected: str) -> None:
    """Tasks are asked for in memory, by the same language: the rows of the store, put to what Tasks are put to."""
    await ingest(database, FIVE, NOW)
    conditions = parse_query(query, TIMELINE.collection.columns)
    rows = (await page(database, Slice(10))).rows
    met = [row for row in rows if all(matches(each, row[TIMELINE.names[each.column]]) for each in conditions)]
    assert "".join(sorted(row["title"].removeprefix("run ") for row in met)) == expected


@pytest.mark.parametrize(("query", "expected"), CONDITIONS.items(), ids=CONDITIONS)
async def test_conditions(database: Database, query: str, expected: str) -> None:
    await ingest(database, FIVE, NOW)
    conditions = where(tables.event, parse_query(query, TIMELINE.collection.columns))
    assert "".join(reversed(titles(await page(database, Slice(10), conditions=conditions)))) == expected
