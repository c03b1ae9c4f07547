"""How a run is stopped, by its timeout and by SIGTERM, whatever the action does about it, and all that it started."""

from datetime import timedelta
from pathlib import Path

from cronwright.reasons import Outcome, Reason
from cronwright.task import Retry

from .pod import Pod, wait_until
from .timeline import Timeline


def gone(*pids: str) -> bool:
    """Return whether none of the processes `pids` exists."""
    return not any(Path("/proc", pid).exists() for pid in pids)


def test_a_timeout_lets_an_action_clean_up(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("hangs", {"started": pod.path("started")}, timeout_seconds=1).run()

    (end,) = timeline.ends
    assert (end.outcome, end.reason) == (Outcome.FAILED, Reason.TIMED_OUT)
    assert end.message == "the action did not end within timeoutSeconds, 1 s"
    assert "cleaned up" in ended.stdout
    assert ended.exit_code == 64
    assert ended.seconds < 5


def test_a_timeout_kills_what_ignores_sigterm_and_its_children(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("hangs_deaf", {"pids": pod.path("pids")}, timeout_seconds=1).run()

    (end,) = timeline.ends
    assert (end.outcome, end.reason) == (Outcome.FAILED, Reason.TIMED_OUT)
    assert end.message == "the action did not end within timeoutSeconds, 1 s; it ignored SIGTERM and was killed"
    assert end.duration_ms is not None and 11_000 <= end.duration_ms < 13_000
    assert ended.exit_code == 64
    assert gone(*(pod.directory / "pids").read_text().split())


def test_a_timeout_stops_a_command_with_its_children(pod: Pod, timeline: Timeline) -> None:
    script = f"sleep 3600 & echo $$ $! > {pod.path('pids')}; wait"
    pod.runs("command", {"command": ["sh", "-c", script]}, timeout_seconds=1).run()

    (end,) = timeline.ends
    assert end.reason is Reason.TIMED_OUT
    assert gone(*(pod.directory / "pids").read_text().split())


def test_a_timeout_is_retried(pod: Pod, timeline: Timeline) -> None:
    pod.runs("hangs", {"started": pod.path("started")}, timeout_seconds=1, retry=Retry(1, 0)).run()

    first, last = timeline.ends
    assert (first.reason, first.attempt, first.retry_at is None) == (Reason.TIMED_OUT, 1, False)
    assert (last.reason, last.attempt, last.retry_at is None) == (Reason.TIMED_OUT, 2, True)


def test_sigterm_ends_a_run_and_says_so(pod: Pod, timeline: Timeline) -> None:
    pod.runs("hangs", {"started": pod.path("started")}, retry=Retry(3, 1)).start()
    wait_until((pod.directory / "started").exists, "the action's start")
    pod.terminate()
    ended = pod.end()

    (end,) = timeline.ends
    assert (end.outcome, end.reason, end.retry_at) == (Outcome.FAILED, Reason.TERMINATED, None)
    assert end.message == "the pod was told to end while the action ran"
    assert "cleaned up" in ended.stdout
    assert ended.exit_code == 143
    assert ended.seconds < 12
    assert ended.termination is not None and ended.termination.reason is Reason.TERMINATED


def test_sigterm_kills_a_deaf_action_within_half_of_the_grace_period(pod: Pod, timeline: Timeline) -> None:
    pod.environment["CRONWRIGHT_GRACE_SECONDS"] = "8"
    pod.runs("hangs_deaf", {"pids": pod.path("pids")}).start()
    wait_until((pod.directory / "pids").exists, "the action's start")
    pod.terminate()
    ended = pod.end()

    (end,) = timeline.ends
    assert end.message == "the pod was told to end while the action ran; it ignored SIGTERM and was killed"
    assert end.duration_ms is not None and end.duration_ms < 5_000
    assert ended.exit_code == 143
    assert gone(*(pod.directory / "pids").read_text().split())


def test_without_a_grace_period_an_action_is_killed_at_once(pod: Pod, timeline: Timeline) -> None:
    pod.environment["CRONWRIGHT_GRACE_SECONDS"] = "0"
    pod.runs("hangs_deaf", {"pids": pod.path("pids")}).start()
    wait_until((pod.directory / "pids").exists, "the action's start")
    pod.terminate()
    ended = pod.end()

    assert ended.exit_code == 143
    assert ended.termination is not None and ended.termination.reason is Reason.TERMINATED


def test_sigterm_cuts_the_grace_of_a_timeout_short(pod: Pod, timeline: Timeline) -> None:
    pod.environment["CRONWRIGHT_GRACE_SECONDS"] = "4"
    script = f"trap 'touch {pod.path('told')}' TERM; while :; do sleep 0.1; done"
    pod.runs("command", {"command": ["sh", "-c", script]}, timeout_seconds=1).start()
    wait_until((pod.directory / "told").exists, "the timeout's SIGTERM")
    pod.terminate()
    pod.end()

    (end,) = timeline.ends
    assert end.reason is Reason.TIMED_OUT
    assert end.duration_ms is not None and end.duration_ms < 6_000


def test_sigterm_in_a_pause_ends_the_run_at_once(pod: Pod, timeline: Timeline) -> None:
    pod.runs("fails_as_foreseen", retry=Retry(1, 600)).start()
    wait_until(lambda: len(timeline.ends) == 1, "the first attempt's end")
    pod.terminate()
    ended = pod.end()

    first, last = timeline.ends
    assert first.retry_at is not None and first.finished_at is not None
    assert first.retry_at - first.finished_at == timedelta(seconds=600)
    assert (last.attempt, last.reason, last.retry_at) == (2, Reason.TERMINATED, None)
    assert last.message == "the pod was told to end before attempt 2 had started"
    assert ended.exit_code == 143


def test_sigterm_to_a_command_leaves_it_time_to_end_in_order(pod: Pod, timeline: Timeline) -> None:
    script = f"trap 'echo putting away; exit 0' TERM; touch {pod.path('started')}; while :; do sleep 0.1; done"
    pod.runs("command", {"command": ["sh", "-c", script]}).start()
    wait_until((pod.directory / "started").exists, "the command's start")
    pod.terminate()
    ended = pod.end()

    (end,) = timeline.ends
    assert "putting away" in ended.stdout
    assert end.reason is Reason.TERMINATED
    assert ended.exit_code == 143


def test_what_an_action_leaves_running_is_ended_with_it(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("leaves_processes", {"pids": pod.path("pids")}).run()

    assert ended.exit_code == 0
    assert ended.seconds < 5
    assert gone(*(pod.directory / "pids").read_text().split())


def test_orphans_do_not_stay_as_zombies(pod: Pod, timeline: Timeline) -> None:
    pod.runs("sees_orphan_reaped").run()

    (end,) = timeline.ends
    assert (end.outcome, end.payload) == (Outcome.SUCCEEDED, {"child of the runner": True, "reaped": True})
