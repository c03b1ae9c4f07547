"""`H` becomes the same number for the same Task in every version, and stays in its range."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronwright.schedule import fields
from cronwright.schedule.grammar import Cron, parse
from cronwright.schedule.hashes import resolve
from cronwright.schedule.line import cron_line


def _resolved(text: str, namespace: str = "default", name: str = "mail-sync") -> Cron:
    schedule = parse(text)
    assert isinstance(schedule, Cron)
    return resolve(schedule, namespace, name)


# Never to be edited: who upgrades would find all runs moved.
PINNED = {
    "H H H H H": "8 4 4 1 4",
    "H 3 * * *": "8 3 * * *",
    "H/15 * * * *": "8-59/15 * * * *",
    "H(0-29)/10 * * * *": "8-29/10 * * * *",
    "H H(0-5) * * 1-5": "8 4 * * 1-5",
    "0 0 H * *": "0 0 4 * *",
    "0 0 H/10 * *": "0 0 8-28/10 * *",
    "0 0 H(15-31) * *": "0 0 25 * *",
    "0 0 * * H(5-7)": "0 0 * * 6",
    "H,30 * * * thu": "8,30 * * * 4",
}


@pytest.mark.parametrize(("text", "line"), PINNED.items())
def test_pinned(text: str, line: str) -> None:
    assert cron_line(_resolved(text)) == line


def test_another_name_or_namespace_moves_it() -> None:
    lines = {cron_line(_resolved("H H * * *", *task)) for task in (("a", "b"), ("b", "a"), ("a", "c"), ("c", "b"))}
    assert len(lines) == 4


def test_without_h_nothing_changes() -> None:
    assert _resolved("5 3 * * sun") == parse("5 3 * * sun")


def test_a_resolved_schedule_keeps_its_text() -> None:
    resolved = _resolved("H 3 * * *")
    assert resolved.text == "H 3 * * *"
    assert not resolved.has_hash


@settings(deadline=None)
@given(namespace=st.text(min_size=1), name=st.text(min_size=1))
def test_ranges(namespace: str, name: str) -> None:
    resolved = _resolved("H H(9-17) H H(3-5) H(1-5)", namespace, name)
    assert fields.numbers(resolved.minute, fields.MINUTE) <= set(range(60))
    assert fields.numbers(resolved.hour, fields.HOUR) <= set(range(9, 18))
    assert fields.numbers(resolved.day_of_month, fields.DAY_OF_MONTH) <= set(range(1, 29))
    assert fields.numbers(resolved.month, fields.MONTH) <= {3, 4, 5}
    assert fields.numbers(resolved.day_of_week, fields.DAY_OF_WEEK) <= set(range(1, 6))


@settings(deadline=None)
@given(name=st.text(min_size=1), step=st.integers(1, 999))
def test_steps_begin_within_the_first_step_and_go_to_the_end(name: str, step: int) -> None:
    named = sorted(fields.numbers(_resolved(f"H/{step} * * * *", "default", name).minute, fields.MINUTE))
    assert named[0] < min(step, 60)
    assert named == list(range(named[0], 60, step))


def test_every_number_of_the_range_is_chosen_by_some_task() -> None:
    chosen = {_resolved("H * * * *", "default", f"task-{number}").minute for number in range(1000)}
    assert chosen == {str(minute) for minute in range(60)}
