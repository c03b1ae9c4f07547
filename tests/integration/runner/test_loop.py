"""A loop's pod as it goes well: each tick is run once, when it is due, as any run; and how a window begins and ends."""

import itertools
import json
import os
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from cronwright.instants import format_seconds, parse_instant
from cronwright.jsontypes import JSONObject
from cronwright.reasons import Reason
from cronwright.retry import Retry
from cronwright.run.end import FINISH, EndRequest
from cronwright.run.ids import scheduled_run_id

from .accounting import accounted, gaps, run_twice
from .loop_pod import LoopPod
from .pod import TASK_UID, wait_until
from .timeline import Timeline

SECOND = timedelta(seconds=1)


def test_each_tick_is_run_once_and_told(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start()
    wait_until(lambda: len(timeline.ends) >= 3, "three ends")
    loop_pod.ask_to_end(FINISH)
    assert loop_pod.end() == 0

    ticks = [parse_instant(note["tick"]) for note in loop_pod.notes()]
    assert ticks == [end.scheduled_at for end in timeline.ends]
    assert all(later - earlier == SECOND for earlier, later in itertools.pairwise(ticks))
    assert gaps(accounted(timeline)) == []
    for end in timeline.ends:
        assert end.scheduled_at is not None
        assert end.run_id == scheduled_run_id(TASK_UID, end.scheduled_at)
        assert (end.reason, end.trigger, end.attempt, end.pod, end.node) == (
            Reason.COMPLETED,
            "schedule",
            1,
            "poll-29000000-abcde",
            "node-1",
        )
        assert (end.task, end.title, end.as_user_email) == ("poll", "Poll the queue", "ada@example.com")
        assert end.payload == {"noted": format_seconds(end.scheduled_at)}
        assert f"noted {format_seconds(end.scheduled_at)}" in end.log_tail
    assert loop_pod.ticker.termination == ""


def test_the_log_shows_each_output_under_its_scheduled_time(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start()
    wait_until(lambda: len(timeline.ends) >= 2, "two ends")
    loop_pod.ask_to_end(FINISH)
    loop_pod.end()

    lines = loop_pod.runner.stdout.splitlines()
    assert len(lines) == 2 * len(loop_pod.notes())
    for header, line, note in zip(lines[::2], lines[1::2], loop_pod.notes(), strict=True):
        assert line == f"noted {note['tick']}"
        named = json.loads(header)
        assert named["scheduled_time"] == note["tick"]
        assert named["run_id"] == str(scheduled_run_id(TASK_UID, parse_instant(note["tick"])))


@dataclass(frozen=True)
class Case:
    """An action with attributes and fields of the document → how its ticks end, and with which attempt."""

    action: str
    reason: Reason
    message: str = ""
    attributes: JSONObject = field(default_factory=dict)
    attempt: int = 1
    retry: Retry = Retry()  # noqa: RUF009 - a named tuple
    timeout_seconds: int = 30


ENDS = {
    "fails": Case("fails", Reason.ACTION_FAILED, "RuntimeError: the table is locked"),
    "crashes": Case(
        "dies_of",
        Reason.ACTION_FAILED,
        "the action's process was killed by SIGSEGV",
        {"signal": "SIGSEGV"},
    ),
    "is killed": Case(
        "dies_of",
        Reason.ACTION_FAILED,
        "the action's process was killed by SIGKILL",
        {"signal": "SIGKILL"},
    ),
    "is not there": Case("command", Reason.ACTION_FAILED, "there is no program nowhere", {"command": ["nowhere"]}),
    "can't be imported": Case(
        "needs_missing_library",
        Reason.ACTION_FAILED,
        "ModuleNotFoundError: No module named 'a_library_that_nobody_has'",
    ),
    "is unknown": Case("send_mail", Reason.UNKNOWN_ACTION, "no action is named 'send_mail'"),
    "refuses its attributes": Case(
        "refuses_attributes", Reason.INVALID_ATTRIBUTES, 'attributes.rows is "three"', {"rows": "three"}
    ),
    "succeeds at last": Case(
        "fails_first", Reason.COMPLETED, attributes={"until": 3}, attempt=3, retry=Retry(2, backoff_seconds=0)
    ),
    "fails each time": Case(
        "fails", Reason.ACTION_FAILED, "RuntimeError", attempt=3, retry=Retry(2, backoff_seconds=0)
    ),
    "takes too long": Case(
        "command",
        Reason.TIMED_OUT,
        "the action did not end within timeoutSeconds, 1 s",
        {"command": ["sleep", "60"]},
        timeout_seconds=1,
    ),
    "command": Case("command", Reason.COMPLETED, attributes={"command": ["true"]}),
}


@pytest.mark.parametrize("case", ENDS.values(), ids=ENDS)
def test_a_tick_ends_as_its_action_does(loop_pod: LoopPod, timeline: Timeline, case: Case) -> None:
    loop_pod.runs(case.action, case.attributes, retry=case.retry, timeout_seconds=case.timeout_seconds).start()

    def finals() -> list[object]:
        return [end for end in timeline.ends if end.retry_at is None]

    wait_until(lambda: len(finals()) >= 2, "two ends")
    loop_pod.ask_to_end(FINISH)
    assert loop_pod.end() == 0

    ends = [end for end in timeline.ends if end.retry_at is None]
    assert {(end.reason, end.attempt) for end in ends} == {(case.reason, case.attempt)}
    assert all(end.message.startswith(case.message) for end in ends)
    assert len([end for end in timeline.ends if end.retry_at is not None]) == len(ends) * (case.attempt - 1)
    assert gaps(accounted(timeline)) == []


def test_forbid_skips_the_ticks_that_come_while_one_runs(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 2.5}).start()
    wait_until(lambda: len(timeline.ends) >= 2, "two ends")
    loop_pod.ask_to_end(FINISH)
    loop_pod.end()

    times = accounted(timeline)
    assert gaps(times) == []
    skipped = [span for span in timeline.spans if span.reason is Reason.ALREADY_RUNNING]
    ran = [end.scheduled_at for end in timeline.ends if end.scheduled_at]
    assert [later - earlier for earlier, later in itertools.pairwise(ran)] == [3 * SECOND] * (len(ran) - 1)
    assert {span.message for span in skipped if span.first_at < ran[1]} == {
        f"the run of {format_seconds(ran[0])} was still under way"
    }
    # A tick that takes longer than a flush is seen while it runs
    assert {event.scheduled_at for event in timeline.events if event.kind == "start"} == set(ran)


def test_allow_runs_ticks_beside_each_other(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 2.5}).allows().start()
    wait_until(lambda: len(timeline.ends) >= 4, "four ends")
    loop_pod.ask_to_end(FINISH)
    assert loop_pod.end() == 0

    ticks = [parse_instant(note["tick"]) for note in loop_pod.notes()]
    assert all(later - earlier == SECOND for earlier, later in itertools.pairwise(ticks))
    assert sorted(end.scheduled_at for end in timeline.ends if end.scheduled_at) == ticks
    assert Reason.ALREADY_RUNNING not in accounted(timeline).values()


