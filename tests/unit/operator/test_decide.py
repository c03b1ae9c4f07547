"""What the operator does about a Task, and when it looks again: a row for each rule, those that do nothing included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from cronwright.instants import format_seconds
from cronwright.names import MANIFEST_HASH_ANNOTATION
from cronwright.plan.choose import LoopSettings, choose
from cronwright.plan.loop.manifests import opened
from cronwright.plan.manifests import cron_job
from cronwright.plan.pod import RunnerSettings
from cronwright.reasons import Outcome, Reason
from cronwright.run.merging import Merged, dump_merged
from cronwright.run.ticks import TickFacts
from cronwright.task import parse_task
from cronwright_operator.actions import Action, Claim, DeleteJob, EndJob, Report, Tell, WriteStatus
from cronwright_operator.decide import Decision, decide
from cronwright_operator.decisions.runs import is_stuck
from cronwright_operator.decisions.spec import Trouble
from cronwright_operator.errors import StalledError
from cronwright_operator.observe import Key, Observation, Observed
from support.facts import (
    DUE,
    RUNNER,
    WITH_TIMELINE,
    a_cron_job,
    a_job,
    a_pod,
    a_task,
    a_word,
    at,
    running,
    terminated,
    waiting,
)

KEY = Key("shop", "backup")


def observe(
    task: Mapping[str, Any],
    cron_job: Mapping[str, Any] | None = None,
    jobs: Sequence[Any] = (),
    pods: Sequence[Any] = (),
    reported: Sequence[str] = (),
) -> Observation:
    """Return what the operator sees of these objects."""
    observed = Observed()
    observed.put("tasks", task)
    if cron_job is not None:
        observed.put("cronjobs", cron_job)
    for job in jobs:
        observed.put("jobs", job)
    for pod in pods:
        observed.put("pods", pod)
    observed.reported.update(reported)
    seen = observed.look(KEY)
    assert seen is not None
    return seen


def settled(
    task: Mapping[str, Any],
    jobs: Sequence[Any] = (),
    pods: Sequence[Any] = (),
    now: datetime = DUE,
    runner: RunnerSettings = RUNNER,
) -> dict[str, Any]:
    """Return `task` with the status that it has once the operator has looked at all this."""
    seen = observe(task, a_cron_job_of(task, runner), jobs, pods)
    for action in decide(seen, runner, now).actions:
        if isinstance(action, WriteStatus):
            return {**task, "status": merged(task["status"], action.patch)}
    return dict(task)


def merged(before: Any, patch: Any) -> Any:
    """Return `before` with an RFC 7386 merge patch applied."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(before) if isinstance(before, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def a_cron_job_of(task: Mapping[str, Any], runner: RunnerSettings = RUNNER, **metadata: Any) -> dict[str, Any]:
    """Return the CronJob that follows `task` already."""
    manifest = a_cron_job(task, DUE, **metadata)
    parsed = parse_task(task)
    due: Any = cron_job(parsed, choose(parsed), runner)["metadata"]
    if "annotations" not in metadata:
        manifest["metadata"]["annotations"] = {
            MANIFEST_HASH_ANNOTATION: due["annotations"][MANIFEST_HASH_ANNOTATION],
        }
    return manifest


def told(actions: Sequence[Action]) -> list[str]:
    """Return actions as a table writes them."""
    return [
        f"{type(action).__name__} {action.notice.type} {action.notice.reason}"
        if isinstance(action, Tell)
        else type(action).__name__
        for action in actions
    ]


NEW = a_task()
OLD = settled(NEW)
EVERY = a_task("@every 90s")
PICKY: dict[str, Any] = {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}
STALLED = StalledError(Reason.NAME_TAKEN, "CronJob backup belongs to someone else; delete it")

