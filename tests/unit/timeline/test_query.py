"""The query language: what is read, and one sentence for each mistake."""

import contextlib
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.timeline.query import (
    OPERATOR_WORDS,
    ColumnType,
    Condition,
    Operator,
    QueryError,
    parse_query,
    parse_triples,
)

COLUMNS = {
    "event_type": ColumnType.TEXT,
    "run_id": ColumnType.UUID,
    "attempt": ColumnType.NUMBER,
    "created_at": ColumnType.INSTANT,
    "is_active": ColumnType.BOOLEAN,
}
ID = "7b0c7a0e-3d3a-5c57-9a0b-5f4d8f4d9f10"
DAY = datetime(2027, 1, 4, tzinfo=UTC)

READ = {
    '[{"column":"event_type","operator":"is","value":"task"}]': [Condition("event_type", Operator.IS, "task")],
    "[]": [],
    '[{"column":"event_type","operator":"eq","value":"a"},{"column":"attempt","operator":"gt","value":1}]': [
        Condition("event_type", Operator.IS, "a"),
        Condition("attempt", Operator.MORE_THAN, 1),
    ],
    '[{"column":"event_type","operator":"in","value":["a","b"]}]': [Condition("event_type", Operator.IN, ("a", "b"))],
    '[{"column":"event_type","operator":"any of","value":[]}]': [Condition("event_type", Operator.IN, ())],
    '[{"column":"event_type","operator":"none of","value":["a"]}]': [Condition("event_type", Operator.NOT_IN, ("a",))],
    '[{"column":"event_type","operator":"is","value":null}]': [Condition("event_type", Operator.IS, None)],
    '[{"column":"event_type","operator":"is empty"}]': [Condition("event_type", Operator.IS_EMPTY)],
    '[{"column":"is_active","operator":"is true","value":"whatever"}]': [Condition("is_active", Operator.IS_TRUE)],
    '[{"column":"is_active","operator":"is","value":true}]': [Condition("is_active", Operator.IS, True)],
    f'[{{"column":"run_id","operator":"is","value":"{ID}"}}]': [Condition("run_id", Operator.IS, UUID(ID))],
    '[{"column":"attempt","operator":"is","value":"2"}]': [Condition("attempt", Operator.IS, 2)],
    '[{"column":"created_at","operator":"after","value":"2027-01-04T00:00:00Z"}]': [
        Condition("created_at", Operator.MORE_THAN, DAY)
    ],
    '[{"column":"created_at","operator":"before","value":"2027-01-04T02:00:00+02:00"}]': [
        Condition("created_at", Operator.LESS_THAN, DAY)
    ],
    r'[{"column":"event_type","operator":"like","value":"100\\%"}]': [Condition("event_type", Operator.LIKE, r"100\%")],
    """[{"column":"event_type","operator":"is","value":"'; DROP TABLE event; --"}]""": [
        Condition("event_type", Operator.IS, "'; DROP TABLE event; --")
    ],
}


@pytest.mark.parametrize(("text", "conditions"), READ.items(), ids=READ)
def test_read(text: str, conditions: list[Condition]) -> None:
    assert parse_query(text, COLUMNS) == tuple(conditions)


def test_every_word_of_the_contract_is_known() -> None:
    words = (
        "is,is not,eq,neq,contains,not contains,like,not like,ilike,begins with,ends with,more than,less than,"
        "more then,less then,gt,lt,gte,lte,after,before,is true,is false,is empty,is not empty,in,any of,none of"
    )
    assert set(OPERATOR_WORDS) == set(words.split(","))


def of(column: str, operator: str, value: str) -> str:
    return f'[{{"column":"{column}","operator":"{operator}","value":{value}}}]'


