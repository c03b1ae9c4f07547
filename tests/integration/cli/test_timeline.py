"""`timeline` against a real API that asks a real cluster who may see what."""

import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid4, uuid5

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from integration.cli.program import PROGRAM, Accounts, Api, cronwright, free_port, kubeconfig, serving
from support.cluster import Cluster, wait_for

NOW = datetime.now(UTC).replace(microsecond=0)


def start(api: Api, task: str, at: datetime = NOW, trigger: str = "schedule") -> Event:
    """The start of a run that was due at `at` and began 1.5 s later."""
    return Event(
        run_id=uuid4(),
        pod_uid=str(uuid4()),
        attempt=1,
        kind="start",
        reported_by="runner",
        task=task,
        namespace=api.namespace,
        task_uid=str(uuid4()),
        title=task,
        trigger="manual" if trigger == "manual" else "schedule",
        scheduled_at=at if trigger == "schedule" else None,
        started_at=at + timedelta(seconds=1.5),
        action_name="command",
        pod=f"{task}-pod",
    )


def end(
    began: Event, outcome: Outcome = Outcome.SUCCEEDED, reason: Reason = Reason.COMPLETED, message: str = ""
) -> Event:
    """The end of the run that `began`, 12 s later."""
    assert began.started_at is not None
    return replace(
        began,
        kind="end",
        finished_at=began.started_at + timedelta(seconds=12),
        duration_ms=12_000,
        outcome=outcome,
        reason=reason,
        message=message,
    )


def rows(stdout: str) -> list[list[str]]:
    """The cells of plain lines, without time and scheduled time."""
    lines = [re.split(r"  +", line) for line in stdout.splitlines()[1:]]
    return [[cell for index, cell in enumerate(line) if index not in (0, 3)] for line in lines]


def test_rows_say_what_happened_the_newest_last(api: Api) -> None:
    good = start(api, "tell_good", NOW - timedelta(minutes=3))
    bad = start(api, "tell-bad", NOW - timedelta(minutes=2), trigger="manual")
    api.post([good, end(good)])
    api.post([bad, end(bad, Outcome.FAILED, Reason.ACTION_FAILED, "exit code 3\nno space left")])
    done = cronwright("timeline", "-n", api.namespace, "--utc", env=api.env())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].split()[:2] == ["TIME", "(UTC)"]
    mine = [row for row in rows(done.stdout) if row[0].startswith("tell")]
    assert mine == [
        ["tell_good", "schedule", "+1.5s", "12s", "+ succeeded", "-", "-"],
        ["tell-bad", "manual", "-", "12s", "x failed", "ActionFailed", "exit code 3 no space left"],
    ]


def late(api: Api, task: str, seconds: int) -> Span:
    """A span of a Task that fires each second, up to so many seconds after the eleventh day of 2027 began."""
    first = datetime(2027, 1, 11, tzinfo=UTC)
    return Span(
        reported_by="operator",
        task=task,
        namespace=api.namespace,
        task_uid=str(uuid5(NAMESPACE_DNS, task)),
        title=task,
        reason=Reason.POD_LATE,
        schedule="@every 1s",
        time_zone="Etc/UTC",
        first_at=first + timedelta(seconds=1),
        last_at=first + timedelta(seconds=seconds),
        count=seconds,
    )


def test_a_span_says_how_many_fire_times_ended_so(api: Api) -> None:
    good = start(api, "spanning", NOW - timedelta(minutes=3))
    api.post([good, end(good), late(api, "spanning", 12)])
    done = cronwright("timeline", "-n", api.namespace, "--task", "spanning", "--utc", env=api.env())
    times = "2027-01-11 00:00:01–2027-01-11 00:00:12"
    assert [re.split(r"  +", line)[3:7] for line in done.stdout.splitlines() if times in line] == [
        [times, "-", "-", "o 12 missed"]
    ]
    assert len(rows(done.stdout)) == 2
    newest = cronwright("timeline", "-n", api.namespace, "--task", "spanning", "--limit", "1", env=api.env())
    assert len(rows(newest.stdout)) == 1


def test_json_is_the_apis_own_row_a_line(api: Api) -> None:
    good = start(api, "as_json")
    api.post([good, end(good)])
    done = cronwright("timeline", "-n", api.namespace, "--task", "as_json", "-o", "json", env=api.env())
    (line,) = done.stdout.splitlines()
    row = json.loads(line)
    assert (row["run_id"], row["outcome"], row["reason"]) == (str(good.run_id), "succeeded", "Completed")


def test_wide_has_the_run_its_pod_and_who_asked_for_it(api: Api) -> None:
    good = replace(start(api, "wide", trigger="manual"), requested_by="jane@example.com")
    api.post([good, end(good)])
    done = cronwright("timeline", "-n", api.namespace, "--task", "wide", "-o", "wide", env=api.env())
    assert str(good.run_id) in done.stdout
    assert "wide-pod" in done.stdout
    assert "jane@example.com" in done.stdout


