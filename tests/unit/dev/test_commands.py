"""Waiting on a program: what ended is given up soon, what is only missed for a moment is not."""

import itertools
import time

import pytest

import commands
from progress import Failure


def test_what_is_missed_at_one_look_is_waited_for() -> None:
    looks = itertools.count()
    missed = iter([True, False, True])
    commands.wait_until(lambda: next(looks) == 3, "it to work", 30, hopeless=lambda: next(missed))


def test_what_ended_is_given_up_long_before_its_time() -> None:
    began = time.monotonic()
    with pytest.raises(Failure, match="Waited for it to work, and it ended"):
        commands.wait_until(lambda: False, "it to work", 60, hopeless=lambda: True)
    assert time.monotonic() - began < 30
