"""Conditions put to a real table, and the same ones put to its rows in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from cronwright.reasons import Outcome
from cronwright.timeline.query import parse_query
from cronwright_api.store import tables
from cronwright_api.store.conditions import where
from cronwright_api.store.database import Database
from cronwright_api.store.ingest import ingest
from cronwright_api.store.pages import Slice, SortKey, page_of
from cronwright_api.store.rows import Row
from cronwright_api.tasks.matching import matches
from cronwright_api.timeline.columns import TIMELINE

from .events import end, run_id, start

pytestmark = pytest.mark.anyio

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


@pytest.fixture(scope="module")
async def five(shared: Database) -> Database:
    """The five events, stored."""
    await ingest(shared, FIVE, datetime(2027, 1, 4, 9, tzinfo=UTC))
    return shared


async def rows(database: Database, conditions: Sequence[Any] = ()) -> Sequence[Row]:
    async with database.reading() as connection:
        return (await page_of(connection, tables.event, conditions, [SortKey("created_at")], Slice(10))).rows


def numbers(found: Sequence[Row]) -> str:
    return "".join(sorted(row["title"].removeprefix("run ") for row in found))


@pytest.mark.parametrize(("query", "expected"), CONDITIONS.items(), ids=CONDITIONS)
async def test_conditions(five: Database, query: str, expected: str) -> None:
    conditions = where(tables.event, parse_query(query, TIMELINE.collection.columns))
    assert numbers(await rows(five, conditions)) == expected


@pytest.mark.parametrize(("query", "expected"), CONDITIONS.items(), ids=CONDITIONS)
async def test_conditions_mean_the_same_in_memory(five: Database, query: str, expected: str) -> None:
    """Tasks are asked for in memory, by the same language: the rows of the store, put to what Tasks are put to."""
    conditions = parse_query(query, TIMELINE.collection.columns)
    met = [
        row for row in await rows(five) if all(matches(each, row[TIMELINE.names[each.column]]) for each in conditions)
    ]
    assert numbers(met) == expected