REFUSED = {
    "not JSON": ("[{", "query is not JSON; write a list such as"),
    "not JSON, but Python": ("[{'column': 1}]", "query is not JSON"),
    "NaN": ("[NaN]", "query is not JSON"),
    "nested without an end": ("[" * 100_000, "query is not JSON"),
    "an object": ('{"column":"event_type"}', "query is not a list"),
    "a list of words": ('["event_type"]', "query holds 'event_type', which is not a condition"),
    "a key twice": ('[{"column":"a","column":"b"}]', "query has 'column' twice in one condition"),
    "a key too many": ('[{"column":"event_type","logicalGroup":"x"}]', "a condition has the key 'logicalGroup'"),
    "no column": ('[{"operator":"is"}]', "a condition names no column; write one of event_type, run_id"),
    "an unknown column": (of("nope", "is", "1"), "column 'nope' is unknown; write one of event_type, run_id"),
    "a column with SQL in it": (of("event_type; DROP", "is", "1"), "column 'event_type; DROP' is unknown"),
    "no operator": ('[{"column":"event_type"}]', "the condition on event_type names no operator"),
    "an unknown operator": (of("event_type", "=", '"a"'), "operator '=' is unknown; write one of is, is not, contains"),
    "text of a number": (
        of("attempt", "like", '"1%"'),
        "operator like does not go with column attempt, which holds whole",
    ),
    "order of ids": (
        of("run_id", "gt", '"a"'),
        "operator gt does not go with column run_id, which holds ids; write one of",
    ),
    "truth of text": (of("event_type", "is true", "1"), "operator is true does not go with column event_type"),
    "no value": ('[{"column":"event_type","operator":"like"}]', "the condition event_type like has no value"),
    "a number as text": (of("event_type", "is", "1"), "a value for column event_type is 1; write a string"),
    "text as a number": (
        of("attempt", "is", '"x"'),
        "a value for column attempt is 'x'; write a whole number of at most 64 bits",
    ),
    "a number beyond 64 bits": (of("attempt", "is", str(2**63)), "a value for column attempt is 9223372036854775808"),
    "truth as a number": (of("attempt", "is", "true"), "a value for column attempt is True"),
    "text as an id": (of("run_id", "is", '"x"'), "a value for column run_id is 'x'; write a UUID"),
    "a day as an instant": (
        of("created_at", "gt", '"2027-01-04"'),
        "a value for column created_at is '2027-01-04'; write a time",
    ),
    "no zone": (
        of("created_at", "gt", '"2027-01-04T00:00:00"'),
        "a value for column created_at is '2027-01-04T00:00:00'",
    ),
    "before the year 1": (of("created_at", "gt", '"0001-01-01T00:00:00+02:00"'), "a value for column created_at is"),
    "a word as truth": (of("is_active", "is", '"yes"'), "a value for column is_active is 'yes'; write true or false"),
    "no list": (
        of("event_type", "in", '"a"'),
        """the value of event_type in is 'a'; write a list such as ["a", "b"]""",
    ),
    "a list": (of("event_type", "is", '["a"]'), "a value for column event_type is ['a']"),
    "a long list": (of("event_type", "in", f"[{','.join(['1'] * 501)}]"), "the list of event_type in has 501 values"),
    "many conditions": (f"[{','.join(['{}'] * 51)}]", "query has 51 conditions; write at most 50"),
    "NUL": (
        of("event_type", "is", r'"\u0000"'),
        "a value for column event_type holds a character that no text",
    ),
    "half a pair": (
        of("event_type", "is", r'"\ud800"'),
        "a value for column event_type holds a character that no text can",
    ),
    "an open escape": (
        of("event_type", "like", r'"a\\"'),
        "the pattern for column event_type ends in a lone backslash",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(text: str, sentence: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_query(text, COLUMNS)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) < 600


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(QueryError):
        parse_query(text, COLUMNS)


def triples(text: str) -> list[tuple[str, str]]:
    return [(part.partition("=")[0], part.partition("=")[2]) for part in text.split("&")]


A_IS, B_IS = Condition("event_type", Operator.IS, "a"), Condition("attempt", Operator.IS, 2)
TRIPLES = {
    "query[][column]=event_type&query[][operator]=is&query[][value]=a": [A_IS],
    "query[][operator]=is&query[][value]=a&query[][column]=event_type": [A_IS],
    "query[][column]=event_type&query[][operator]=is&query[][value]=a"
    "&query[][column]=attempt&query[][operator]=is&query[][value]=2": [A_IS, B_IS],
    "query[1][column]=attempt&query[0][column]=event_type&query[1][operator]=is&query[0][operator]=is"
    "&query[0][value]=a&query[1][value]=2": [B_IS, A_IS],
    "query[][column]=event_type&query[][operator]=in&query[][value]=a&query[][value]=b": [
        Condition("event_type", Operator.IN, ("a", "b"))
    ],
    'query[][column]=event_type&query[][operator]=in&query[][value]=["a,b"]': [
        Condition("event_type", Operator.IN, ("a,b",))
    ],
    "query[][column]=attempt&query[][operator]=in&query[][value]=1,2": [Condition("attempt", Operator.IN, (1, 2))],
}


@pytest.mark.parametrize(("text", "conditions"), TRIPLES.items(), ids=TRIPLES)
def test_triples(text: str, conditions: list[Condition]) -> None:
    assert parse_triples(triples(text), COLUMNS) == tuple(conditions)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("query[][colum]=a", "query[][colum] is no part of a query"),
        ("query[0][column]=attempt&query[0][column]=attempt", "query[0][column] is given twice"),
        ("query[][column]=nope&query[][operator]=is", "column 'nope' is unknown"),
        (
            "query[][column]=event_type&query[][operator]=is&query[][value]=a&query[][value]=b",
            "a value for column event_type is ['a', 'b']",
        ),
    ],
)
def test_triples_refused(text: str, sentence: str) -> None:
    with pytest.raises(QueryError, match="^" + re.escape(sentence)):
        parse_triples(triples(text), COLUMNS)
