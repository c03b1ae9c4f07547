"""Manifests as text: what was a string is one again, whichever YAML reads it."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cronwright_cli.manifests import to_json, to_yaml

# Each, if it stands there plain, is for some reader a number, a date, a truth value, nothing, or a broken document.
TREACHEROUS = [
    "no", "Yes", "on", "y", "N", "true", "null", "~", "", " ", "1", "1.5", "1e3", ".5", "+1", "0x1F", "0o17", "010",
    "12:30", "2027-01-01", "1_000", ".inf", ".NaN", "nan", "@daily", "@every 1h", "0 2 * * *", "*/5 * * * *", "? a",
    "- a", "a: b", "a #b", "#a", "{a}", "[a]", "&a", "*a", "!a", "|", ">", "%a", "`a`", "'", '"', "a\nb", "a\tb", "a ",
    " a", "\U0001f600", "\x85", "\u2028", "\ufeff",
    "$$(A)", "<<", "=",
]  # fmt: skip


@pytest.mark.parametrize("text", TREACHEROUS)
def test_a_string_stays_a_string(text: str) -> None:
    written = to_yaml([{"key": text, "list": [text], "map": {text: "value"}}])
    assert yaml.safe_load(written) == {"key": text, "list": [text], "map": {text: "value"}}
    # Readers differ in which plain words they take for something else; none does so in quotes.
    value = written.splitlines()[0].removeprefix("key: ")
    assert value.startswith('"') and value.endswith('"')


@pytest.mark.parametrize(
    "text", ["export_data", "admin@example.com", "Generate Daily Report", "backup_store", "v1.2-rc"]
)
def test_an_ordinary_word_needs_no_quotes(text: str) -> None:
    assert to_yaml([{"key": text}]) == f"key: {text}\n"


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert yaml.safe_load(to_yaml([{"key": text}])) == {"key": text}


def test_several_manifests_are_several_documents() -> None:
    assert list(yaml.safe_load_all(to_yaml([{"a": 1}, {"b": [True, None, 2.5]}]))) == [
        {"a": 1},
        {"b": [True, None, 2.5]},
    ]


def test_an_object_that_occurs_twice_is_written_twice() -> None:
    shared = {"a": "x"}
    assert to_yaml([{"one": dict(shared), "two": shared, "three": shared}]).count("a: x") == 3


def test_json_is_one_list() -> None:
    assert json.loads(to_json([{"a": "é"}])) == {"apiVersion": "v1", "kind": "List", "items": [{"a": "é"}]}
