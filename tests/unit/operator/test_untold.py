"""A window that is Complete and whose ticker had something to tell still: the operator claims what nobody told."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from cronwright.names import END_ANNOTATION
from cronwright.observed.job import parse_job
from cronwright.observed.pod import parse_pod
from cronwright.plan.loop.jobs import JobWithPods, left_untold
from support.facts import a_job, a_pod, a_task, at, terminated

LOOP = a_task("@every 5s")


@dataclass(frozen=True)
class Case:
    """How a window's Job ended, what its pod was asked for, and until when its ticks are claimed."""

    ended: str | None
    end_request: str = ""
    until: datetime | None = None
    has_pod: bool = True


OPENED = at(-180)
OWNED_END = OPENED + timedelta(seconds=3600 + 300)
CASES = {
    "it ticks": Case(None),
    "it served until its end": Case("Complete", until=OWNED_END),
    "an edit ended it": Case("Complete", "supersede at 2027-01-04T08:20:00Z", at(1200)),
    "a pause ended it, and only its pod knows when": Case("Complete", "finish"),
    "nobody knows how it ended": Case("Complete", has_pod=False),
    "it failed": Case("Failed", until=at(600)),
    "it failed and had no pod": Case("Failed", until=at(600), has_pod=False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_untold(case: Case) -> None:
    manifest = a_job(LOOP, OPENED, ended=case.ended, ended_at=at(600), start=at(0))
    pod: dict[str, Any] = a_pod(manifest, terminated(0), phase="Succeeded")
    pod["metadata"]["annotations"] = {END_ANNOTATION: case.end_request}
    window = JobWithPods(parse_job(manifest), (parse_pod(pod),) if case.has_pod else ())
    untold = left_untold(window)
    assert (untold and (untold.first, untold.end)) == (case.until and (at(0), case.until))