def test_concurrent_outputs_are_told_apart(loop_pod: LoopPod, timeline: Timeline) -> None:
    script = 'for n in 1 2 3 4; do printf "%s " $CRONWRIGHT_SCHEDULED_TIME; sleep 0.5; echo $n; done'
    loop_pod.runs("command", {"command": ["sh", "-c", script]}).allows().start()
    wait_until(lambda: len(timeline.ends) >= 3, "three ends")
    loop_pod.ask_to_end(FINISH)
    loop_pod.end()

    speaker, said = "", []
    for line in loop_pod.runner.stdout.splitlines():
        if line.startswith("{"):
            speaker = json.loads(line)["scheduled_time"]
        elif line.startswith("20"):
            said.append((speaker, line.split()[0].replace(".000", "")))
    assert len(said) == 4 * len(timeline.ends)
    assert all(under == of for under, of in said)
    assert len({under for under, _ in said}) == len(timeline.ends)


def test_a_pod_that_comes_late_answers_for_what_it_owned_before(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.plan_start -= timedelta(seconds=30)
    loop_pod.start()
    wait_until(lambda: bool(timeline.ends), "an end")
    loop_pod.ask_to_end(FINISH)
    loop_pod.end()

    late = timeline.spans[0]
    assert (late.reason, late.first_at) == (Reason.POD_LATE, loop_pod.owned.first)
    assert late.count >= 30
    assert late.message.startswith("the pod had started only at ")
    assert gaps(accounted(timeline)) == []


def test_ticks_before_the_runner_is_there_were_missed_by_the_pod(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start_ticker()
    wait_until(lambda: any("runner had not started" in span.message for span in timeline.spans), "a tick without")
    loop_pod.runner.start()
    wait_until(lambda: bool(timeline.ends), "an end")
    loop_pod.ask_to_end(FINISH)
    loop_pod.end()

    assert {span.reason for span in timeline.spans} == {Reason.POD_LATE}
    assert gaps(accounted(timeline)) == []


def test_a_runner_waits_for_its_ticker(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start_ticker()
    loop_pod.ticker.kill()
    loop_pod.runner.start()
    wait_until(lambda: "the ticker" not in loop_pod.runner.stderr, "the runner's start")
    loop_pod.ticker.start()
    wait_until(lambda: bool(timeline.ends), "an end")
    loop_pod.ask_to_end(FINISH)
    assert loop_pod.end() == 0


def test_a_window_ends_with_the_last_tick_that_it_owns(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.ends_soon().start()
    assert loop_pod.end() == 0

    times = accounted(timeline)
    assert gaps(times) == []
    assert (min(times), max(times)) == (loop_pod.owned.first, loop_pod.owned.end - SECOND)
    assert run_twice(timeline) == []
    assert datetime.now(UTC) - loop_pod.owned.end < 5 * SECOND


def test_a_window_without_a_tick_ends_at_once(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", schedule="@every 8000h0m0s").start()
    assert loop_pod.end() == 0
    assert (timeline.events, timeline.spans) == ([], [])


def test_a_window_of_a_time_at_which_none_opens_owns_nothing(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.write("job-name", f"poll-{int(loop_pod.opened.timestamp()) // 60 + 1}")
    loop_pod.start()
    assert loop_pod.end() == 0
    assert (timeline.events, timeline.spans) == ([], [])
    assert "so this pod owns no tick" in loop_pod.ticker.stderr


def test_finish_lets_the_tick_under_way_end(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 3}).start()
    wait_until(lambda: bool(loop_pod.notes()), "a tick under way")
    loop_pod.ask_to_end(FINISH)
    assert loop_pod.end() == 0

    assert [end.reason for end in timeline.ends] == [Reason.COMPLETED]
    assert len(loop_pod.notes()) == 1


def test_supersede_ends_the_tick_under_way_at_its_instant(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("hangs", {"started": loop_pod.path("started")}, timeout_seconds=60).start()
    wait_until((loop_pod.directory / "started").exists, "a tick under way")
    at = datetime.now(UTC).replace(microsecond=0) + 2 * SECOND
    loop_pod.ask_to_end(EndRequest(at))
    assert loop_pod.end() == 0

    (end,) = timeline.ends
    assert (end.reason, end.message) == (Reason.SUPERSEDED, "the Task was edited while the action ran")
    assert end.finished_at is not None
    assert timedelta(0) <= end.finished_at - at < SECOND
    assert "cleaned up" in loop_pod.runner.stdout
    assert max(accounted(timeline)) < at


def test_supersede_lets_ticks_before_its_instant_run(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start()
    wait_until(lambda: bool(timeline.ends), "an end")
    at = datetime.now(UTC).replace(microsecond=0) + 3 * SECOND
    loop_pod.ask_to_end(EndRequest(at))
    assert loop_pod.end() == 0

    assert max(parse_instant(note["tick"]) for note in loop_pod.notes()) == at - SECOND


def test_sigterm_ends_the_tick_under_way(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("hangs", {"started": loop_pod.path("started")}, timeout_seconds=60).start()
    wait_until((loop_pod.directory / "started").exists, "a tick under way")
    assert loop_pod.runner.stop() == 143
    assert loop_pod.ticker.stop() == 0

    (end,) = timeline.ends
    assert (end.reason, end.message) == (Reason.TERMINATED, "the pod was told to end while the action ran")
    assert gaps(accounted(timeline)) == []


def test_sigterm_lets_go_those_who_wait_for_a_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    """Their memory is the pod's for as long as the tick under way takes to stop."""
    loop_pod.runs(
        "hangs_deaf", {"pids": loop_pod.path("pids")}, schedule="@every 5s", timeout_seconds=60
    ).allows().start()
    wait_until((loop_pod.directory / "pids").exists, "a tick under way")
    wait_until(lambda: len(loop_pod.runner.children()) == 2, "its worker, and one that waits")
    loop_pod.runner.send(signal.SIGTERM)
    wait_until(lambda: len(loop_pod.runner.children()) == 1, "the end of the one that waits")

    pids = [int(pid) for pid in (loop_pod.directory / "pids").read_text(encoding="ascii").split()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert loop_pod.runner.wait() == 143
    assert loop_pod.ticker.stop() == 0
    assert [end.reason for end in timeline.ends] == [Reason.TERMINATED]
