"""Which runs that people ask for may be made: each fire time once, and no other time."""

from datetime import datetime
from typing import Any

import pytest

from cronwright.plan.choose import Plan, choose
from cronwright.plan.granting import Started, refusal, refusal_of_fire_time, refusal_of_time
from cronwright.run.ids import requested_run_id, scheduled_run_id
from cronwright.run.requests import RunRequest
from cronwright.task import parse_task
from support.facts import DUE, TASK_UID, a_task, at

NOTHING = Started((), ())
NOW, AT_DUE = RunRequest("1"), RunRequest("1", scheduled_time=DUE)

MADE: dict[str, tuple[RunRequest, Started, str]] = {
    "a run now": (NOW, NOTHING, ""),
    "a run now, beside others": (NOW, Started({scheduled_run_id(TASK_UID, DUE)}, {DUE}), ""),
    "a run now whose id was taken before": (
        NOW, Started({requested_run_id(TASK_UID, "1")}, ()), "a run of this id is on the timeline already"
    ),
    "a fire time": (AT_DUE, NOTHING, ""),
    "beside another fire time": (AT_DUE, Started({scheduled_run_id(TASK_UID, at(60))}, {at(60)}), ""),
    "with a start on the timeline": (
        AT_DUE, Started({scheduled_run_id(TASK_UID, DUE)}, ()), "the run of 2027-01-04T08:00:00Z has started already"
    ),
    "with a Job": (AT_DUE, Started((), {DUE}), "the run of 2027-01-04T08:00:00Z has started already"),
    "with large attributes": (RunRequest("1", {"text": "x" * 65_525}), NOTHING, ""),
    "with too large ones": (RunRequest("1", {"text": "x" * 65_526}), NOTHING, "its attributes are larger than 64 KiB"),
}  # fmt: skip


@pytest.mark.parametrize(("request_", "started", "why"), MADE.values(), ids=MADE)
def test_what_was_made_is_not_made_again(request_: RunRequest, started: Started, why: str) -> None:
    said = refusal(request_, TASK_UID, started)
    assert said.startswith(why)
    assert bool(said) == bool(why)


def plan(schedule: str = "* * * * *", **spec: Any) -> Plan:
    """Return the plan of a Task."""
    return choose(parse_task(a_task(schedule, **spec)))


BEFORE = at(-3600)
TIMES: dict[str, tuple[Plan, datetime, datetime | None, datetime, str]] = {
    "one that the controller has looked after": (plan(), DUE, DUE, at(1), ""),
    "one that it may still start": (plan(), DUE, at(-60), at(60), "may still start by itself until 2027-01-04T08:01"),
    "one that its gate would skip by now": (plan(), DUE, at(-60), at(61), ""),
    "one from before its CronJob": (plan(), BEFORE, DUE, at(1), ""),
    "of a paused Task": (plan(isActive=False), DUE, None, at(1), ""),
    "of a loop, whose tick may be under way": (plan("@every 5s"), DUE, at(1), at(60), "may still start by itself"),
    "of a loop, when no ticker starts it any more": (plan("@every 5s"), DUE, at(1), at(61), ""),
    "of a paused loop": (plan("@every 5s", isActive=False), DUE, None, at(1), ""),
    "still to come": (plan(), at(60), DUE, at(59), "is still to come"),
    "no fire time": (plan(), at(-30), DUE, at(1), "is no fire time of * * * * * in Etc/UTC"),
    "no tick": (plan("@every 5s"), at(-301), DUE, at(1), "is no fire time of @every 5s in Etc/UTC"),
    "of a Task that runs on request": (plan("@manual"), DUE, DUE, at(1), "is no fire time of @manual"),
    "in the Task's zone": (plan("0 17 * * *", timeZone="Asia/Tokyo"), DUE, DUE, at(1), ""),
    "long before anything": (
        plan("0 3 * * *"), datetime.fromisoformat("0001-01-01T03:00:00Z"), DUE, at(1), "is no fire time of 0 3 * * *"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("of", "time", "accounted_until", "now", "why"), TIMES.values(), ids=TIMES)
def test_times(of: Plan, time: datetime, accounted_until: datetime | None, now: datetime, why: str) -> None:
    said = refusal_of_time(time, of, accounted_until, now)
    assert why in said
    assert bool(said) == bool(why)


FIRE_TIMES: dict[str, tuple[Plan | None, datetime, str]] = {
    "a fire time": (plan(), DUE, ""),
    "one that its schedule may still start, which a CronJob tells": (plan("0 8 * * *"), DUE, ""),
    "still to come": (plan(), at(60), "is still to come"),
    "no fire time": (plan(), at(-30), "is no fire time of * * * * * in Etc/UTC"),
    "of a Task whose schedule is not known": (None, at(-30), ""),
    "still to come, whatever the schedule": (None, at(60), "is still to come"),
}


@pytest.mark.parametrize(("of", "time", "why"), FIRE_TIMES.values(), ids=FIRE_TIMES)
def test_fire_times(of: Plan | None, time: datetime, why: str) -> None:
    said = refusal_of_fire_time(time, of, at(1))
    assert why in said
    assert bool(said) == bool(why)
