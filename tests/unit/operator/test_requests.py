"""What the operator does about the runs that people ask for: a row for each rule, those that do nothing included."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from cronwright.instants import format_seconds
from cronwright.names import RUN_REQUESTED_ANNOTATION
from cronwright.plan.requested import requested_job
from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import scheduled_run_id
from cronwright.run.requests import RunRequest, parse_requests
from cronwright_operator.actions import MakeRun, Tell, WriteStatus
from cronwright_operator.decide import decide
from cronwright_operator.decisions.requests import ASK_AGAIN, MOST_REMEMBERED
from cronwright_operator.decisions.spec import Trouble
from cronwright_operator.errors import StalledError
from cronwright_operator.observe import Key, Observation, Observed
from support.facts import DUE, RUNNER, TASK_UID, a_cron_job, a_job, a_pod, a_task, a_word, at, terminated

ONE, TWO = {"id": "1"}, {"id": "2"}
MISSED: dict[str, Any] = {"id": "missed", "scheduledTime": format_seconds(at(-3600))}
IN_FORCE: dict[str, Any] = {"observedGeneration": 1}


def asked(*requests: Mapping[str, Any], handled: Sequence[str] = (), schedule: str = "* * * * *", **spec: Any) -> Any:
    """Return a Task of which these runs are asked for."""
    task = a_task(schedule, {**IN_FORCE, "handledRunRequests": list(handled)}, **spec)
    task["metadata"]["annotations"] = {RUN_REQUESTED_ANNOTATION: json.dumps(requests)}
    return task


def observe(task: Any, cron_job: Any | None = None, jobs: Sequence[Any] = (), pods: Sequence[Any] = ()) -> Observation:
    """Return what the operator sees: the Task with the CronJob that it has become, and more."""
    observed = Observed()
    observed.put("tasks", task)
    if cron_job is not None:
        observed.put("cronjobs", cron_job)
    for kind, manifests in (("jobs", jobs), ("pods", pods)):
        for manifest in manifests:
            observed.put(kind, manifest)  # type: ignore[arg-type]
    seen = observed.look(Key("shop", "backup"))
    assert seen is not None
    return seen


def made(request: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """Return the Job of a request."""
    (parsed,) = parse_requests(json.dumps([request]))
    job = requested_job(a_cron_job(a_task()), parsed)
    seen = {"uid": "job-uid", "resourceVersion": "6", "creationTimestamp": format_seconds(DUE)}
    own: Any = job["metadata"]
    return {**job, "metadata": {**own, **seen, **metadata}}


def started(*times: datetime) -> frozenset[UUID]:
    """Return the ids of the runs of these fire times."""
    return frozenset(scheduled_run_id(TASK_UID, time) for time in times)


CRON_JOB = a_cron_job(a_task(), DUE)
SKIPPED = a_job(a_task(), at(-3600), ended="Complete")
SKIP = terminated(0, "Completed", a_word(Outcome.SKIPPED, Reason.STARTING_DEADLINE_PASSED, "late", due=at(-3600)))
STALLED = Trouble(stalled=StalledError(Reason.CRON_JOB_REFUSED, "no"))

CASES: dict[str, tuple[Observation, Trouble | None, list[str]]] = {
    "none": (observe(asked(), CRON_JOB), None, []),
    "one": (observe(asked(ONE), CRON_JOB), None, ["make 1"]),
    "two": (observe(asked(ONE, TWO), CRON_JOB), None, ["make 1", "make 2"]),
    "one that was handled: nothing": (observe(asked(ONE, TWO, handled=["1"]), CRON_JOB), None, ["make 2"]),
    "one with a Job already: nothing": (observe(asked(ONE), CRON_JOB, [made(ONE)]), None, []),
    "a new Task, behind its CronJob": (observe(asked(ONE)), None, ["make 1"]),
    "a paused Task": (observe(asked(ONE, isActive=False), CRON_JOB), None, ["make 1"]),
    "a Task that runs on request": (observe(asked(ONE, schedule="@manual"), CRON_JOB), None, ["make 1"]),
    "a refused edit: the last good plan runs": (observe(asked(ONE), CRON_JOB), STALLED, ["make 1"]),
    "a refused Task without a plan: it waits": (observe(asked(ONE)), STALLED, []),
    "a Task that can't be read: the last good plan runs": (
        observe(asked(ONE) | {"spec": {"schedule": 3}}, CRON_JOB), None, ["make 1"]
    ),
    "a Task beside someone else's CronJob: it waits": (
        observe(asked(ONE), a_cron_job(a_task(), ownerReferences=[], labels={})), STALLED, []
    ),
    "Kubernetes does not answer: it waits": (observe(asked(ONE), CRON_JOB), Trouble(answer="503"), []),
    "a loop whose pods have to end first: it waits": (
        observe(
            asked(ONE, schedule="@every 5s", entityName="edited"),
            a_cron_job(a_task("@every 5s"), DUE, start=DUE),
            [a_job(a_task("@every 5s"), DUE, start=DUE)],
        ),
        None,
        [],
    ),
    "a fire time": (observe(asked(MISSED), CRON_JOB), None, ["make missed"]),
    "a fire time that has started": (
        replace(observe(asked(MISSED), CRON_JOB), started=started(at(-3600))), None, ["refuse missed"]
    ),
    "a fire time with a Job": (
        observe(asked(MISSED), CRON_JOB, [a_job(a_task(), at(-3600))]), None, ["refuse missed"]
    ),
    "a fire time whose Job's gate skipped it": (
        observe(asked(MISSED), CRON_JOB, [SKIPPED], [a_pod(SKIPPED, SKIP)]), None, ["make missed"]
    ),
    "a fire time twice": (
        observe(asked(MISSED, MISSED | TWO), CRON_JOB), None, ["make missed", "refuse 2"]
    ),
    "a fire time twice, once with a Job": (
        observe(asked(MISSED, MISSED | TWO), CRON_JOB, [made(MISSED)]), None, ["refuse 2"]
    ),
    "a fire time, without an answer of the timeline: it waits, and others don't": (
        replace(observe(asked(MISSED, ONE), CRON_JOB), started=None), None, ["make 1"]
    ),
    "a fire time of a refused edit: it waits": (observe(asked(MISSED), CRON_JOB), STALLED, []),
    "a fire time that the controller may still start": (
        observe(asked({"id": "due", "scheduledTime": format_seconds(DUE)}), a_cron_job(a_task(), at(-60))),
        None,
        ["refuse due"],
    ),
    "no fire time": (
        observe(asked({"id": "odd", "scheduledTime": format_seconds(at(-7))}), CRON_JOB), None, ["refuse odd"]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "trouble", "expected"), CASES.values(), ids=CASES)
def test_what_becomes_of_requests(seen: Observation, trouble: Trouble | None, expected: list[str]) -> None:
    decision = decide(seen, RUNNER, DUE, trouble)
    told = []
    for action in decision.actions:
        match action:
            case MakeRun(request):
                told.append(f"make {request.id}")
            case Tell(notice) if notice.reason == Reason.RUN_REFUSED:
                told.append(f"refuse {notice.message.split(chr(39))[1]}")
    assert told == expected
    waiting = {request.id for request in seen.task.requests} - set(handled_of(seen, trouble))
    assert ("it waits" in request_name(seen, trouble)) == bool(waiting)


def request_name(seen: Observation, trouble: Trouble | None) -> str:
    """Return the name of a case."""
    return next(name for name, case in CASES.items() if case[0] is seen and case[1] is trouble)


def handled_of(seen: Observation, trouble: Trouble | None = None) -> list[str]:
    """Return the ids of the requests that the status has afterwards as handled."""
    for action in decide(seen, RUNNER, DUE, trouble).actions:
        if isinstance(action, WriteStatus) and "handledRunRequests" in action.patch:
            written: Any = action.patch["handledRunRequests"]
            return list(written)
    return list(seen.task.status.handled_run_requests)


def test_a_run_is_made_after_the_spec_and_before_the_status() -> None:
    actions = decide(observe(asked(ONE)), RUNNER, DUE).actions
    kinds = [type(action).__name__ for action in actions]
    assert kinds == ["CreateCronJob", "MakeRun", "WriteStatus"]
    assert actions[1] == MakeRun(RunRequest("1"))


def test_a_request_that_waits_for_the_timeline_is_looked_at_soon() -> None:
    seen = replace(observe(asked(MISSED), CRON_JOB), started=None)
    assert decide(seen, RUNNER, DUE).look_again_at <= DUE + ASK_AGAIN


REMEMBERED: dict[str, tuple[list[str], list[Mapping[str, Any]], list[str]]] = {
    "what stands in the annotation, and what did": (["old"], [ONE], ["old", "1"]),
    "the latest of what did": (
        [f"old-{number}" for number in range(MOST_REMEMBERED + 3)],
        [ONE],
        [*(f"old-{number}" for number in range(3, MOST_REMEMBERED + 3)), "1"],
    ),
    "all that stands in it, however old": (
        ["1", *(f"old-{number}" for number in range(MOST_REMEMBERED))],
        [ONE, TWO],
        ["1", *(f"old-{number}" for number in range(MOST_REMEMBERED)), "2"],
    ),
}


@pytest.mark.parametrize(("before", "requests", "expected"), REMEMBERED.values(), ids=REMEMBERED)
def test_what_is_remembered(before: list[str], requests: list[Mapping[str, Any]], expected: list[str]) -> None:
    assert handled_of(observe(asked(*requests, handled=before), CRON_JOB)) == expected


def test_an_annotation_that_can_not_be_read_is_told_and_stops_nothing() -> None:
    task = asked(ONE, handled=["1"], entityName="edited")
    task["metadata"]["annotations"][RUN_REQUESTED_ANNOTATION] = "now!"
    actions = decide(observe(task, CRON_JOB), RUNNER, DUE).actions
    assert [type(action).__name__ for action in actions] == ["ReplaceCronJob", "WriteStatus", "Tell"]
    told = next(action.notice for action in actions if isinstance(action, Tell))
    assert (told.reason, told.message[:27]) == (Reason.INVALID_RUN_REQUESTS, "run-requested is not JSON; ")
    assert handled_of(observe(task, CRON_JOB)) == ["1"]
