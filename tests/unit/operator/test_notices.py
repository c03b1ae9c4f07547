"""Which changes of a status are told as Kubernetes Events: transitions, and nothing ordinary."""

from typing import Literal

import pytest

from cronwright.status import Condition, ConditionType, TaskStatus
from cronwright_operator.notices import notices
from support.facts import DUE

Stated = Literal["True", "False", "Unknown"]


def status(stalled: str | None = None, healthy: tuple[Stated, str, str] | None = None) -> TaskStatus:
    """Return a status that is stalled with this message, and healthy or not for this reason."""
    conditions: dict[ConditionType, Condition] = {}
    if stalled:
        conditions["Stalled"] = Condition("True", "NameTaken", stalled, DUE, 1)
    if healthy:
        conditions["Healthy"] = Condition(*healthy, DUE, 1)
    return TaskStatus(conditions=conditions)


UNKNOWN = status(healthy=("Unknown", "NoRunYet", "No run has ended yet."))
GOOD = status(healthy=("True", "Completed", "the last run succeeded"))
BAD = status(healthy=("False", "ActionFailed", "exit code 3"))
BAD_AGAIN = status(healthy=("False", "ActionFailed", "exit code 4"))
LATE = status(healthy=("False", "TimedOut", "took longer than 5 s"))

CASES: dict[str, tuple[TaskStatus, TaskStatus, list[tuple[str, str, str]]]] = {
    "created": (TaskStatus(), UNKNOWN, []),
    "nothing new": (GOOD, GOOD, []),
    "the first success": (UNKNOWN, GOOD, []),
    "the first failure": (UNKNOWN, BAD, [("Warning", "ActionFailed", "exit code 3")]),
    "a failure": (GOOD, BAD, [("Warning", "ActionFailed", "exit code 3")]),
    "the same failure again": (BAD, BAD_AGAIN, []),
    "another failure": (BAD, LATE, [("Warning", "TimedOut", "took longer than 5 s")]),
    "a success after a failure": (BAD, GOOD, [("Normal", "Recovered", "a run succeeded again")]),
    "stalled": (TaskStatus(), status("taken"), [("Warning", "NameTaken", "taken")]),
    "still stalled": (status("taken"), status("taken"), []),
    "stalled for something else": (status("taken"), status("refused"), [("Warning", "NameTaken", "refused")]),
    "mended": (status("taken"), TaskStatus(), [("Normal", "InForce", "the Task is in force again")]),
}


@pytest.mark.parametrize(("old", "new", "expected"), CASES.values(), ids=CASES)
def test_notices(old: TaskStatus, new: TaskStatus, expected: list[tuple[str, str, str]]) -> None:
    assert [(told.type, told.reason, told.message) for told in notices(old, new)] == expected
