"""Conditions on values in memory: each operator, and that a pattern can't make it slow."""

import time
from typing import Any

import pytest

from cronwright.timeline.query import OPERATOR_WORDS, ColumnType, Condition, Operator, parse_query
from cronwright_api.tasks.matching import matches

WORDS = [None, "", "a_b", "axb", "A_b", "100%", "b'; --"]
NUMBERS = [None, 1, 2, 3]
FLAGS = [None, True, False]

MET: list[tuple[str, Any, list[Any], list[Any]]] = [
    ("is", "a_b", WORDS, ["a_b"]),
    ("eq", None, WORDS, [None]),
    ("is not", "a_b", WORDS, [None, "", "axb", "A_b", "100%", "b'; --"]),
    ("neq", None, WORDS, ["", "a_b", "axb", "A_b", "100%", "b'; --"]),
    ("contains", "_", WORDS, ["a_b", "A_b"]),
    ("contains", "", WORDS, ["", "a_b", "axb", "A_b", "100%", "b'; --"]),
    ("not contains", "_", WORDS, [None, "", "axb", "100%", "b'; --"]),
    ("like", "a_b", WORDS, ["a_b", "axb"]),
    ("like", r"a\_b", WORDS, ["a_b"]),
    ("like", "%b%", WORDS, ["a_b", "axb", "A_b", "b'; --"]),
    ("like", r"%\%", WORDS, ["100%"]),
    ("like", "", WORDS, [""]),
    ("not like", "%b%", WORDS, [None, "", "100%"]),
    ("ilike", "a_B", WORDS, ["a_b", "axb", "A_b"]),
    ("begins with", "a", WORDS, ["a_b", "axb"]),
    ("ends with", "b", WORDS, ["a_b", "axb", "A_b"]),
    ("in", ["a_b", None], WORDS, [None, "a_b"]),
    ("any of", [], WORDS, []),
    ("none of", ["a_b", "axb"], WORDS, [None, "", "A_b", "100%", "b'; --"]),
    ("none of", [None], WORDS, ["", "a_b", "axb", "A_b", "100%", "b'; --"]),
    ("is empty", None, WORDS, [None, ""]),
    ("is not empty", None, WORDS, ["a_b", "axb", "A_b", "100%", "b'; --"]),
    ("more than", 1, NUMBERS, [2, 3]),
    ("more then", 1, NUMBERS, [2, 3]),
    ("gt", 1, NUMBERS, [2, 3]),
    ("after", 1, NUMBERS, [2, 3]),
    ("less than", 3, NUMBERS, [1, 2]),
    ("less then", 3, NUMBERS, [1, 2]),
    ("lt", 3, NUMBERS, [1, 2]),
    ("before", 3, NUMBERS, [1, 2]),
    ("gte", 2, NUMBERS, [2, 3]),
    ("lte", 2, NUMBERS, [1, 2]),
    ("is true", None, FLAGS, [True]),
    ("is false", None, FLAGS, [False]),
]


@pytest.mark.parametrize(("word", "asked", "values", "met"), MET)
def test_operator(word: str, asked: Any, values: list[Any], met: list[Any]) -> None:
    asked = tuple(asked) if isinstance(asked, list) else asked
    condition = Condition("column", OPERATOR_WORDS[word], asked)
    assert [value for value in values if matches(condition, value)] == met


def test_every_operator_has_a_meaning() -> None:
    assert {OPERATOR_WORDS[word] for word, *_ in MET} == set(Operator)


def test_a_pattern_of_many_stars_is_quick() -> None:
    query = '[{"column":"text","operator":"like","value":"' + "%a" * 400 + '%b"}]'
    (condition,) = parse_query(query, {"text": ColumnType.TEXT})
    began = time.process_time()
    assert not matches(condition, "a" * 2000)
    assert time.process_time() - began < 2
