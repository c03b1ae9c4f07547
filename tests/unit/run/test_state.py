"""How far a run is and how it ended, from its Job and pods: a row for each reason and each wait."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from cronwright.observed.job import parse_job
from cronwright.observed.pod import parse_pod
from cronwright.reasons import EXPLANATIONS, Outcome, Reason
from cronwright.run.ids import manual_run_id, scheduled_run_id
from cronwright.run.state import run_state
from support.facts import DUE, TASK_UID, a_job, a_pod, a_task, a_word, at, running, terminated, waiting

TASK = a_task()
JOB = a_job(TASK)
COMPLETE = a_job(TASK, ended="Complete")


def failed(reason: str = "BackoffLimitExceeded", message: str = "Job has reached the specified backoff limit") -> Any:
    """Return the Job as it failed."""
    return a_job(TASK, ended="Failed", reason=reason, message=message)


PAST_DEADLINE = failed("DeadlineExceeded", "Job was active longer than specified deadline")
QUOTA = 'pods "backup-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0'
POLICY = 'pods "backup-x" is forbidden: violates PodSecurity "restricted:latest": privileged'
UNSCHEDULED: dict[str, Any] = {
    "conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]
}
SUCCEEDED = a_word(Outcome.SUCCEEDED, Reason.COMPLETED, "done")


@dataclass(frozen=True)
class Case:
    """A Job with its pods, seen `seen` seconds after it was due, and what the run then is."""

    job: Any
    pods: list[Any]
    phase: str
    outcome: Outcome | None = None
    reason: Reason | None = None
    message: str = ""
    refusal: str = ""
    last_wait: Reason | None = None
    seen: float = 30


S, F, K = Outcome.SUCCEEDED, Outcome.FAILED, Outcome.SKIPPED

CASES = {
    "no pod yet": Case(JOB, [], "pending"),
    "quota refuses the pod": Case(JOB, [], "pending", None, Reason.QUOTA_EXCEEDED, QUOTA, refusal=QUOTA),
    "a policy refuses the pod": Case(JOB, [], "pending", None, Reason.POD_REFUSED, POLICY, refusal=POLICY),
    "a pod that is being made": Case(JOB, [a_pod(JOB)], "pending"),
    "a container that is being made": Case(JOB, [a_pod(JOB, waiting("ContainerCreating"))], "pending"),
    "no image": Case(
        JOB, [a_pod(JOB, waiting("ImagePullBackOff", "not found"))], "pending", None, Reason.IMAGE_PULL, "not found"
    ),
    "no image, and no word why": Case(
        JOB, [a_pod(JOB, waiting("ErrImageNeverPull"))], "pending", None, Reason.IMAGE_PULL, "ErrImageNeverPull"
    ),
    "an image name that is none": Case(
        JOB, [a_pod(JOB, waiting("InvalidImageName", "bad"))], "pending", None, Reason.IMAGE_PULL, "bad"
    ),
    "a Secret that is not there": Case(
        JOB,
        [a_pod(JOB, waiting("CreateContainerConfigError", 'secret "keys" not found'))],
        "pending",
        None,
        Reason.CONTAINER_CONFIG,
        'secret "keys" not found',
    ),
    "no node yet, for a moment": Case(JOB, [a_pod(JOB, **UNSCHEDULED)], "pending", seen=10),
    "no node": Case(
        JOB, [a_pod(JOB, **UNSCHEDULED)], "pending", None, Reason.UNSCHEDULABLE, "0/1 nodes are available", seen=11
    ),
    "it runs": Case(JOB, [a_pod(JOB, running())], "running"),
    "it ended well, before the Job has": Case(
        JOB, [a_pod(JOB, terminated(0, "Completed", SUCCEEDED))], "finished", S, Reason.COMPLETED, "done"
    ),
    "it was skipped": Case(
        COMPLETE,
        [a_pod(JOB, terminated(0, "Completed", a_word(K, Reason.STARTING_DEADLINE_PASSED, "70 s late")))],
        "finished",
        K,
        Reason.STARTING_DEADLINE_PASSED,
        "70 s late",
    ),
    "it failed, but the Job may make another pod": Case(JOB, [a_pod(JOB, terminated(1, message=a_word()))], "running"),
    "it failed by its own word": Case(
        failed(), [a_pod(JOB, terminated(1, message=a_word()))], "finished", F, Reason.ACTION_FAILED, "exit code 3"
    ),
    "complete, and the pod is gone": Case(COMPLETE, [], "finished", S, Reason.COMPLETED),
    "complete, and the container said nothing": Case(
        COMPLETE, [a_pod(JOB, terminated(0, "Completed"))], "finished", S, Reason.COMPLETED
    ),
    "the runner crashed, and the Job may make another pod": Case(JOB, [a_pod(JOB, terminated(139))], "running"),
    "the runner crashed": Case(
        failed(),
        [a_pod(JOB, terminated(139))],
        "finished",
        F,
        Reason.RUNNER_CRASHED,
        "container runner ended with exit code 139 (Error) and no word about the run",
    ),
    "a word that is none": Case(
        failed(),
        [a_pod(JOB, terminated(1, message="Traceback (most recent call last)"))],
        "finished",
        F,
        Reason.RUNNER_CRASHED,
        "container runner ended with exit code 1 (Error) and no word about the run",
    ),
    "out of memory": Case(
        failed(),
        [a_pod(JOB, terminated(137, "OOMKilled"))],
        "finished",
        F,
        Reason.OOM_KILLED,
        EXPLANATIONS[Reason.OOM_KILLED].sentence,
    ),
    "evicted": Case(
        failed(),
        [a_pod(JOB, terminated(137), reason="Evicted", message="low on memory")],
        "finished",
        F,
        Reason.EVICTED,
        "low on memory",
    ),
    "the pod is gone": Case(
        failed(), [], "finished", F, Reason.POD_LOST, "Job has reached the specified backoff limit"
    ),
    "the pod is gone, and the Job says nothing": Case(
        failed(message=""), [], "finished", F, Reason.POD_LOST, EXPLANATIONS[Reason.POD_LOST].sentence
    ),
    "past its deadline": Case(
        PAST_DEADLINE, [], "finished", F, Reason.DEADLINE_EXCEEDED, "Job was active longer than specified deadline"
    ),
    "past its deadline, having waited for its image": Case(
        PAST_DEADLINE,
        [],
        "finished",
        F,
        Reason.IMAGE_PULL,
        "Job was active longer than specified deadline",
        last_wait=Reason.IMAGE_PULL,
    ),
    "past its deadline, refused by quota": Case(
        PAST_DEADLINE, [], "finished", F, Reason.QUOTA_EXCEEDED, QUOTA, refusal=QUOTA
    ),
    "past its deadline, refused by a policy": Case(
        PAST_DEADLINE, [], "finished", F, Reason.POD_REFUSED, POLICY, refusal=POLICY
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_state(case: Case) -> None:
    run = run_state(parse_job(case.job), list(map(parse_pod, case.pods)), case.refusal, case.last_wait, at(case.seen))
    assert (run.phase, run.outcome, run.reason, run.message) == (case.phase, case.outcome, case.reason, case.message)
    assert (run.finished_at is not None) == (case.phase == "finished")


def test_every_reason_of_a_run_that_kubernetes_can_tell_is_in_the_table() -> None:
    """The others are the runner's or the ticker's own word, which is taken as it is."""
    by_runner = {
        Reason.UNKNOWN_ACTION,
        Reason.INVALID_ATTRIBUTES,
        Reason.TIMED_OUT,
        Reason.TERMINATED,
        Reason.OFF_THE_GRID,
        Reason.SUPERSEDED,
    }
    by_ticker = {Reason.ALREADY_RUNNING, Reason.POD_LATE, Reason.RUNNER_DOWN}
    of_runs = {reason for reason, explanation in EXPLANATIONS.items() if explanation.outcome is not None}
    assert {case.reason for case in CASES.values() if case.reason} >= of_runs - by_runner - by_ticker


TIMES: dict[str, tuple[list[Any], datetime | None, datetime | None]] = {
    "by the runner's word": ([a_pod(JOB, terminated(1, message=a_word()))], at(3), at(9)),
    "by the container": ([a_pod(JOB, terminated(139))], at(2), at(10)),
    "by the Job": ([], None, at(20)),
}


@pytest.mark.parametrize(("pods", "started", "finished"), TIMES.values(), ids=TIMES)
def test_times(pods: list[Any], started: datetime | None, finished: datetime | None) -> None:
    run = run_state(parse_job(failed()), list(map(parse_pod, pods)), "", None, at(60))
    assert (run.started_at, run.finished_at) == (started, finished)


def test_the_newest_pod_tells() -> None:
    first = a_pod(JOB, terminated(139))
    second = a_pod(JOB, running(30))
    second["metadata"] = {**second["metadata"], "name": "second", "creationTimestamp": "2027-01-04T08:00:29Z"}
    for pods in ([first, second], [second, first]):
        run = run_state(parse_job(JOB), list(map(parse_pod, pods)), "", None, at(31))
        assert (run.phase, run.started_at) == ("running", at(30))


def test_the_run_of_a_fire_time_and_one_by_hand() -> None:
    scheduled = run_state(parse_job(JOB), [], "", None, at(1))
    assert (scheduled.run_id, scheduled.scheduled_time) == (scheduled_run_id(TASK_UID, DUE), DUE)
    assert scheduled.due_at == DUE
    by_hand = run_state(parse_job(a_job(TASK, None, made=5)), [], "", None, at(6))
    assert (by_hand.run_id, by_hand.scheduled_time) == (manual_run_id(TASK_UID, "uid-of-by-hand"), None)
    assert by_hand.due_at == at(5)
