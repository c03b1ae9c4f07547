"""The error that a schedule or a time zone raises when a person has to write something else.

Programming errors (an unresolved `H` where a line is asked for, a time without a zone) are plain ValueErrors, not this.
"""

from __future__ import annotations

from typing import Literal


class ScheduleError(ValueError):
    """A schedule or a time zone that can't be taken.

    `field` is the Task's field, `value` what stands there, `problem` what is wrong with it and `remedy` what to write
    instead; `str()` is both in one sentence.
    """

    def __init__(self, field: Literal["schedule", "timeZone"], value: str, problem: str, remedy: str) -> None:
        super().__init__(field, value, problem, remedy)
        self.field: Literal["schedule", "timeZone"] = field
        self.value = value
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"
