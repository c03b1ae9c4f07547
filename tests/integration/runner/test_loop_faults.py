"""What befalls a loop's pod: kills of each process, a timeline that is away, a ticker that is held up, and that each
fire time is answered for all the same.
"""

import os
import signal
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cronwright.instants import parse_instant
from cronwright.reasons import Reason
from cronwright.run.end import FINISH
from cronwright.run.ids import manual_run_id

from .accounting import accounted, gaps, run_twice
from .loop_pod import LoopPod
from .pod import JOB_UID, TASK_UID, wait_until
from .timeline import Timeline

SECOND = timedelta(seconds=1)


def _now() -> datetime:
    return datetime.now(UTC)


def _finish(pod: LoopPod) -> None:
    pod.ask_to_end(FINISH)
    assert pod.end() == 0


def _wait_for_note(pod: LoopPod, number: int) -> None:
    wait_until(lambda: len(pod.notes()) >= number, f"tick number {number}")


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    return [*children, *(below for child in children for below in _descendants(child))]


def test_a_runner_killed_in_the_middle_of_a_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 2.5}).start()
    # An action's note may be there before the runner has told the ticker that it started
    wait_until(
        lambda: len(loop_pod.notes()) == len(timeline.starts) == 2, "a tick under way, of which the ticker knows"
    )
    left = _descendants(loop_pod.runner.pid)
    loop_pod.runner.kill()
    wait_until(lambda: any(span.reason is Reason.RUNNER_DOWN for span in timeline.spans), "a tick without a runner")
    ran = len(loop_pod.notes())
    loop_pod.runner.start()
    wait_until(lambda: len(loop_pod.notes()) > ran, "a tick of the next runner")
    _finish(loop_pod)

    reasons = accounted(timeline)
    crashed = [end for end in timeline.ends if end.reason is Reason.RUNNER_CRASHED]
    assert [end.scheduled_at for end in crashed] == [parse_instant(loop_pod.notes()[1]["tick"])]
    assert crashed[0].message == "the runner's container ended while the run was under way"
    assert crashed[0].started_at is not None and crashed[0].duration_ms is not None
    assert gaps(reasons) == []
    assert run_twice(timeline) == []
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left), "the end of what the runner left")


def test_a_worker_killed_in_the_middle_of_a_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 1.5}).start()
    wait_until(lambda: len(loop_pod.notes()) == 2, "a tick under way")
    action = loop_pod.notes()[1]["pid"]
    (worker,) = [pid for pid in loop_pod.runner.children() if action in _descendants(pid)]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(loop_pod.notes()) >= 4, "more ticks")
    _finish(loop_pod)

    (crashed,) = [end for end in timeline.ends if end.reason is Reason.RUNNER_CRASHED]
    assert crashed.scheduled_at == parse_instant(loop_pod.notes()[1]["tick"])
    assert crashed.message == "the process that ran the action was killed by SIGKILL"
    assert not Path(f"/proc/{action}").exists()
    assert gaps(accounted(timeline)) == []
    assert run_twice(timeline) == []


def test_an_action_killed_in_the_middle_of_its_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 1.5}).start()
    wait_until(lambda: len(loop_pod.notes()) == 2, "a tick under way")
    os.kill(loop_pod.notes()[1]["pid"], signal.SIGKILL)
    wait_until(lambda: len(timeline.ends) >= 3, "more ticks")
    _finish(loop_pod)

    (killed,) = [end for end in timeline.ends if end.reason is Reason.ACTION_FAILED]
    assert killed.scheduled_at == parse_instant(loop_pod.notes()[1]["tick"])
    assert killed.message == "the action's process was killed by SIGKILL"
    assert gaps(accounted(timeline)) == []


def test_a_process_that_waits_for_its_tick_may_be_killed(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", schedule="@every 2s").start()
    wait_until(lambda: len(timeline.ends) == 1, "a tick")
    (worker,) = loop_pod.runner.children()
    wait_until(lambda: len(_descendants(worker)) == 1, "the process that waits")
    os.kill(_descendants(worker)[0], signal.SIGKILL)
    wait_until(lambda: len(timeline.ends) == 2, "the tick after that")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(timeline.ends) == 4, "more ticks")
    _finish(loop_pod)

    assert {end.reason for end in timeline.ends} == {Reason.COMPLETED}
    assert gaps(accounted(timeline, 2), 2) == []


def test_a_ticker_killed_in_the_middle_of_a_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 3.5}).start()
    wait_until(lambda: any(event.kind == "start" for event in timeline.events), "a tick under way")
    loop_pod.ticker.kill()
    loop_pod.ticker.start()
    wait_until(lambda: len(timeline.ends) >= 2, "two ends")
    _finish(loop_pod)

    assert gaps(accounted(timeline)) == []
    assert run_twice(timeline) == []
    assert {end.reason for end in timeline.ends} == {Reason.COMPLETED}
    ticks = [note["tick"] for note in loop_pod.notes()]
    assert len(ticks) == len(set(ticks)) == len(timeline.ends)


