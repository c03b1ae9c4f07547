"""What keeps an action from being started: the gate, and a pod that isn't what the operator makes."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import scheduled_run_id

from .pod import TASK_UID, Pod
from .timeline import Timeline


def test_a_run_that_starts_too_late_is_skipped(pod: Pod, timeline: Timeline) -> None:
    pod.late(timedelta(hours=2))
    ended = pod.runs("vanishes").run()

    (end,) = timeline.events
    assert (end.kind, end.outcome, end.reason) == ("end", Outcome.SKIPPED, Reason.STARTING_DEADLINE_PASSED)
    assert end.run_id == scheduled_run_id(TASK_UID, pod.this_minute - timedelta(hours=2))
    assert (end.started_at, end.trigger) == (None, "schedule")
    assert "startingDeadlineSeconds is 120" in end.message
    assert ended.exit_code == 0
    assert ended.termination is not None and ended.termination.outcome is Outcome.SKIPPED


def test_a_job_off_the_grid_is_skipped(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("vanishes", schedule=f"{(pod.this_minute.minute + 30) % 60} * * * *").run()

    (end,) = timeline.events
    assert (end.outcome, end.reason) == (Outcome.SKIPPED, Reason.OFF_THE_GRID)
    assert ended.exit_code == 0


def _break_document(pod: Pod) -> None:
    pod.write("task", "{}")


def _empty_document(pod: Pod) -> None:
    pod.write("task", "")


def _break_schedule(pod: Pod) -> None:
    pod.runs("echo", schedule="61 * * * *")


def _break_uid(pod: Pod) -> None:
    pod.runs("echo", uid="six")


def _lose_job_name(pod: Pod) -> None:
    (pod.directory / "job-name").unlink()


def _lose_job_uid(pod: Pod) -> None:
    pod.write("job-name", "mail-sync-by-hand")
    (pod.directory / "job-uid").unlink()


def _break_time(pod: Pod) -> None:
    pod.write("scheduled-time", "tomorrow")


def _lose_pod_uid(pod: Pod) -> None:
    del pod.environment["POD_UID"]


def _break_api_url(pod: Pod) -> None:
    pod.environment["CRONWRIGHT_API_URL"] = "cronwright-api:6336"


PODS: dict[str, tuple[Callable[[Pod], None], str]] = {
    "run document of no fields": (_break_document, "the run document lacks 'namespace'"),
    "no run document": (_empty_document, "is empty; the pod lacks the annotation or label that the operator"),
    "a schedule that can't be read": (_break_schedule, "61"),
    "a uid that is none": (_break_uid, "the run document's uid is 'six', not the UUID of a Task"),
    "no Job name": (
        _lose_job_name,
        "job-name can't be read (No such file or directory); the pod needs the downward-API",
    ),
    "no Job uid for a manual run": (_lose_job_uid, "job-uid can't be read (No such file or directory)"),
    "a scheduled time that is none": (_break_time, "tomorrow"),
    "no POD_UID": (_lose_pod_uid, "POD_UID is not set; give it to container runner from field metadata.uid"),
    "an API address without a scheme": (_break_api_url, "write a URL such as http://cronwright-api:6336"),
}


@pytest.mark.parametrize(("broken", "sentence"), PODS.values(), ids=PODS)
def test_a_pod_that_is_not_the_operators_says_so_and_is_final(
    pod: Pod, timeline: Timeline, broken: Callable[[Pod], None], sentence: str
) -> None:
    broken(pod)
    ended = pod.run()

    assert ended.exit_code == 64
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sentence in ended.termination_text
    assert timeline.posts == []
