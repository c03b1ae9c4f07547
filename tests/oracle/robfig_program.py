"""Builds the Go program in `robfig/` once and asks it: what robfig/cron v3 itself says about a cron line.

The program reads the time zones of the tzdata package, so that a difference is one of the search, not of the database.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import tzdata  # type: ignore[import-untyped]

from support.go_program import built

END_OF_TIME = 250_000_000_000  # seconds; in the year 9892

_SOURCE = Path(__file__).parent / "robfig"


@dataclass(frozen=True)
class Question:
    """The first `count` fire times of `schedule` in `zone` after `start` and up to `until` (Unix times in seconds).

    `patience` is for how many seconds a search may go on that perhaps never ends; 0 is without a limit.
    """

    schedule: str
    zone: str
    start: int
    count: int
    until: int = END_OF_TIME
    patience: int = 0


@dataclass(frozen=True)
class Answer:
    """Unix times in seconds, fewer than asked for where there are no more; or why the schedule was refused.

    `lost` is whether after the last of them the library went back in time, or never came back.
    """

    times: list[int]
    lost: bool
    error: str | None


def ask(questions: Iterable[Question]) -> list[Answer]:
    """The answers to all questions, in their order. Raises where Go is missing or the build fails."""
    asked = "".join(json.dumps(asdict(question)) + "\n" for question in questions)
    environment = os.environ | {"ZONEINFO": str(Path(tzdata.__file__).parent / "zoneinfo"), "TZ": "UTC"}
    said = subprocess.run(
        [built(_SOURCE, "oracle")], input=asked, env=environment, capture_output=True, text=True, check=True
    )
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    return [Answer(answer["times"] or [], answer.get("lost", False), answer.get("error")) for answer in answers]