SPEC: dict[str, tuple[Observation, Trouble | None, list[str]]] = {
    "a new Task": (observe(NEW), None, ["CreateCronJob", "WriteStatus"]),
    "a new every": (observe(EVERY), None, ["CreateCronJob", "SetLever", "WriteStatus"]),
    "a Task in force: nothing": (observe(OLD, a_cron_job_of(OLD)), None, []),
    "its CronJob is gone": (observe(OLD), None, ["CreateCronJob"]),
    "edited": (
        observe(OLD | {"spec": a_task("0 3 * * *")["spec"], "metadata": OLD["metadata"] | {"generation": 2}},
                a_cron_job_of(OLD)),
        None,
        ["SetLever", "ReplaceCronJob", "WriteStatus"],
    ),
    "edited, with a template that may be refused": (
        observe(OLD | {"spec": a_task("0 3 * * *", **PICKY)["spec"]}, a_cron_job_of(OLD)),
        None,
        ["TryCronJob", "SetLever", "ReplaceCronJob", "WriteStatus"],
    ),
    "the template alone edited": (
        observe(OLD | {"spec": a_task(**PICKY)["spec"]}, a_cron_job_of(OLD)),
        None,
        ["ReplaceCronJob"],
    ),
    "someone else's CronJob is left to the create, which says so": (
        observe(OLD, a_cron_job_of(OLD, ownerReferences=[], labels={})),
        None,
        ["CreateCronJob"],
    ),
    "one that lost its owner is known by its label": (
        observe(OLD, a_cron_job_of(OLD, ownerReferences=[])),
        None,
        ["ReplaceCronJob"],
    ),
    "the name is taken": (
        observe(NEW), Trouble(stalled=STALLED), ["WriteStatus", "Tell Warning NameTaken"]
    ),
    "Kubernetes does not answer": (observe(NEW), Trouble(answer="503"), ["WriteStatus"]),
    "a schedule that can't be put in force": (
        observe(a_task("@every 30s", concurrencyPolicy="Replace"), a_cron_job_of(OLD)),
        None,
        ["WriteStatus", "Tell Warning LoopReplace"],
    ),
    "a Task that can't be read": (
        observe(NEW | {"spec": {"schedule": 3}}), None, ["WriteStatus", "Tell Warning InvalidTask"]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "trouble", "expected"), SPEC.values(), ids=SPEC)
def test_what_becomes_of_the_spec(seen: Observation, trouble: Trouble | None, expected: list[str]) -> None:
    assert told(decide(seen, RUNNER, DUE, trouble).actions) == expected


