"""Documents in: strict JSON, and primary data."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright_api.errors import BadRequest, Problem
from cronwright_api.jsonapi.bodies import MAX_DEPTH, Posted, parse_document, primary_data

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_what_is_json_is_read_as_it_is(document: dict[str, object]) -> None:
    assert parse_document(json.dumps(document).encode()) == document


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(BadRequest):
        parse_document(body)


@given(st.dictionaries(st.sampled_from(["data", "meta", "x"]), JSON_VALUES))
def test_any_document_has_data_or_is_refused(document: dict[str, object]) -> None:
    with contextlib.suppress(Problem):
        primary_data(parse_document(json.dumps(document).encode()), "timeline")


@pytest.mark.parametrize(("depth", "taken"), [(MAX_DEPTH - 1, True), (MAX_DEPTH, False), (100_000, False)])
def test_depth(depth: int, taken: bool) -> None:
    body = b'{"meta": ' + b"[" * depth + b"]" * depth + b"}"
    if taken:
        parse_document(body)
        return
    with pytest.raises(BadRequest, match="nested more than 100 deep"):
        parse_document(body)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    assert parse_document(rb'{"meta": "\ud83d\ude00"}') == {"meta": "\U0001f600"}


def test_one_and_many() -> None:
    one: dict[str, Any] = {
        "type": "timeline",
        "id": "1",
        "attributes": {"a": 1},
        "relationships": {},
        "links": {},
        "meta": {},
    }
    assert primary_data({"data": one, "meta": {}, "links": {}}, "timeline") == ([Posted("1", {"a": 1}, "/data")], False)
    assert primary_data({"data": [one]}, "timeline") == ([Posted("1", {"a": 1}, "/data/0")], True)
