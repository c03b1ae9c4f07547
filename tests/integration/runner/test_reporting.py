"""The report: what the timeline is told and when, and what happens where it can't be reached or refuses."""

import json
import socket
import time

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.run.termination import MAX_BYTES
from cronwright.task import Retry

from .pod import Pod, wait_until
from .timeline import Timeline


def test_a_post_is_json_api_with_the_pods_token(pod: Pod, timeline: Timeline) -> None:
    pod.runs("returns", {"value": 1}).run()

    for post in timeline.posts:
        assert post.path == "/api/timeline"
        assert post.headers["content-type"] == "application/vnd.api+json"
        assert post.headers["authorization"] == "Bearer a-projected-token"


def test_the_start_is_on_the_timeline_while_the_action_runs(pod: Pod, timeline: Timeline) -> None:
    pod.runs("hangs", {"started": pod.path("started")}).start()

    wait_until(lambda: [event.kind for event in timeline.events] == ["start"], "the start alone")


def test_every_attempt_has_its_start_and_its_end(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("fails_first", {"until": 3}, retry=Retry(limit=3, backoff_seconds=0)).run()

    assert [(event.attempt, event.kind) for event in timeline.events] == [
        (1, "start"),
        (1, "end"),
        (2, "start"),
        (2, "end"),
        (3, "start"),
        (3, "end"),
    ]
    first, second, last = timeline.ends
    assert (first.outcome, first.message, first.retry_at is None) == (Outcome.FAILED, "not at attempt 1", False)
    assert (second.outcome, second.message, second.retry_at is None) == (Outcome.FAILED, "not at attempt 2", False)
    assert (last.outcome, last.payload, last.retry_at) == (Outcome.SUCCEEDED, {"attempt": 3}, None)
    assert ended.exit_code == 0
    assert ended.termination is not None and ended.termination.attempt == 3


def test_attempts_end_with_the_limit(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("fails", retry=Retry(limit=1, backoff_seconds=1)).run()

    first, last = timeline.ends
    assert (first.attempt, last.attempt, last.retry_at) == (1, 2, None)
    assert first.retry_at is not None and last.started_at is not None
    assert first.retry_at <= last.started_at
    assert ended.exit_code == 64


@pytest.mark.parametrize("action", ["refuses_attributes", "no_such_action"])
def test_what_no_retry_makes_right_is_not_retried(pod: Pod, timeline: Timeline, action: str) -> None:
    ended = pod.runs(action, retry=Retry(limit=3, backoff_seconds=600)).run()

    assert [event.retry_at for event in timeline.ends] == [None]
    assert ended.exit_code == 64


@pytest.mark.parametrize("status", [401, 408, 429, 500, 503])
def test_a_timeline_that_may_take_it_later_is_tried_again(pod: Pod, timeline: Timeline, status: int) -> None:
    timeline.answers = [status, status]
    ended = pod.runs("returns", {"value": 1}).run()

    assert [event.kind for event in timeline.events] == ["start", "end"]
    assert ended.termination is not None and ended.termination.delivered
    assert f"answered {status}" in ended.stderr
    assert "the timeline can be reached again" in ended.stderr


def test_the_token_is_read_at_each_try(pod: Pod, timeline: Timeline) -> None:
    timeline.answers = [401]
    pod.runs("hangs", {"started": pod.path("started")}).start()
    wait_until(lambda: len(timeline.posts) == 1, "the first try")
    pod.write("token", "the-next-token")
    wait_until(lambda: len(timeline.events) == 1, "the start on the timeline")

    assert timeline.posts[-1].headers["authorization"] == "Bearer the-next-token"


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_what_is_refused_is_not_tried_again(pod: Pod, timeline: Timeline, status: int) -> None:
    timeline.answers = [status] * 20
    ended = pod.runs("returns", {"value": 1}).run()

    assert ended.exit_code == 0
    assert ended.seconds < 5
    assert ended.termination is not None
    assert (ended.termination.outcome, ended.termination.delivered) == (Outcome.SUCCEEDED, False)
    assert (
        f"the timeline refuses the end of attempt 1 for good: {timeline.url}/api/timeline answered {status}"
        in ended.stderr
    )
    assert f"told to say {status}" in ended.stderr


def test_one_refused_event_does_not_cost_the_others(pod: Pod, timeline: Timeline) -> None:
    timeline.answers = [503]
    timeline.refuse_kinds = ("start",)
    ended = pod.runs("returns", {"value": 1}).run()

    assert [event.kind for event in timeline.events] == ["end"]
    assert ended.termination is not None and ended.termination.delivered


def test_without_a_timeline_the_run_ends_as_it_would_with_one(pod: Pod) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        pod.environment["CRONWRIGHT_API_URL"] = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        ended = pod.runs("fails").run()

    assert ended.exit_code == 64
    assert 10 <= ended.seconds < 13
    assert ended.termination is not None
    said = ended.termination
    assert (said.outcome, said.reason, said.message, said.delivered) == (
        Outcome.FAILED,
        Reason.ACTION_FAILED,
        "RuntimeError: the table is locked",
        False,
    )
    assert ended.stderr.count("the timeline can't be reached") == 1
    assert "stamina" not in ended.stderr


def test_a_timeline_that_never_answers_holds_nothing_up(pod: Pod) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        pod.environment["CRONWRIGHT_API_URL"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
        pod.environment["CRONWRIGHT_GRACE_SECONDS"] = "5"
        pod.runs("hangs", {"started": pod.path("started")}).start()
        wait_until((pod.directory / "started").exists, "the action's start")
        pod.terminate()
        told = time.monotonic()
        ended = pod.end()

    assert time.monotonic() - told < 4
    assert ended.exit_code == 143
    assert ended.termination is not None and not ended.termination.delivered


def test_without_an_api_the_log_says_that_nothing_is_reported(pod: Pod) -> None:
    del pod.environment["CRONWRIGHT_API_URL"]
    ended = pod.runs("returns", {"value": 1}).run()

    assert ended.exit_code == 0
    assert ended.seconds < 5
    assert ended.termination is not None and not ended.termination.delivered
    assert "CRONWRIGHT_API_URL is not set, so this run is not reported to a timeline" in ended.stderr


def test_output_is_passed_on_unchanged_and_its_end_is_kept(pod: Pod, timeline: Timeline) -> None:
    lines = [f"{number:07} žluťoučký\n" for number in range(5000)]
    ended = pod.runs("prints", {"lines": lines, "error": "on the other output\n"}).run()

    (end,) = timeline.ends
    assert ended.stdout == "".join(lines)
    assert "\non the other output\n" in ended.stderr
    assert 8 * 1024 - 4 <= len(end.log_tail.encode()) <= 8 * 1024
    assert lines[-1] in end.log_tail
    assert "on the other output\n" in end.log_tail


@pytest.mark.parametrize(
    ("printed", "kept"), [("a\x00b", "a\ufffdb"), ("\x1b[31mred", "\x1b[31mred")], ids=["NUL", "escape sequence"]
)
def test_a_log_tail_is_what_the_timeline_can_hold(pod: Pod, timeline: Timeline, printed: str, kept: str) -> None:
    pod.runs("prints", {"lines": [printed]}).run()

    (end,) = timeline.ends
    assert kept in end.log_tail


def test_a_long_message_is_cut_in_the_termination_message(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("command", {"command": ["/" + "é" * 2000]}).run()

    (end,) = timeline.ends
    assert len(end.message) > 1500
    assert len(ended.termination_text.encode()) <= MAX_BYTES
    assert ended.termination is not None and ended.termination.message.endswith("…")


def test_the_log_is_json_with_the_run_on_each_line(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("fails").run()

    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    (end,) = timeline.ends
    assert {line["run_id"] for line in lines} == {str(end.run_id)}
    assert {(line["task"], line["namespace"]) for line in lines} == {("mail_sync", "shop")}
    (raised,) = [line for line in lines if "exception" in line]
    assert raised["exception"].endswith("RuntimeError: the table is locked")


def test_the_log_can_be_text(pod: Pod, timeline: Timeline) -> None:
    pod.environment["CRONWRIGHT_LOG_FORMAT"] = "text"
    ended = pod.runs("fails_as_foreseen").run()

    assert " ERROR   the mailbox answers LOGIN with NO task=mail_sync namespace=shop run_id=" in ended.stderr
    assert "Traceback" not in ended.stderr
