"""The writes that bring a CronJob to its plan: one row for each rule, those that write nothing included."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from cronwright.observed.cronjob import parse_cron_job
from cronwright.plan.choose import choose
from cronwright.plan.lever import CreateCronJob, CronJobStep, ReplaceCronJob, SetLever, steps
from cronwright.plan.manifests import cron_job
from cronwright.schedule.grammar import Every
from cronwright.schedule.grid import tick_at_or_before
from cronwright.task import parse_task
from support.facts import DUE, RUNNER, TASK_UID, a_cron_job, a_task

NOW = DUE + timedelta(seconds=17, microseconds=250_000)
SECOND = NOW.replace(microsecond=0)
"""What the lever can hold of now."""

BY_HAND = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}}
STATUS_BY_CONTROLLER = {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:spec": {}}}


def tick(seconds: int, now: datetime = NOW) -> datetime:
    """Return the last tick of an interval up to `now`."""
    return tick_at_or_before(Every(seconds), now)


@dataclass(frozen=True)
class Case:
    """A Task as its CronJob was made of it (None: there is no CronJob), as it is now, and the writes due."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    writes: list[str | datetime]
    remembered: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


CRON: dict[str, Any] = {"schedule": "* * * * *"}
OTHER_CRON: dict[str, Any] = {"schedule": "0 3 * * *"}
EVERY: dict[str, Any] = {"schedule": "@every 90s"}
OTHER_EVERY: dict[str, Any] = {"schedule": "@every 7m"}
PAUSED = {"isActive": False}
OFF_GRID = tick(90) + timedelta(seconds=1)

CASES = {
    "a new cron needs no lever": Case(None, CRON, ["create"]),
    "a new manual needs no lever": Case(None, {"schedule": "@manual"}, ["create"]),
    "a new every gets the lever at once": Case(None, EVERY, ["create", tick(90)]),
    "a new paused every fires nothing, so it needs no lever": Case(None, EVERY | PAUSED, ["create"]),
    "the same cron: nothing": Case(CRON, CRON, [], remembered=DUE),
    "the same cron that never fired: nothing": Case(CRON, CRON, []),
    "the same every on its grid: nothing": Case(EVERY, EVERY, [], remembered=tick(90)),
    "the same every on its grid, long ago: nothing": Case(
        EVERY, EVERY, [], remembered=tick(90, NOW - timedelta(days=2))
    ),
    "the same every off its grid": Case(EVERY, EVERY, [tick(90)], remembered=OFF_GRID),
    "the same every without memory, as after a cut create": Case(EVERY, EVERY, [tick(90)]),
    "the same paused every off its grid: nothing": Case(EVERY | PAUSED, EVERY | PAUSED, [], remembered=OFF_GRID),
    "another line": Case(CRON, OTHER_CRON, [SECOND, "replace"], remembered=DUE),
    "another zone": Case(CRON, CRON | {"timeZone": "Asia/Tokyo"}, [SECOND, "replace"], remembered=DUE),
    "cron to every": Case(CRON, EVERY, [SECOND, "replace", tick(90)], remembered=DUE),
    "cron to every, already on its grid by chance": Case(
        CRON, EVERY, [SECOND, "replace", tick(90)], remembered=tick(90)
    ),
    "every to cron": Case(EVERY, CRON, [SECOND, "replace"], remembered=tick(90)),
    "every to another": Case(EVERY, OTHER_EVERY, [SECOND, "replace", tick(420)], remembered=tick(90)),
    "resumed cron": Case(CRON | PAUSED, CRON, [SECOND, "replace"], remembered=DUE - timedelta(days=9)),
    "resumed every": Case(EVERY | PAUSED, EVERY, [SECOND, "replace", tick(90)], remembered=tick(90)),
    "manual to cron": Case({"schedule": "@manual"}, CRON, [SECOND, "replace"]),
    "paused: the lever can wait for the resume": Case(CRON, CRON | PAUSED, ["replace"], remembered=DUE),
    "paused with another line": Case(CRON, OTHER_CRON | PAUSED, ["replace"], remembered=DUE),
    "to manual": Case(EVERY, {"schedule": "@manual"}, ["replace"], remembered=tick(90)),
    "other attributes fire no differently": Case(CRON, CRON | {"attributes": {"a": 1}}, ["replace"], remembered=DUE),
    "other attributes of an every on its grid": Case(
        EVERY, EVERY | {"attributes": {"a": 1}}, ["replace"], remembered=tick(90)
    ),
    "other attributes of an every off its grid": Case(
        EVERY, EVERY | {"attributes": {"a": 1}}, ["replace", tick(90)], remembered=OFF_GRID
    ),
    "another hand wrote the spec": Case(CRON, CRON, ["replace"], metadata={"managedFields": [BY_HAND]}),
    "the controller wrote the status: nothing": Case(
        CRON, CRON, [], metadata={"managedFields": [STATUS_BY_CONTROLLER]}
    ),
    "another hand took the labels off": Case(CRON, CRON, ["replace"], metadata={"labels": {}}),
    "another hand took off the label that the operator watches by": Case(
        CRON,
        CRON,
        ["replace"],
        metadata={"labels": {"cronwright.dev/task": "backup", "cronwright.dev/task-uid": TASK_UID}},
    ),
    "another hand took the owner off": Case(CRON, CRON, ["replace"], metadata={"ownerReferences": []}),
    "another hand took the annotation off": Case(CRON, CRON, ["replace"], metadata={"annotations": {}}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_writes(case: Case) -> None:
    task = parse_task(a_task(**case.after))
    plan = choose(task)
    observed = None
    if case.before is not None:
        observed = parse_cron_job(a_cron_job(a_task(**case.before), case.remembered, **case.metadata))

    found = steps(observed, cron_job(task, plan, RUNNER), plan, NOW)

    assert [told(step) for step in found] == case.writes


@pytest.mark.parametrize(
    ("changed", "first"),
    [({"schedule": "0 0 1 1 *"}, SECOND), ({"timeZone": "Asia/Tokyo"}, SECOND), ({"suspend": True}, SECOND)],
    ids=["schedule", "zone", "suspend"],
)
def test_what_another_hand_changed_is_put_back_without_firing(changed: dict[str, Any], first: datetime) -> None:
    manifest = a_cron_job(a_task(**CRON), DUE, managedFields=[BY_HAND])
    manifest["spec"] = {**manifest["spec"], **changed}
    task = parse_task(a_task(**CRON))
    plan = choose(task)

    found = steps(parse_cron_job(manifest), cron_job(task, plan, RUNNER), plan, NOW)

    assert [told(step) for step in found] == [first, "replace"]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_done_once_there_is_nothing_left_to_do(case: Case) -> None:
    task = parse_task(a_task(**case.after))
    plan = choose(task)
    lever = next((time for time in reversed(case.writes) if isinstance(time, datetime)), case.remembered)
    observed = parse_cron_job(a_cron_job(a_task(**case.after), lever))

    assert steps(observed, cron_job(task, plan, RUNNER), plan, NOW) == []


def told(step: CronJobStep) -> str | datetime:
    """Return a step as the table writes it."""
    match step:
        case CreateCronJob():
            return "create"
        case ReplaceCronJob():
            return "replace"
        case SetLever(time):
            return time