def test_what_ends_without_a_ticker_is_told_to_the_next_one(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 1}, schedule="@every 3s").start()
    wait_until(lambda: len(loop_pod.notes()) == 1, "a tick under way")
    loop_pod.ticker.kill()
    wait_until(lambda: "the run succeeded" in loop_pod.runner.stderr, "its end")
    loop_pod.ticker.start()
    wait_until(lambda: len(timeline.ends) >= 2, "two ends")
    _finish(loop_pod)

    assert gaps(accounted(timeline, 3), 3) == []
    assert [end.scheduled_at for end in timeline.ends] == [parse_instant(note["tick"]) for note in loop_pod.notes()]


def test_a_ticker_that_leaves_callers_to_wait_holds_up_no_runner(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.write_files()
    with socket.socket(socket.AF_UNIX) as stuck, socket.socket(socket.AF_UNIX) as caller:
        stuck.bind(loop_pod.path("shared/socket"))
        stuck.listen(0)
        loop_pod.runner.start()
        connection, _ = stuck.accept()
        caller.connect(loop_pod.path("shared/socket"))
        # With the only place to wait taken
        connection.close()
        wait_until(lambda: "the ticker has gone" in loop_pod.runner.stderr, "a runner that looks for its ticker")
        loop_pod.start_ticker()
        wait_until(lambda: bool(timeline.ends), "a tick")
    _finish(loop_pod)


def test_a_ticker_that_cannot_be_reached_is_tried_again(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.write_files()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.bind(loop_pod.path("shared/socket"))
        loop_pod.runner.start()
        wait_until(lambda: "the ticker can't be reached" in loop_pod.runner.stderr, "a try that fails")
    loop_pod.start_ticker()
    wait_until(lambda: bool(timeline.ends), "a tick")
    _finish(loop_pod)

    assert loop_pod.runner.stderr.count("the ticker can't be reached") == 1
    assert "Protocol wrong type for socket" in loop_pod.runner.stderr


def test_both_killed_in_the_middle_of_a_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 1.5}).start()
    wait_until(lambda: len(loop_pod.notes()) == 2, "a tick under way")
    loop_pod.ticker.kill()
    loop_pod.runner.kill()
    loop_pod.start()
    wait_until(lambda: len(loop_pod.notes()) >= 4, "more ticks")
    _finish(loop_pod)

    (crashed,) = [end for end in timeline.ends if end.reason is Reason.RUNNER_CRASHED]
    assert crashed.scheduled_at == parse_instant(loop_pod.notes()[1]["tick"])
    assert gaps(accounted(timeline)) == []
    assert run_twice(timeline) == []