LIMITS: dict[str, Any] = {"successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0}


def ended(minute: int, how: str = "Complete", **metadata: Any) -> dict[str, Any]:
    """Return the Job of some minute after `DUE`, ended twenty seconds into it."""
    return a_job(NEW, at(60 * minute), ended=how, ended_at=at(60 * minute + 20), **metadata)


def names(decision: Decision, kind: type[DeleteJob] | type[EndJob]) -> list[str]:
    """Return the names of the Jobs that are deleted, or ended."""
    return [action.job.name for action in decision.actions if isinstance(action, kind)]


def name(minute: int) -> str:
    """Return the name of the Job of some minute after `DUE`."""
    return str(ended(minute)["metadata"]["name"])


TRIMS: dict[str, tuple[list[Any], dict[str, Any], list[str]]] = {
    "as many as the limit: nothing": ([ended(0)], LIMITS, []),
    "one more: the oldest goes": ([ended(1), ended(0)], LIMITS, [name(0)]),
    "failed ones have a limit of their own": ([ended(0, "Failed"), ended(1)], LIMITS, [name(0)]),
    "one that runs is none of them": ([a_job(NEW), ended(1)], LIMITS, []),
    "one that is being deleted": (
        [ended(0, deletionTimestamp="2027-01-04T09:00:00Z"), ended(1)], LIMITS, []
    ),
    "the default keeps three": ([ended(minute) for minute in range(5)], {}, [name(0), name(1)]),
    "one that a person made is the person's": (
        [a_job(NEW, None, ended="Complete"), ended(1)], LIMITS, []
    ),
}  # fmt: skip


@pytest.mark.parametrize(("jobs", "spec", "expected"), TRIMS.values(), ids=TRIMS)
def test_jobs_beyond_the_limits_are_deleted(jobs: list[Any], spec: dict[str, Any], expected: list[str]) -> None:
    task = a_task(**spec)
    assert names(decide(observe(task, a_cron_job_of(task), jobs), RUNNER, at(600)), DeleteJob) == expected


JOB = a_job(NEW)
FAILED = a_job(NEW, ended="Failed", reason="BackoffLimitExceeded")
UID = JOB["metadata"]["uid"]


@dataclass(frozen=True)
class End:
    """An ended Job with its pods, seen some seconds after it was due, and who is told of its end, when."""

    job: Any
    pods: list[Any]
    seen: float
    reported_by: str | None
    look_again: float | None = None
    reported: list[str] = field(default_factory=list)


ENDS = {
    "the runner has told: nothing": End(FAILED, [a_pod(JOB, terminated(1, message=a_word()))], 3600, None),
    "the runner could not tell: its word is passed on at once": End(
        FAILED, [a_pod(JOB, terminated(1, message=a_word(delivered=False)))], 21, "runner"
    ),
    "it was passed on already": End(
        FAILED, [a_pod(JOB, terminated(1, message=a_word(delivered=False)))], 21, None, reported=[UID]
    ),
    "no word: the runner may still tell": End(FAILED, [a_pod(JOB, terminated(137, "OOMKilled"))], 49, None, 50),
    "no word for half a minute after the end": End(FAILED, [a_pod(JOB, terminated(137, "OOMKilled"))], 50, "operator"),
    "the pod is gone": End(FAILED, [], 50, "operator"),
    "complete: its runner ended well, so it has told": End(a_job(NEW, ended="Complete"), [], 3600, None),
    "it runs": End(JOB, [a_pod(JOB, running())], 50, None),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_ends_that_nobody_else_can_tell_are_reported(end: End) -> None:
    seen = observe(NEW, a_cron_job_of(NEW, WITH_TIMELINE), [end.job], end.pods, end.reported)
    decision = decide(seen, WITH_TIMELINE, at(end.seen))
    reports = [action for action in decision.actions if isinstance(action, Report)]
    assert [report.event.reported_by for report in reports] == ([end.reported_by] if end.reported_by else [])
    if end.look_again:
        assert decision.look_again_at == at(end.look_again)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_without_a_timeline_nothing_is_reported(end: End) -> None:
    decision = decide(observe(NEW, a_cron_job_of(NEW), [end.job], end.pods), RUNNER, at(end.seen))
    assert not [action for action in decision.actions if isinstance(action, Report)]


def test_a_job_is_kept_until_its_end_is_on_the_timeline() -> None:
    task = a_task(failedJobsHistoryLimit=0)
    failed = a_job(task, ended="Failed")

    def deleted(seconds: float, reported: Sequence[str] = ()) -> list[str]:
        seen = observe(task, a_cron_job_of(task, WITH_TIMELINE), [failed], reported=reported)
        return names(decide(seen, WITH_TIMELINE, at(seconds)), DeleteJob)

    assert deleted(49) == [], "the runner may still tell"
    assert deleted(50) == [], "it is being reported"
    assert deleted(51, [UID]) == [failed["metadata"]["name"]]


NO_IMAGE = a_pod(JOB, waiting("ImagePullBackOff", "not found"))

WAITS: dict[str, tuple[Any, list[Any], float, bool]] = {
    "in time": (JOB, [NO_IMAGE], 60, False),
    "past its deadline": (JOB, [NO_IMAGE], 61, True),
    "past its deadline, but it runs": (JOB, [a_pod(JOB, running())], 61, False),
    "past its deadline, and it may start any moment": (JOB, [a_pod(JOB)], 61, False),
    "it is being ended already": (JOB | {"spec": JOB["spec"] | {"activeDeadlineSeconds": 1}}, [NO_IMAGE], 61, False),
    "made by hand": (a_job(NEW, None), [a_pod(a_job(NEW, None), waiting("ErrImagePull"))], 3600, False),
}


@pytest.mark.parametrize(("job", "pods", "seconds", "is_ended"), WAITS.values(), ids=WAITS)
def test_what_can_no_longer_start_is_ended(job: Any, pods: list[Any], seconds: float, is_ended: bool) -> None:
    decision = decide(observe(NEW, a_cron_job_of(NEW), [job], pods), RUNNER, at(seconds))
    assert names(decision, EndJob) == ([job["metadata"]["name"]] if is_ended else [])


AGAIN: dict[str, tuple[dict[str, Any], list[Any], list[Any], float, datetime | None]] = {
    "after the next fire time": (a_task("*/5 * * * *"), [], [], 0, at(305)),
    "within an hour in any case": (a_task("@yearly"), [], [], 0, at(3600)),
    "paused": (a_task(isActive=False), [], [], 0, at(3600)),
    "a pod that does not come": (a_task("@yearly"), [JOB], [], 3, at(10)),
    "a wait that goes on": (a_task("@yearly"), [JOB], [NO_IMAGE], 12, at(22)),
    "a wait that may not go on": (a_task("@yearly"), [JOB], [NO_IMAGE], 55, at(60)),
}


@pytest.mark.parametrize(("task", "jobs", "pods", "seconds", "expected"), AGAIN.values(), ids=AGAIN)
def test_when_to_look_again(
    task: dict[str, Any], jobs: list[Any], pods: list[Any], seconds: float, expected: datetime | None
) -> None:
    assert decide(observe(task, a_cron_job_of(task), jobs, pods), RUNNER, at(seconds)).look_again_at == expected


STUCK: dict[str, tuple[Any, list[Any], float, bool]] = {
    "just made": (JOB, [], 1, False),
    "no pod after two seconds": (JOB, [], 2, True),
    "it has a pod": (JOB, [a_pod(JOB)], 60, False),
    "it has ended": (a_job(NEW, ended="Complete"), [], 60, False),
}


@pytest.mark.parametrize(("job", "pods", "seconds", "expected"), STUCK.values(), ids=STUCK)
def test_when_the_job_controllers_complaints_are_read(
    job: Any, pods: list[Any], seconds: float, expected: bool
) -> None:
    seen = observe(NEW, None, [job], pods)
    assert is_stuck(seen, seen.jobs[0], at(seconds)) == expected


STORIES: dict[str, list[tuple[list[Any], list[Any], float]]] = {
    "a run that succeeds": [
        ([JOB], [], 1),
        ([JOB], [a_pod(JOB, running())], 3),
        ([a_job(NEW, ended="Complete")],
         [a_pod(JOB, terminated(0, "Completed", a_word(Outcome.SUCCEEDED, Reason.COMPLETED, "")))], 21),
        ([a_job(NEW, ended="Complete")], [], 90),
    ],
    "an image that can't be pulled": [
        ([JOB], [a_pod(JOB, waiting("ErrImagePull", "not found"))], 3),
        ([JOB], [a_pod(JOB, waiting("ImagePullBackOff", "back-off"))], 20),
        ([a_job(NEW, ended="Failed", reason="DeadlineExceeded", ended_at=at(62))], [], 63),
    ],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_each_step_is_written_once(story: list[tuple[list[Any], list[Any], float]]) -> None:
    task = OLD
    for jobs, pods, seconds in story:
        task = settled(task, jobs, pods, at(seconds))
        again = decide(observe(task, a_cron_job_of(task), jobs, pods), RUNNER, at(seconds + 0.5))
        assert told(again.actions) == []


def test_a_job_that_waited_for_its_image_and_was_ended_says_so() -> None:
    task = OLD
    for jobs, pods, seconds in STORIES["an image that can't be pulled"]:
        task = settled(task, jobs, pods, at(seconds))
    last = task["status"]["lastRun"]
    assert (last["outcome"], last["reason"]) == ("Failed", "ImagePull")
    assert task["status"]["consecutiveFailures"] == 1


# Loops: the windows of this one open at minute 57, and now is 08:03:20.

LOOP = a_task("@every 5s")
OPENED, STARTED, NOW = at(-180), at(-60), at(200)


def a_window(ended: str | None = None, start: datetime = STARTED, **more: Any) -> dict[str, Any]:
    """Return the Job of the open window."""
    return a_job(LOOP, OPENED, ended=ended, start=start, **more)


WINDOW = a_window()
SERVES = a_pod(WINDOW, running(), phase="Running")


def loop_decision(
    task: Mapping[str, Any] = LOOP,
    jobs: Sequence[Any] = (WINDOW,),
    pods: Sequence[Any] = (SERVES,),
    reported: Sequence[str] = (),
    cron_job: Mapping[str, Any] | None = None,
    runner: RunnerSettings = WITH_TIMELINE,
    now: datetime = NOW,
    **seen: Any,
) -> Decision:
    """Return what is decided about a loop, by default one whose window is served."""
    observed = observe(task, cron_job or a_cron_job_with(task, runner), jobs, pods, reported)
    return decide(replace(observed, **seen), runner, now)


def a_cron_job_with(task: Mapping[str, Any], runner: RunnerSettings) -> dict[str, Any]:
    """Return the open CronJob of a loop as an operator with these settings made it."""
    parsed = parse_task(task)
    base = cron_job(parsed, choose(parsed), runner)
    made: Any = opened(base, STARTED)
    wrote = {"manager": "cronwright", "operation": "Update", "fieldsV1": {"f:spec": {}}}
    seen = {"uid": "cron-job-uid", "resourceVersion": "5", "managedFields": [wrote]}
    return {**made, "metadata": {**made["metadata"], **seen}, "status": {"lastScheduleTime": format_seconds(OPENED)}}


def status_of(decision: Decision) -> Mapping[str, Any]:
    """Return the status that is written, empty where none is."""
    return next((action.patch for action in decision.actions if isinstance(action, WriteStatus)), {})


def condition_of(decision: Decision, kind: str) -> tuple[str, str]:
    """Return status and reason of a condition that is written."""
    conditions: Any = status_of(decision)["conditions"]
    return next((found["status"], found["reason"]) for found in conditions if found["type"] == kind)


def test_a_window_is_no_run() -> None:
    decision = loop_decision()
    status = status_of(decision)
    assert told(decision.actions) == ["WriteStatus"]
    assert "lastRun" not in status
    assert status["active"] == 1, "its pod runs"
    assert condition_of(decision, "Ready") == ("True", "InForce")
    assert condition_of(decision, "Healthy") == ("Unknown", "NoRunYet")


def test_a_loop_whose_older_pod_has_to_end_is_not_ready() -> None:
    edited = LOOP | {"spec": a_task("@every 7s")["spec"]}
    decision = loop_decision(edited, cron_job=a_cron_job_with(LOOP, WITH_TIMELINE))
    assert told(decision.actions) == ["ReplaceCronJob", "AskToEnd", "WriteStatus"]
    assert condition_of(decision, "Ready") == ("False", "Progressing")
    assert condition_of(decision, "Reconciling") == ("True", "Progressing")
    conditions: Any = status_of(decision)["conditions"]
    assert f"waits for the end of Job {WINDOW['metadata']['name']}" in [found["message"] for found in conditions]


def test_a_loop_that_becomes_a_cron_line_with_a_template_is_tried_first() -> None:
    edited = LOOP | {"spec": a_task("0 3 * * *", **PICKY)["spec"]}
    decision = loop_decision(edited, cron_job=a_cron_job_with(LOOP, WITH_TIMELINE))
    assert told(decision.actions) == ["TryCronJob", "AskToEnd", "SetLever", "ReplaceCronJob", "WriteStatus"]


STUCK_PODS: dict[str, tuple[list[Any], str]] = {
    "no image": ([a_pod(WINDOW, waiting("ErrImagePull", "not found"))], "ImagePull"),
    "no node": (
        [a_pod(WINDOW, conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes"}])],
        "Unschedulable",
    ),
    "a ticker that does not start": ([a_pod(WINDOW, waiting("CrashLoopBackOff", "back-off 10s"))], "RunnerCrashed"),
}


@pytest.mark.parametrize(("pods", "reason"), STUCK_PODS.values(), ids=STUCK_PODS)
def test_a_window_that_waits_is_not_healthy(pods: list[Any], reason: str) -> None:
    decision = loop_decision(pods=pods)
    assert condition_of(decision, "Healthy") == ("False", reason)
    assert status_of(decision)["active"] == 0
    assert decision.look_again_at == at(210), "a wait is looked at again"
    assert not names(decision, EndJob), "its ticks are told as they pass"


def test_a_window_that_waits_for_the_same_in_other_words_costs_no_write() -> None:
    task = dict(LOOP)
    for message in ("not found", "back-off"):
        decision = loop_decision(task, pods=[a_pod(WINDOW, waiting("ErrImagePull", message))])
        task = {**task, "status": merged(task["status"], status_of(decision))}
    assert told(decision.actions) == []


def test_what_a_failed_window_owned_is_claimed_once() -> None:
    failed = a_window("Failed", reason="DeadlineExceeded", ended_at=at(100))
    decision = loop_decision(jobs=[failed], pods=[])
    claims = [action for action in decision.actions if isinstance(action, Claim)]
    spans = [(span.first_at, span.last_at, span.count, span.reason) for claim in claims for span in claim.spans]
    assert spans == [(at(-60), at(95), 32, Reason.DEADLINE_EXCEEDED)]
    assert [claim.of for claim in claims] == [failed["metadata"]["uid"]]
    again = loop_decision(jobs=[failed], pods=[], reported=[failed["metadata"]["uid"]])
    assert not [action for action in again.actions if isinstance(action, Claim)]
    without = loop_decision(jobs=[failed], pods=[], runner=RUNNER)
    assert not [action for action in without.actions if isinstance(action, Claim)]


def test_a_window_that_ended_as_it_was_to_claims_nothing() -> None:
    decision = loop_decision(jobs=[a_window("Complete", ended_at=at(100))], pods=[])
    assert not [action for action in decision.actions if isinstance(action, Claim)]


def test_what_a_ticker_could_not_deliver_is_passed_on() -> None:
    left = dump_merged([Merged(Reason.COMPLETED, at(0), at(20), 5), Merged(Reason.ACTION_FAILED, at(25), at(90), 3)])
    pod = a_pod(WINDOW, terminated(0), phase="Succeeded")
    pod["status"]["initContainerStatuses"] = [{"name": "ticker", "state": terminated(0, "Completed", left)}]
    decision = loop_decision(pods=[pod])
    [claim] = [action for action in decision.actions if isinstance(action, Claim)]
    assert [(span.reason, span.first_at, span.last_at, span.count) for span in claim.spans] == [
        (Reason.COMPLETED, at(0), at(20), 5),
        (Reason.ACTION_FAILED, at(25), at(90), 3),
    ]
    assert {span.pod_uid for span in claim.spans} == {"pod-uid"}
    assert claim.of == "pod-uid"
    again = loop_decision(pods=[pod], reported=["pod-uid"])
    assert not [action for action in again.actions if isinstance(action, Claim)]


def test_ticks_that_an_edit_leaves_to_nobody_are_claimed_before_the_job_goes() -> None:
    edited = LOOP | {"spec": a_task("@every 7s")["spec"]}
    decision = loop_decision(edited, pods=[], cron_job=a_cron_job_with(LOOP, WITH_TIMELINE))
    assert told(decision.actions) == ["ReplaceCronJob", "Claim", "DeleteWindow", "WriteStatus"]
    [claim] = [action for action in decision.actions if isinstance(action, Claim)]
    assert [(span.first_at, span.last_at, span.reason) for span in claim.spans] == [(at(-60), at(200), Reason.POD_LATE)]
    assert not claim.of, "the Job is gone when it could be told again"


def test_finished_windows_are_trimmed_to_the_limits() -> None:
    before = [a_job(LOOP, at(-180 - 3600 * hour), ended="Complete", start=STARTED) for hour in range(1, 6)]
    decision = loop_decision(jobs=[WINDOW, *before])
    kept = 3
    assert names(decision, DeleteJob) == [job["metadata"]["name"] for job in reversed(before[kept:])]


TICKS = TickFacts(last_successful_time=at(190), consecutive_failures=0)


def test_where_the_timeline_is_away_a_loop_says_so() -> None:
    decision = loop_decision(ticks=TICKS, timeline_problem="the timeline can't be read: refused")
    assert condition_of(decision, "Healthy") == ("Unknown", "TimelineUnavailable")
    task = {**LOOP, "status": merged(LOOP["status"], status_of(decision))}
    assert told(loop_decision(task, ticks=None, jobs=[WINDOW]).actions) == [], "after a restart it says what it said"
    again = loop_decision(task, ticks=TICKS)
    assert condition_of(again, "Healthy") == ("True", "Completed")


def test_a_loop_beyond_the_limit_is_refused_and_looked_at_again() -> None:
    decision = decide(replace(observe(LOOP), has_room=False), RUNNER, DUE, loops=LoopSettings(max_tasks=2))
    assert told(decision.actions) == ["WriteStatus", "Tell Warning TooManyLoops"]
    assert decision.look_again_at == at(60)
    assert not decision.is_loop


@pytest.mark.parametrize(
    ("task", "holds"),
    [(LOOP, True), (a_task("@every 5s", isActive=False), False), (a_task("* * * * *"), False)],
    ids=["a loop", "a paused one", "a cron line"],
)
def test_who_holds_a_place_among_the_loops(task: dict[str, Any], holds: bool) -> None:
    assert decide(observe(task), RUNNER, DUE).is_loop is holds


def test_a_stalled_edit_of_a_loop_that_was_closed_lets_the_last_good_plan_go_on() -> None:
    """Told first: the writes after it may be what Kubernetes refuses."""
    closed_for_an_edit = a_cron_job(LOOP, OPENED, start=at(190), suspend=True)
    refused = LOOP | {"spec": a_task("@every 5s", timeZone="Europe/Berlinn")["spec"]}
    decision = loop_decision(refused, jobs=[], pods=[], cron_job=closed_for_an_edit)
    assert told(decision.actions) == ["WriteStatus", "Tell Warning UnknownTimeZone", "SetLever", "ResumeCronJob"]


def test_a_stalled_edit_found_in_a_later_window_tells_what_the_last_good_plan_left_to_nobody() -> None:
    """The Task can't say which ticks these are; the CronJob can."""
    closed_for_an_edit = a_cron_job(LOOP, OPENED, start=at(-7200), suspend=True)
    refused = LOOP | {"spec": a_task("@every 5s", timeZone="Europe/Berlinn")["spec"]}
    decision = loop_decision(refused, jobs=[], pods=[], cron_job=closed_for_an_edit)
    assert told(decision.actions)[2:] == ["Claim", "CloseCronJob", "SetLever", "ResumeCronJob"]
    [claim] = [action for action in decision.actions if isinstance(action, Claim)]
    assert [(span.schedule, span.first_at) for span in claim.spans] == [("@every 5s", at(-7200))]