def test_a_task_is_found_by_its_name_and_by_that_of_its_resource(api: Api) -> None:
    plain, spelled = start(api, "by-name"), start(api, "By_Name")
    api.post([plain, end(plain), spelled, end(spelled)])
    done = cronwright("timeline", "-n", api.namespace, "--task", "By_Name", env=api.env())
    assert {row[0] for row in rows(done.stdout)} == {"By_Name", "by-name"}


def test_since_leaves_out_what_is_older(api: Api) -> None:
    old, new = start(api, "since", NOW - timedelta(hours=2)), start(api, "since", NOW - timedelta(minutes=5))
    api.post([old, end(old), new, end(new)])
    done = cronwright("timeline", "-n", api.namespace, "--task", "since", "--since", "1h", env=api.env())
    assert len(rows(done.stdout)) == 1


def test_more_runs_than_a_page_holds(api: Api) -> None:
    runs = [start(api, "many", NOW - timedelta(minutes=number)) for number in reversed(range(130))]
    for first in range(0, len(runs), 50):
        api.post([event for run in runs[first : first + 50] for event in (run, end(run))])
    done = cronwright("timeline", "-n", api.namespace, "--task", "many", "--limit", "120", "-o", "json", env=api.env())
    assert [json.loads(line)["run_id"] for line in done.stdout.splitlines()] == [str(run.run_id) for run in runs[10:]]


def test_no_runs_is_said_beside_stdout(api: Api) -> None:
    done = cronwright("timeline", "-n", api.namespace, "--task", "never", env=api.env())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "No runs yet.\n")


def test_kubectls_namespace_is_the_default(api: Api, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, {}, api.namespace)
    good = start(api, "here")
    api.post([good, end(good)])
    done = cronwright("timeline", "--task", "here", env=api.env(KUBECONFIG=file))
    assert [row[0] for row in rows(done.stdout)] == ["here"], done.stderr


