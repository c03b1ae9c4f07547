"""The termination message: never more than 1 KiB, and read again as it was written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.reasons import Outcome, Reason
from cronwright.run.termination import MAX_BYTES, Termination, dump_termination, load_termination
from support.facts import DUE, at, some_uuid

instants = st.integers(1_600_000_000_000, 2_800_000_000_000).map(
    lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC)
)
terminations = st.builds(
    Termination,
    run_id=st.uuids(),
    attempt=st.integers(1, 10**6),
    outcome=st.sampled_from(Outcome),
    reason=st.sampled_from(Reason),
    message=st.text(st.characters(exclude_categories=["Cs"]), max_size=3000),
    scheduled_time=st.none() | instants,
    started_at=st.none() | instants,
    finished_at=instants,
    delivered=st.booleans(),
)


@given(terminations)
def test_it_fits_and_is_read_again(termination: Termination) -> None:
    text = dump_termination(termination)
    assert len(text.encode()) <= MAX_BYTES
    read = load_termination(text)
    assert read is not None
    if read.message != termination.message:
        assert read.message.endswith("…")
        assert termination.message.startswith(read.message[:-1])
    assert read._replace(message="") == termination._replace(message="")


@pytest.mark.parametrize("character", ["x", "ä", "財", "😀", '"', "\n", "\x00"], ids=ascii)
def test_a_long_message_keeps_as_much_as_fits(character: str) -> None:
    written = len(dump_termination(word(character)).encode()) - len(dump_termination(word("")).encode())
    text = dump_termination(word(character * 2000))
    assert MAX_BYTES - written < len(text.encode()) <= MAX_BYTES


def test_no_length_is_one_too_many() -> None:
    lengths = {len(dump_termination(word("x" * characters)).encode()) for characters in range(MAX_BYTES + 10)}
    assert max(lengths) == MAX_BYTES


def word(message: str) -> Termination:
    """Return a word with this message."""
    return Termination(some_uuid(1), 1, Outcome.FAILED, Reason.ACTION_FAILED, message, DUE, at(1), at(2), False)


@pytest.mark.parametrize(
    "text",
    ["", "Killed", "{}", "[]", "null", '{"runId": "x"}', "Traceback (most recent call last):\n", "{" * 1000],
    ids=["nothing", "a word", "an object", "a list", "null", "no id", "a traceback", "braces"],
)
def test_what_is_no_word_is_none(text: str) -> None:
    assert load_termination(text) is None


@given(st.text(max_size=200))
def test_no_text_is_too_odd(text: str) -> None:
    assert load_termination(text) is None
