"""The steps that bring a loop to its plan, or away from it: one row for each state, those that need nothing included.

The Task is at `@every 5s`, unless a row says otherwise. Its windows open at minute 57 of every hour, so at 08:00 the
one of 07:57 is open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from cronwright.instants import format_seconds
from cronwright.observed.cronjob import CronJobFacts, parse_cron_job
from cronwright.observed.job import parse_job
from cronwright.observed.pod import parse_pod
from cronwright.plan.choose import LoopSettings, choose
from cronwright.plan.lever import CreateCronJob, ReplaceCronJob, SetLever
from cronwright.plan.loop.jobs import JobWithPods
from cronwright.plan.loop.manifests import opened
from cronwright.plan.loop.progress import go_on, progress
from cronwright.plan.loop.steps import AskToEnd, CloseCronJob, DeleteWindow, LoopStep, Progress, ResumeCronJob, Unserved
from cronwright.plan.manifests import cron_job
from cronwright.plan.overlay import overlay
from cronwright.run.end import dump_end
from cronwright.task import parse_task
from support.facts import DUE, RUNNER, a_cron_job, a_job, a_pod, a_task, at, running, terminated

LOOP: dict[str, Any] = {"schedule": "@every 5s"}
OTHER: dict[str, Any] = {"schedule": "@every 7s"}
CRON: dict[str, Any] = {"schedule": "0 3 * * *"}
EVERY: dict[str, Any] = {"schedule": "@every 90s"}
PAUSED = {"isActive": False}

OPENED = at(-180)
"""When the window that is open at `DUE` opened."""
NEXT = at(3420)
BEFORE_OPENED = at(-181)
LONG_AGO = at(-86_400)
"""The loop start of a plan that has been in force for a day."""
START = at(-60)
"""The loop start of a plan whose first window is open."""
BY_HAND = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {}}}


def window(
    opened: datetime = OPENED,
    start: datetime = LONG_AGO,
    *,
    of: Mapping[str, Any] = LOOP,
    pod: str = "running",
    asked: str = "",
    ended: str | None = None,
    ended_at: datetime | None = None,
    **metadata: Any,
) -> JobWithPods:
    """Return the Job of a window, whose pod is running, pending, ending, dying or none."""
    job = a_job(a_task(**of), opened, start=start, ended=ended, ended_at=ended_at, **metadata)
    states: dict[str, tuple[str, Any]] = {
        "running": ("Running", running()),
        "pending": ("Pending", None),
        "ending": ("Succeeded", terminated(0)),
        "dying": ("Running", running()),
    }
    pods = []
    if pod in states and ended is None:
        phase, state = states[pod]
        made = a_pod(job, state, end=asked, phase=phase)
        if pod == "dying":
            made["metadata"]["deletionTimestamp"] = format_seconds(DUE)
        pods = [parse_pod(made)]
    return JobWithPods(parse_job(job), tuple(pods))


def run(due: datetime = OPENED, ended: str | None = None) -> JobWithPods:
    """Return the Job of a run of a former cron plan."""
    return JobWithPods(parse_job(a_job(a_task(), due, ended=ended)), ())


def superseded(seconds: float) -> str:
    """Return the request to end so many seconds after `DUE`."""
    return f"supersede at {format_seconds(at(seconds))}"


@dataclass(frozen=True)
class Case:
    """A CronJob (None: there is none) with its Jobs, the Task as it is to be, and the steps that are due.

    `start` and `suspend` are the CronJob's, `remembered` its last schedule time.
    """

    before: Mapping[str, Any] | None
    steps: list[str]
    after: Mapping[str, Any] = field(default_factory=lambda: LOOP)
    start: datetime | None = None
    suspend: bool = False
    remembered: datetime | None = OPENED
    jobs: Sequence[JobWithPods] = ()
    now: datetime = DUE
    waits_for: str = ""
    look_again: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


def observed(case: Case) -> CronJobFacts | None:
    """Return the CronJob of a row."""
    if case.before is None:
        return None
    task = a_task(**case.before)
    return parse_cron_job(a_cron_job(task, case.remembered, start=case.start, suspend=case.suspend, **case.metadata))


def due(case: Case) -> Progress:
    """Return what is due in a row."""
    task = parse_task(a_task(**case.after))
    plan = choose(task)
    return progress(observed(case), case.jobs, cron_job(task, plan, RUNNER), plan, case.now)


def told(step: LoopStep) -> str:
    """Return a step as the tables write it; times are seconds after `DUE`."""
    match step:
        case CreateCronJob(manifest):
            return f"create {_shown(manifest)}"
        case ReplaceCronJob(manifest):
            return f"replace {_shown(manifest)}"
        case SetLever(time):
            return f"lever {_seconds(time)}"
        case CloseCronJob(start):
            return f"close {_seconds(start)}"
        case ResumeCronJob():
            return "resume"
        case AskToEnd(_, request):
            asked = dump_end(request)
            shown = f"supersede {_seconds(request.superseded_at)}" if request.superseded_at else asked
            return f"ask {shown}"
        case DeleteWindow(job):
            return f"delete {_seconds(job.due.scheduled_time or job.created_at)}"
        case Unserved(job, ticks):
            return f"unserved {_seconds(ticks.first)}…{_seconds(ticks.end)}" + ("" if job else " without a Job")


def _shown(manifest: Mapping[str, Any]) -> str:
    facts = parse_cron_job(
        {**manifest, "metadata": {**manifest["metadata"], "uid": "u", "resourceVersion": "1", "managedFields": []}}
    )
    if facts.loop_start is None:
        return "suspended" if facts.suspend else "plain"
    return f"{'closed' if facts.suspend else 'open'} {_seconds(facts.loop_start)}"


def _seconds(time: datetime) -> str:
    return f"{(time - DUE).total_seconds():+g}"


END_OF_WINDOW = f"the end of Job {window().job.name}"

CASES = {
    "a new loop: all at once": Case(None, ["create closed +5", "lever -181", "replace open +5"]),
    "a new loop, seconds before an opening, begins with it": Case(
        None, ["create closed +3420", "lever +3419", "replace open +3420"], now=at(3411)
    ),
    "a new loop, a second before an opening, begins soon after it": Case(
        None, ["create closed +3424", "lever +3419", "replace open +3424"], now=at(3418.2)
    ),
    "a new loop that is paused": Case(None, ["create suspended"], LOOP | PAUSED),
    "its CronJob was deleted: what ran ends first": Case(
        None, ["create closed +2", "ask supersede +2"], jobs=[window()], waits_for=END_OF_WINDOW, look_again=at(15)
    ),
    "cut after the create": Case(
        LOOP, ["lever -181", "replace open +5"], start=at(5), suspend=True, remembered=None, now=at(1)
    ),
    "cut after the lever": Case(
        LOOP, ["replace open +5"], start=at(5), suspend=True, remembered=BEFORE_OPENED, now=at(1)
    ),
    "cut after the create, found minutes later: the same start, which the window's pod accounts for": Case(
        LOOP, ["lever -181", "replace open +5"], start=at(5), suspend=True, remembered=None, now=at(600)
    ),
    "cut after the create, found in the next window: a start of its own, and the ticks until then are told": Case(
        LOOP,
        ["unserved +5…+3600 without a Job", "replace closed +3600", "lever +3419", "replace open +3600"],
        start=at(5), suspend=True, remembered=None, now=at(3600.5),
    ),
    "a moment before an opening nothing is opened": Case(
        LOOP, [], start=at(5), suspend=True, remembered=None, now=at(3418.5), look_again=NEXT,
        waits_for=f"the window that opens at {format_seconds(NEXT)}",
    ),
    "in force: nothing": Case(LOOP, [], start=LONG_AGO, jobs=[window()], now=at(200)),
    "in force, and the window before still serves: nothing": Case(
        LOOP, [], start=LONG_AGO, jobs=[window(at(-3780)), window()]
    ),
    "in force, in its first window: nothing": Case(LOOP, [], start=START, jobs=[window(start=START)]),
    "in force, before the controller has started the first window: nothing": Case(
        LOOP, [], start=START, remembered=BEFORE_OPENED
    ),
    "in force, at a hand-over: nothing": Case(
        LOOP, [], start=LONG_AGO, remembered=NEXT, jobs=[window(), window(NEXT)], now=at(3425)
    ),
    "in force, with the ended Jobs of windows and of a former plan: nothing": Case(
        LOOP, [], start=LONG_AGO,
        now=at(200),
        jobs=[window(), window(at(-3780), ended="Complete"), window(at(-7380), START, ended="Failed"), run(at(-600))],
    ),
    "in force, and its run made by hand: nothing": Case(
        LOOP, [], start=LONG_AGO, now=at(200),
        jobs=[window(), JobWithPods(parse_job(a_job(a_task(**LOOP), None)), ())],
    ),
    "another history limit: the pods go on": Case(
        LOOP, ["replace open -86400"], LOOP | {"successfulJobsHistoryLimit": 50}, start=LONG_AGO, jobs=[window()],
        now=at(200),
    ),
    "another hand wrote the spec: it is put back, the pods go on": Case(
        LOOP, ["replace open -86400"], start=LONG_AGO, jobs=[window()], now=at(200),
        metadata={"managedFields": [BY_HAND]},
    ),
    "another hand suspended it: opened again, the pods go on": Case(
        LOOP, ["replace open -86400"], start=LONG_AGO, suspend=True, jobs=[window()], now=at(200),
        metadata={"managedFields": [BY_HAND]},
    ),
    "another hand suspended it for a day: what no window served is told": Case(
        LOOP,
        ["unserved -82680…+0 without a Job", "replace closed +0", "lever -181", "replace open +0"],
        start=at(-172_800), suspend=True, remembered=at(-86_580), metadata={"managedFields": [BY_HAND]},
    ),
    "another interval: the pod is told to end": Case(
        LOOP, ["replace closed +2", "ask supersede +2"], OTHER, start=LONG_AGO, jobs=[window()],
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "another interval within the second: the hand-over is at a whole one": Case(
        LOOP, ["replace closed +3", "ask supersede +3"], OTHER, start=LONG_AGO, jobs=[window()], now=at(0.25),
        waits_for=END_OF_WINDOW, look_again=at(16),
    ),
    "another interval, at a hand-over of windows: both pods are told": Case(
        LOOP, ["replace closed +3427", "ask supersede +3427", "ask supersede +3427"], OTHER, start=LONG_AGO,
        remembered=NEXT, jobs=[window(), window(NEXT)], now=at(3425),
        waits_for=f"{END_OF_WINDOW}, {window(NEXT).job.name}", look_again=at(3440),
    ),
    "another interval, seconds before an opening: the hand-over is at the opening": Case(
        LOOP, ["replace closed +3420", "ask supersede +3420"], OTHER, start=LONG_AGO, jobs=[window()], now=at(3412),
        waits_for=END_OF_WINDOW, look_again=at(3433),
    ),
    "another interval where no pod runs: its Job goes at once": Case(
        LOOP, ["replace closed +5", "unserved -60…+5", "delete -180"], OTHER, start=START,
        jobs=[window(start=START, pod="pending")], waits_for=END_OF_WINDOW, look_again=at(18),
    ),
    "another interval where the Job has no pod": Case(
        LOOP, ["replace closed +5", "unserved -60…+5", "delete -180"], OTHER, start=START,
        jobs=[window(start=START, pod="none")], waits_for=END_OF_WINDOW, look_again=at(18),
    ),
    "another interval where the pod is being deleted": Case(
        LOOP, ["replace closed +5", "unserved -60…+5", "delete -180"], OTHER, start=START,
        jobs=[window(start=START, pod="dying")], waits_for=END_OF_WINDOW, look_again=at(18),
    ),
    "another interval where nothing runs and the name is free": Case(
        LOOP, ["replace closed +5", "lever -181", "replace open +5"], OTHER, start=LONG_AGO,
        jobs=[window(at(-3780), ended="Complete")],
    ),
    "told, and it is not yet time": Case(
        OTHER, [], OTHER, start=at(2), suspend=True, jobs=[window(asked=superseded(2))], now=at(1),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "cut before the pod was told, in time to tell it": Case(
        OTHER, ["ask supersede +2"], OTHER, start=at(2), suspend=True, jobs=[window()], now=at(1),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "cut before the pod was told, and its time is past: a new start, and it serves until then": Case(
        OTHER, ["replace closed +62", "ask supersede +62"], OTHER, start=at(2), suspend=True, jobs=[window()],
        now=at(60), waits_for=END_OF_WINDOW, look_again=at(75),
    ),
    "told, and its pod has ended": Case(
        OTHER, [], OTHER, start=at(2), suspend=True, jobs=[window(asked=superseded(2), pod="ending")], now=at(3),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "told, and it does not end: its Job goes": Case(
        OTHER, ["unserved -60…+2", "delete -180"], OTHER, start=at(2), suspend=True,
        jobs=[window(start=START, asked=superseded(2))], now=at(15), waits_for=END_OF_WINDOW,
    ),
    "its Job has ended: it goes, for its name": Case(
        OTHER, ["delete -180"], OTHER, start=at(2), suspend=True, jobs=[window(ended="Complete")], now=at(4),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "its Job is being deleted": Case(
        OTHER, [], OTHER, start=at(2), suspend=True,
        jobs=[window(ended="Complete", deletionTimestamp=format_seconds(at(4)))], now=at(4),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "its Job is gone: the window opens": Case(
        OTHER, ["lever -181", "replace open +2"], OTHER, start=at(2), suspend=True, now=at(5)
    ),
    "its Job of an earlier window has ended: that name is not needed": Case(
        OTHER, ["lever -181", "replace open +2"], OTHER, start=at(2), suspend=True, now=at(5),
        jobs=[window(at(-3780), ended="Complete")],
    ),
    "edited again before it opened: the start is handed on": Case(
        OTHER, ["replace closed +2"], OTHER | {"timeoutSeconds": 5}, start=at(2), suspend=True, now=at(1),
        jobs=[window(asked=superseded(2))], waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "edited again right after it opened": Case(
        OTHER, ["replace closed +6", "ask supersede +6"], OTHER | {"timeoutSeconds": 5}, start=at(2), now=at(4),
        jobs=[window(start=at(2), of=OTHER)], waits_for=END_OF_WINDOW, look_again=at(19),
    ),
    "edited again before its start, with its pod there: no start twice": Case(
        LOOP, ["replace closed +6", "ask supersede +6"], OTHER, start=at(5), now=at(3),
        jobs=[window(start=at(5))], waits_for=END_OF_WINDOW, look_again=at(19),
    ),
    "open with a Job of an older plan, as after a race with the controller: ended like any other": Case(
        OTHER, ["replace closed +2", "ask supersede +2"], OTHER, start=START, jobs=[window()],
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "paused: the CronJob first, then the pods": Case(
        LOOP, ["replace suspended", "ask finish"], LOOP | PAUSED, start=LONG_AGO, jobs=[window()]
    ),
    "cut before the pods were asked": Case(
        LOOP | PAUSED, ["ask finish"], LOOP | PAUSED, jobs=[window()]
    ),
    "paused, and a tick finishes: nothing": Case(
        LOOP | PAUSED, [], LOOP | PAUSED, jobs=[window(asked="finish")]
    ),
    "paused where no pod runs: its Job goes": Case(
        LOOP | PAUSED, ["unserved -60…+0", "delete -180"], LOOP | PAUSED, jobs=[window(start=START, pod="pending")]
    ),
    "paused for long: nothing": Case(LOOP | PAUSED, [], LOOP | PAUSED, jobs=[window(ended="Complete")]),
    "resumed: the Job of the open window goes, for its name": Case(
        LOOP | PAUSED, ["replace closed +5", "delete -180"], jobs=[window(ended="Complete")],
        waits_for=END_OF_WINDOW, look_again=at(18),
    ),
    "resumed in a later window": Case(
        LOOP | PAUSED, ["replace closed +5", "lever -181", "replace open +5"],
        jobs=[window(at(-3780), ended="Complete")],
    ),
    "resumed while a tick finishes: it is told to end": Case(
        LOOP | PAUSED, ["replace closed +2", "ask supersede +2"], jobs=[window(asked="finish")],
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "from a cron line: nothing waits": Case(
        CRON, ["replace closed +5", "lever -181", "replace open +5"], remembered=LONG_AGO, jobs=[run(at(-18_000))]
    ),
    "from a cron line, with a run that has the window's name: it may finish": Case(
        {"schedule": "* * * * *"}, ["replace closed +5"], jobs=[run()],
        waits_for=END_OF_WINDOW, look_again=at(18),
    ),
    "from a cron line, with an ended run that has the window's name: its Job goes": Case(
        {"schedule": "* * * * *"}, ["replace closed +5", "delete -180"], jobs=[run(ended="Complete")],
        waits_for=END_OF_WINDOW, look_again=at(18),
    ),
    "to a cron line: the pod first, and nothing fires before it has ended": Case(
        LOOP, ["ask supersede +2", "lever +2", "replace plain"], CRON, start=LONG_AGO, jobs=[window()],
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "to a cron line, cut after the pod was told": Case(
        LOOP, ["lever +2", "replace plain"], CRON, start=LONG_AGO, jobs=[window(asked=superseded(2))], now=at(1),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "to a cron line, cut after the lever": Case(
        LOOP, ["lever +2", "replace plain"], CRON, start=LONG_AGO, remembered=at(2),
        jobs=[window(asked=superseded(2))], now=at(1), waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "to a cron line, cut after the replacement": Case(
        CRON, [], CRON, remembered=at(2), jobs=[window(asked=superseded(2))], now=at(1),
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "to a cron line, and the pod does not end: its Job goes": Case(
        CRON, ["unserved -60…+2", "delete -180"], CRON, remembered=at(2),
        jobs=[window(start=START, asked=superseded(2))], now=at(15), waits_for=END_OF_WINDOW,
    ),
    "to a cron line, and all has ended: nothing": Case(CRON, [], CRON, jobs=[window(ended="Complete")]),
    "to an interval that a CronJob can say": Case(
        LOOP, ["ask supersede +2", "lever +2", "replace plain", "lever +0"], EVERY, start=LONG_AGO, jobs=[window()],
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "to request only": Case(
        LOOP, ["ask supersede +2", "replace suspended"], {"schedule": "@manual"}, start=LONG_AGO, jobs=[window()],
        waits_for=END_OF_WINDOW, look_again=at(15),
    ),
    "to a paused cron line: a tick under way may finish": Case(
        LOOP, ["replace suspended", "ask finish"], CRON | PAUSED, start=LONG_AGO, jobs=[window()]
    ),
    "the Job of the open window was deleted a moment ago": Case(
        LOOP, [], start=LONG_AGO, jobs=[window(at(-3780))], now=at(-171), look_again=at(-170)
    ),
    "the Job of the open window was deleted: the controller makes it again": Case(
        LOOP, ["lever -181"], start=LONG_AGO, now=at(200)
    ),
    "it is about to make it: nothing": Case(LOOP, [], start=LONG_AGO, remembered=BEFORE_OPENED, now=at(200)),
    "it has not made the open window's yet, as where it is down: nothing": Case(
        LOOP, [], start=LONG_AGO, remembered=at(-3780), now=at(200)
    ),
    "the Job of the open window has ended early: it goes": Case(
        LOOP, ["delete -180"], start=LONG_AGO, jobs=[window(ended="Failed", ended_at=at(180))], now=at(200)
    ),
    "the Job of the open window ended a moment ago": Case(
        LOOP, [], start=LONG_AGO, jobs=[window(ended="Failed", ended_at=at(195))], now=at(200), look_again=at(205)
    ),
    "the Job of the open window ended early, and is being deleted": Case(
        LOOP, [], start=LONG_AGO, now=at(200),
        jobs=[window(ended="Failed", ended_at=at(180), deletionTimestamp=format_seconds(at(199)))],
    ),
    "the Job of the window before, which still serves, was deleted: a start of its own": Case(
        LOOP,
        ["unserved +120…+3482 without a Job", "replace closed +3482", "ask supersede +3482"],
        start=LONG_AGO, remembered=NEXT, jobs=[window(NEXT)], now=at(3480),
        waits_for=f"the end of Job {window(NEXT).job.name}", look_again=at(3495),
    ),
    "the Job of the window before, which still serves, ended a moment ago": Case(
        LOOP, [], start=LONG_AGO, remembered=NEXT, now=at(3480), look_again=at(3485),
        jobs=[window(ended="Failed", ended_at=at(3475)), window(NEXT)],
    ),
    "the window before the first has no Job: nothing": Case(
        LOOP, [], start=NEXT, remembered=NEXT, jobs=[window(NEXT, NEXT)], now=at(3480)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_steps(case: Case) -> None:
    found = due(case)
    assert [told(step) for step in found.steps] == case.steps
    assert found.waits_for == case.waits_for
    assert found.look_again_at == case.look_again


STALLED: dict[str, Case] = {
    "in force: nothing": Case(LOOP, [], start=LONG_AGO, jobs=[window()], now=at(200)),
    "paused: nothing": Case(LOOP | PAUSED, [], jobs=[window(ended="Complete")]),
    "no CronJob: nothing": Case(None, []),
    "a cron line: nothing": Case(CRON, []),
    "closed for the edit before: the pod ends first": Case(
        OTHER, ["ask supersede +2"], start=at(2), suspend=True, jobs=[window()], waits_for=END_OF_WINDOW,
        look_again=at(15),
    ),
    "closed, and the pod was told": Case(
        OTHER, [], start=at(2), suspend=True, jobs=[window(asked=superseded(2))], waits_for=END_OF_WINDOW,
        look_again=at(15),
    ),
    "closed, and the Job has ended": Case(
        OTHER, ["delete -180"], start=at(2), suspend=True, jobs=[window(ended="Complete")], waits_for=END_OF_WINDOW,
        look_again=at(15),
    ),
    "closed, and nothing is left of what ran before": Case(
        OTHER, ["lever -181", "resume"], start=at(2), suspend=True, now=at(5)
    ),
    "cut after the lever": Case(
        OTHER, ["resume"], start=at(2), suspend=True, remembered=BEFORE_OPENED, now=at(5)
    ),
    "closed, and the pod was not told in time: a new start, and it serves until then": Case(
        OTHER, ["close +62", "ask supersede +62"], start=at(2), suspend=True, jobs=[window()], now=at(60),
        waits_for=END_OF_WINDOW, look_again=at(75),
    ),
    "found in a later window: a start of its own, and the ticks until then are told": Case(
        OTHER, ["unserved +2…+3500 without a Job", "close +3500", "lever +3419", "resume"], start=at(2), suspend=True,
        now=at(3500),
    ),
    "a moment before an opening nothing is opened": Case(
        OTHER, [], start=at(2), suspend=True, now=at(3419), look_again=NEXT,
        waits_for=f"the window that opens at {format_seconds(NEXT)}",
    ),
    "closed with its own Job, which has ended: that goes, for its name": Case(
        OTHER, ["delete -180"], start=at(2), suspend=True, jobs=[window(start=at(2), ended="Complete")], now=at(30),
        waits_for=END_OF_WINDOW,
    ),
    "in force, and the Job of the open window was deleted: the controller makes it again": Case(
        LOOP, ["lever -181"], start=LONG_AGO, now=at(200)
    ),
    "in force, and the Job of the open window was deleted a moment ago": Case(
        LOOP, [], start=LONG_AGO, jobs=[window(at(-3780))], now=at(-171), look_again=at(-170)
    ),
    "in force, and the Job of the open window has ended early: it goes": Case(
        LOOP, ["delete -180"], start=LONG_AGO, jobs=[window(ended="Failed", ended_at=at(180))], now=at(200)
    ),
    "in force, and the Job of the window before, which still serves, was deleted: a start of its own": Case(
        LOOP, ["unserved +120…+3482 without a Job", "close +3482", "ask supersede +3482"],
        start=LONG_AGO, remembered=NEXT, jobs=[window(NEXT)], now=at(3480),
        waits_for=f"the end of Job {window(NEXT).job.name}", look_again=at(3495),
    ),
    "another hand wrote the spec: left alone": Case(
        LOOP, [], start=LONG_AGO, jobs=[window()], now=at(200), metadata={"managedFields": [BY_HAND]}
    ),
    "suspended by another hand, and served": Case(
        LOOP, ["resume"], start=LONG_AGO, suspend=True, jobs=[window()], now=at(200)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STALLED.values(), ids=STALLED)
def test_the_last_good_plan_goes_on_where_the_task_stalls(case: Case) -> None:
    found = go_on(observed(case), case.jobs, case.now)
    assert [told(step) for step in found.steps] == case.steps
    assert found.waits_for == case.waits_for
    assert found.look_again_at == case.look_again


LOOPS_ONLY = LoopSettings(native_every=False)


def test_where_no_cron_job_takes_every_an_edit_of_the_setting_alone_makes_it_a_loop() -> None:
    task = parse_task(a_task(**EVERY))
    plan = choose(task, LOOPS_ONLY)
    native = parse_cron_job(a_cron_job(a_task(**EVERY), at(-60)))

    found = progress(native, (), cron_job(task, plan, RUNNER), plan, DUE)

    assert [told(step) for step in found.steps] == ["replace closed +5", "lever -181", "replace open +5"]


@pytest.mark.parametrize(("hours", "steps"), {35: [], 7: ["lever -181"]}.items())
def test_a_window_without_a_tick_is_not_given_its_job_again(hours: int, steps: list[str]) -> None:
    """It ends at once, and may be gone; that of an interval with a tick before 09:02 is missed."""
    task = parse_task(a_task(f"@every {hours}h"))
    plan = choose(task, LOOPS_ONLY)
    manifest = cron_job(task, plan, RUNNER)
    metadata = {"uid": "cron-job-uid", "resourceVersion": "5"}
    made = overlay(
        opened(manifest, LONG_AGO), {"metadata": metadata, "status": {"lastScheduleTime": format_seconds(OPENED)}}
    )

    found = progress(parse_cron_job(made), (), manifest, plan, at(200))

    assert [told(step) for step in found.steps] == steps