def test_a_token_that_nobody_knows(api: Api) -> None:
    done = cronwright("timeline", "-n", api.namespace, env=api.env(CRONWRIGHT_TOKEN="made-up"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {api.url} does not know the token (401); set CRONWRIGHT_TOKEN to a fresh one, such as"
        " $(kubectl create token SERVICEACCOUNT -n NAMESPACE)\n"
    )


def test_a_namespace_that_may_not_be_seen(api: Api) -> None:
    done = cronwright("timeline", "-n", "kube-system", env=api.env())
    assert (done.returncode, done.stderr) == (
        1,
        "error: the token may not see the Tasks of namespace kube-system (403); ask for the verb list on"
        " tasks.cronwright.dev there\n",
    )


def test_a_token_that_may_see_nothing_at_all(api: Api) -> None:
    good = start(api, "hidden")
    api.post([good])
    done = cronwright("timeline", "-A", env=api.env(CRONWRIGHT_TOKEN=api.stranger))
    assert (done.returncode, done.stderr) == (
        1,
        "error: the token may not see the Tasks of any namespace (403); ask for the verb list on"
        " tasks.cronwright.dev\n",
    )


def test_following_with_a_token_that_nobody_knows_ends(api: Api) -> None:
    done = cronwright("timeline", "-n", api.namespace, "-f", env=api.env(CRONWRIGHT_TOKEN="made-up"))
    assert done.returncode == 1
    assert "does not know the token (401)" in done.stderr


class Following:
    """A `timeline -f` under way, its output read line by line as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self._readers = [
            threading.Thread(target=lambda: self.lines.extend(_lines(process.stdout))),
            threading.Thread(target=lambda: self.warnings.extend(_lines(process.stderr))),
        ]
        for reader in self._readers:
            reader.start()

    def wait_for_line(self, *words: str) -> str:
        """Return the first line with all of `words` in it."""
        return wait_for(
            f"a line with {words}",
            lambda: next((line for line in self.lines if all(word in line for word in words)), None),
        )

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join()
        return code


def _lines(stream: object) -> Iterator[str]:
    assert stream is not None
    for line in stream:  # type: ignore[attr-defined]  # a text stream
        yield line.rstrip("\n")


def heed_ctrl_c() -> None:
    """Undo what a shell does to a job in the background: tests that run in one pass on that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def following(api: Api, *arguments: str, env: dict[str, str] | None = None) -> Iterator[Following]:
    """Follow the timeline into pipes."""
    process = subprocess.Popen(
        [PROGRAM, "timeline", "-n", api.namespace, "-f", "--utc", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env or api.env(),
        preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    follower = Following(process)
    try:
        yield follower
    finally:
        if process.poll() is None:
            follower.interrupt()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def test_following_into_a_pipe_writes_a_line_for_each_change(api: Api) -> None:
    with following(api, "--task", "piped") as follower:
        begun = start(api, "piped", datetime.now(UTC))
        api.post([begun])
        follower.wait_for_line("piped", "* running")
        api.post([end(begun, Outcome.FAILED, Reason.TIMED_OUT, "stopped after 30 s")])
        follower.wait_for_line("piped", "x failed", "TimedOut", "stopped after 30 s")
        assert follower.interrupt() == 0
        assert [line.split()[0] for line in follower.lines].count("TIME") == 1
        assert len(follower.lines) == 3
        assert follower.warnings == []


def test_following_begins_with_the_limit_and_goes_back_no_further(api: Api) -> None:
    old = [start(api, "limited", NOW - timedelta(minutes=minutes)) for minutes in (5, 4, 3, 2, 1)]
    api.post([event for run in old for event in (run, end(run))])
    with following(api, "--task", "limited", "--limit", "2") as follower:
        wait_for("the last two", lambda: len(follower.lines) == 3)
        begun = start(api, "limited", datetime.now(UTC))
        api.post([begun])
        follower.wait_for_line("limited", "* running")
        api.post([end(begun)])
        wait_for("its end", lambda: "+ succeeded" in follower.lines[-1])
        assert len(follower.lines) == 5


def test_following_sees_a_span_grow(api: Api) -> None:
    with following(api, "--task", "growing") as follower:
        begun = start(api, "growing", datetime.now(UTC))
        api.post([begun])
        follower.wait_for_line("growing", "* running")
        for seconds in (2, 12):
            api.post([late(api, "growing", seconds)])
            follower.wait_for_line("growing", f"o {seconds} missed", "PodLate")
        api.post([end(begun)])
        follower.wait_for_line("growing", "+ succeeded")
        assert len(follower.lines) == 5


def test_following_sees_the_end_of_a_run_that_a_page_of_newer_ones_has_buried(api: Api) -> None:
    long = start(api, "buried", datetime.now(UTC) - timedelta(hours=1))
    api.post([long])
    with following(api, "--task", "buried") as follower:
        follower.wait_for_line("buried", "* running")
        newer = [start(api, "buried", datetime.now(UTC)) for _ in range(110)]
        for first in range(0, len(newer), 50):
            api.post([event for run in newer[first : first + 50] for event in (run, end(run))])
        wait_for("the newer ones are there", lambda: len(follower.lines) >= 111)
        api.post([end(long, message="at last")])
        follower.wait_for_line("buried", "+ succeeded", "at last")


def test_following_waits_for_an_api_that_is_away(cluster: Cluster, accounts: Accounts, tmp_path: Path) -> None:
    port = free_port()
    with serving(cluster, accounts, tmp_path, port) as before:
        old = start(before, "patient", NOW - timedelta(minutes=1))
        before.post([old, end(old)])
    with following(before, "--task", "patient") as follower:
        wait_for("the warning", lambda: follower.warnings)
        assert follower.warnings[0].startswith(f"warning: the API does not answer at http://127.0.0.1:{port} (")
        assert follower.warnings[0].endswith("; trying again")
        with serving(cluster, accounts, tmp_path, port) as again:
            follower.wait_for_line("patient", "+ succeeded")
            fresh = start(again, "patient", datetime.now(UTC))
            again.post([fresh])
            follower.wait_for_line("patient", "* running")
            assert follower.interrupt() == 0
        assert len(follower.warnings) == 1, "an outage is told once, however long it is"


class Screen:
    """A terminal of 40 lines that a program draws on."""

    def __init__(self, api: Api, *arguments: str) -> None:
        self.text = ""
        self._pid, self._file = pty.fork()
        if self._pid == 0:
            heed_ctrl_c()
            os.environ.clear()
            os.environ.update(api.env(TERM="xterm-256color", LINES="40", COLUMNS="160", LANG="C.UTF-8"))
            os.execv(PROGRAM, [PROGRAM, "timeline", "-n", api.namespace, "-f", "--utc", *arguments])
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._file, 65536)
            except OSError:
                return
            if not data:
                return
            self.text += data.decode(errors="replace")

    def latest(self) -> str:
        """What was drawn last, without the terminal's codes."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text.rpartition("TIME (UTC)")[2])

    def interrupt(self) -> int:
        """Press Ctrl-C and return the exit code."""
        os.write(self._file, b"\x03")
        _, status = os.waitpid(self._pid, 0)
        self._reader.join()
        os.close(self._file)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_following_on_a_terminal_changes_rows_in_place(api: Api) -> None:
    begun = start(api, "screen", datetime.now(UTC))
    api.post([begun])
    screen = Screen(api, "--task", "screen")
    wait_for("the run is shown", lambda: "● running" in screen.latest())
    api.post([end(begun)])
    wait_for("its end is shown", lambda: "✔ succeeded" in screen.latest())
    assert "running" not in screen.latest()
    assert screen.latest().count("screen") == 1
    assert screen.interrupt() == 0
    assert "Traceback" not in screen.text