def test_a_ticker_killed_again_and_again(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start()
    wait_until(lambda: bool(timeline.ends), "an end")
    for _ in range(5):
        loop_pod.ticker.kill()
        loop_pod.ticker.start()
        _wait_for_note(loop_pod, len(loop_pod.notes()) + 1)
    _finish(loop_pod)

    ticks = [note["tick"] for note in loop_pod.notes()]
    assert len(ticks) == len(set(ticks))
    assert gaps(accounted(timeline)) == []


def test_a_ticker_that_is_held_up_runs_the_newest_tick(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start()
    wait_until(lambda: len(timeline.ends) >= 2, "two ends")
    loop_pod.ticker.send(signal.SIGSTOP)
    before = len(loop_pod.notes())
    stopped = parse_instant(loop_pod.notes()[-1]["tick"])
    wait_until(lambda: _now() > stopped + 4.2 * SECOND, "four ticks")
    loop_pod.ticker.send(signal.SIGCONT)
    wait_until(lambda: len(loop_pod.notes()) >= before + 2, "ticks after that")
    _finish(loop_pod)

    (held_up,) = [span for span in timeline.spans if span.message.startswith("the ticker was held up until ")]
    assert (held_up.reason, held_up.first_at, held_up.count) == (Reason.POD_LATE, stopped + SECOND, 3)
    assert accounted(timeline)[stopped + 4 * SECOND] is Reason.COMPLETED
    assert gaps(accounted(timeline)) == []


def test_a_tick_later_than_its_deadline_is_skipped(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", schedule="@every 5s", starting_deadline_seconds=1).start()
    wait_until(lambda: bool(timeline.ends), "an end")
    loop_pod.ticker.send(signal.SIGSTOP)
    stopped = parse_instant(loop_pod.notes()[-1]["tick"])
    wait_until(lambda: _now() > stopped + 7.5 * SECOND, "a tick, and its deadline")
    loop_pod.ticker.send(signal.SIGCONT)
    wait_until(lambda: len(loop_pod.notes()) >= 2, "the tick after that")
    _finish(loop_pod)

    reasons = accounted(timeline, 5)
    assert reasons[stopped + 5 * SECOND] is Reason.STARTING_DEADLINE_PASSED
    assert reasons[stopped + 10 * SECOND] is Reason.COMPLETED


def test_a_timeline_that_is_away_and_back(loop_pod: LoopPod, timeline: Timeline) -> None:
    timeline.answers = [503] * 3
    loop_pod.start()
    wait_until(lambda: len(timeline.ends) >= 6, "what had waited")
    _finish(loop_pod)

    assert gaps(accounted(timeline)) == []
    assert run_twice(timeline) == []
    assert len(timeline.ends) == len(loop_pod.notes())
    assert max(len(post.events) + len(post.spans) for post in timeline.posts) > 2
    assert loop_pod.ticker.stderr.count("the timeline can't be reached") == 1
    assert loop_pod.ticker.stderr.count("the timeline can be reached again") == 1
    assert loop_pod.ticker.termination == ""


def test_a_row_that_is_refused_costs_no_other(loop_pod: LoopPod, timeline: Timeline) -> None:
    timeline.refuse_kinds = ("start",)
    loop_pod.runs("notes", {"seconds": 1.5}).start()
    wait_until(lambda: len(timeline.ends) >= 2, "two ends")
    _finish(loop_pod)

    assert gaps(accounted(timeline)) == []
    assert "the timeline refuses a row for good" in loop_pod.ticker.stderr


def test_what_cannot_be_told_is_left_in_the_termination_message(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.runs("notes", {"seconds": 1.2})
    timeline.answers = [503] * 1000
    loop_pod.start()
    wait_until(lambda: len(loop_pod.notes()) >= 3, "ticks")
    _finish(loop_pod)

    left = loop_pod.undelivered()
    count = {reason: sum(row.total for row in left if row.reason is reason) for reason in Reason}
    assert count[Reason.COMPLETED] == len(loop_pod.notes())
    first, last = min(row.first for row in left), max(row.last for row in left)
    assert first == loop_pod.owned.first
    assert sum(row.total for row in left) == (last - first) // SECOND + 1
    assert not timeline.events


def test_a_poster_that_is_killed_is_replaced(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.start()
    wait_until(lambda: bool(timeline.ends), "an end")
    for poster in loop_pod.ticker.children():
        os.kill(poster, signal.SIGKILL)
    known = len(timeline.ends)
    wait_until(lambda: len(timeline.ends) >= known + 2, "more ends")
    _finish(loop_pod)

    assert gaps(accounted(timeline)) == []
    assert len({end.scheduled_at for end in timeline.ends}) == len(loop_pod.notes())


def test_a_job_made_by_hand_is_one_run(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.write("job-name", "poll-now")
    loop_pod.start()
    assert loop_pod.end() == 0

    (end,) = timeline.ends
    assert (end.reason, end.trigger, end.scheduled_at) == (Reason.COMPLETED, "manual", None)
    assert end.run_id == manual_run_id(TASK_UID, JOB_UID)
    assert len(loop_pod.notes()) == 1


def test_a_job_made_by_hand_ends_well_whatever_its_outcome(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.write("job-name", "poll-now")
    loop_pod.runs("fails").start()
    assert loop_pod.end() == 0
    assert [end.reason for end in timeline.ends] == [Reason.ACTION_FAILED]


def test_a_run_by_hand_is_not_made_twice(loop_pod: LoopPod, timeline: Timeline) -> None:
    loop_pod.write("job-name", "poll-now")
    loop_pod.runs("notes", {"seconds": 60}).start()
    wait_until(lambda: any(event.kind == "start" for event in timeline.events), "the run's start")
    loop_pod.runner.kill()
    loop_pod.runner.start()
    assert loop_pod.end() == 0

    (end,) = timeline.ends
    (start,) = [event for event in timeline.events if event.kind == "start"]
    assert (end.reason, end.message) == (Reason.RUNNER_CRASHED, "the container ended during attempt 1")
    assert (end.run_id, end.attempt, end.started_at) == (start.run_id, 1, start.started_at)
    assert len(loop_pod.notes()) == 1


def test_the_end_of_a_run_by_hand_is_told_again_by_the_next_container(loop_pod: LoopPod, timeline: Timeline) -> None:
    timeline.answers = [503] * 3
    loop_pod.write("job-name", "poll-now")
    loop_pod.start()
    wait_until(lambda: len(timeline.posts) >= 2, "a try to tell the end")
    loop_pod.runner.kill()
    loop_pod.runner.start()
    assert loop_pod.end() == 0

    assert {(end.reason, end.attempt) for end in timeline.ends} == {(Reason.COMPLETED, 1)}
    assert len({end.finished_at for end in timeline.ends}) == 1
    assert len(loop_pod.notes()) == 1
