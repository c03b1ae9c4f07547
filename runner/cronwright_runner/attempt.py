"""One attempt: the action in a forked child, watched until it ends or its time is over.

A child, because only a process can be stopped whatever it does, and because a crash of it leaves someone to report it.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cronwright.jsontypes import JSONObject
from cronwright.reasons import Reason
from cronwright_runner.errors import Stopped
from cronwright_runner.memory import oom_kills
from cronwright_runner.output import Relay, Tail
from cronwright_runner.poller import READABLE, Poller, Sink
from cronwright_runner.processes import Processes
from cronwright_runner.signals import Signals
from cronwright_runner.verdict import Verdict, dump_verdict, judge, load_verdict

GRACE_SECONDS = 10
"""Between SIGTERM and SIGKILL to an action whose time is over."""
_AFTERMATH_SECONDS = 2
"""For a child that has given its verdict to end, for what it left to be killed, and for the last output to pass."""

log = logging.getLogger("cronwright.runner")


class AttemptEnd(NamedTuple):
    """How an attempt ended. Times are aware; `duration_ms` in milliseconds; `log_tail` the end of what was printed."""

    reason: Reason
    message: str
    finished_at: datetime
    started_at: datetime | None = None
    duration_ms: int | None = None
    log_tail: str = ""
    payload: JSONObject | None = None


class Child(NamedTuple):
    """The action's process, and the descriptors from which to read what it prints and how it ends."""

    pid: int
    stdout: int
    stderr: int
    verdict: int


def start_child(processes: Processes, action: Callable[[], object], keep: Collection[int] = ()) -> Child:
    """Start `action` in a process of its own, which has the descriptors `keep` beside its outputs."""
    stdout, child_stdout = os.pipe()
    stderr, child_stderr = os.pipe()
    verdict, child_verdict = os.pipe()
    ends = (child_stdout, child_stderr, child_verdict)
    pid = processes.fork(lambda: _child(action, *ends), _stop, keep=(*ends, *keep), leader=True)
    for fd in ends:
        os.close(fd)
    return Child(pid, stdout, stderr, verdict)


class Attempt:
    """An attempt that has been started. `timeout` in seconds; `start` starts the action, which is to end by the instant
    it is given; `output` makes what takes the action's output, for the descriptor 1 or 2.
    """

    def __init__(
        self,
        poller: Poller,
        processes: Processes,
        signals: Signals,
        timeout: int,
        start: Callable[[datetime], Child],
        output: Callable[[Poller, int], Sink] = Sink,
    ) -> None:
        self._poller, self._processes, self._signals, self._timeout = poller, processes, signals, timeout
        self._tail = Tail()
        self._verdict = bytearray()
        self.started_at = datetime.now(UTC)
        self._started = time.monotonic()
        child = start(self.started_at + timedelta(seconds=timeout))
        self._pid, self._results = child.pid, child.verdict
        self._oom_kills = oom_kills()
        self._relays = [
            Relay(poller, child.stdout, output(poller, 1), self._tail),
            Relay(poller, child.stderr, output(poller, 2), self._tail),
        ]
        poller.watch(self._results, READABLE, self._read_verdict)
        processes.adopt_orphans()

    def end(self) -> AttemptEnd:
        """Wait until the attempt has ended by itself, by its timeout or by a signal to the runner, and return how."""
        deadline = self._started + self._timeout
        ended = self._poller.until(lambda: self._over() or self._signals.stopping(), lambda: deadline)
        stopped = self._stop_with_grace() if not self._over() else None
        timed_out = not ended
        # Measured before the aftermath, which is ours
        finished_at, duration_ms = datetime.now(UTC), round((time.monotonic() - self._started) * 1000)
        self._clear_away()
        if timed_out:
            reason, message, payload = (
                Reason.TIMED_OUT,
                f"the action did not end within timeoutSeconds, {self._timeout} s{stopped}",
                None,
            )
        elif stopped is not None:
            reason, why = why_stopped(self._signals)
            message, payload = f"{why} while the action ran{stopped}", None
        else:
            verdict = self._judged()
            reason, message, payload = verdict.reason, verdict.message, verdict.payload
        return AttemptEnd(reason, message, finished_at, self.started_at, duration_ms, self._tail.text(), payload)

    def _over(self) -> bool:
        return self._verdict.endswith(b"\n") or self._processes.exit_code(self._pid) is not None

    def _stop_with_grace(self) -> str:
        """Stop the action and return what a message adds about it."""
        self._processes.stop_group(self._pid)
        kill_at = time.monotonic() + GRACE_SECONDS

        def ended() -> bool:
            return self._processes.exit_code(self._pid) is not None

        if self._poller.until(ended, lambda: min(kill_at, self._signals.kill_at())):
            return ""
        return "; it ignored SIGTERM and was killed"

    def _clear_away(self) -> None:
        until = time.monotonic() + _AFTERMATH_SECONDS
        if self._verdict:
            self._poller.until(lambda: self._processes.exit_code(self._pid) is not None, lambda: until)
        self._processes.kill_group(self._pid)
        swept = self._poller.until(self._processes.sweep, lambda: until)
        drained = self._poller.until(lambda: all(relay.drained() for relay in self._relays), lambda: until)
        if not swept:
            log.warning("a process that the action left can't be killed")
        if not drained:
            log.warning(
                "the last output of the action is lost, because the log took no more of it for %s s", _AFTERMATH_SECONDS
            )
        for relay in self._relays:
            relay.close()
        self._poller.forget(self._results)
        os.close(self._results)

    def _read_verdict(self) -> None:
        data = os.read(self._results, 64 * 1024)
        if data:
            self._verdict += data
        else:
            self._poller.forget(self._results)

    def _judged(self) -> Verdict:
        verdict = load_verdict(bytes(self._verdict)) or _crash(self._processes.exit_code(self._pid))
        if verdict.reason is Reason.ACTION_FAILED and oom_kills() > self._oom_kills:
            return Verdict(
                Reason.OOM_KILLED, f"the kernel killed a process of the action for want of memory ({verdict.message})"
            )
        return verdict


def _crash(exit_code: int | None) -> Verdict:
    if exit_code is None:
        message = "the action's process went away without a trace"
    elif exit_code < 0:
        message = f"the action's process was killed by {signal_name(-exit_code)}"
    else:
        message = f"the action's process ended with exit code {exit_code} before the action returned"
    return Verdict(Reason.ACTION_FAILED, message)


def why_stopped(signals: Signals) -> tuple[Reason, str]:
    """Return the reason of a run that is told to end by `signals`, and how its message begins."""
    if signals.superseded:
        return Reason.SUPERSEDED, "the Task was edited"
    return Reason.TERMINATED, "the pod was told to end"


def signal_name(number: int) -> str:
    """Return the name of signal `number`, such as SIGSEGV; real-time signals have only a number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _stop(_signal: int, _frame: object) -> None:
    raise Stopped("the attempt's time is over, or the pod ends")


def _child(action: Callable[[], object], stdout: int, stderr: int, results: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for fd, standard in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(fd, standard)
        os.close(fd)
    # Python fills a pipe's buffer before it writes: the log would come late, and be lost in a crash
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    line = dump_verdict(judge(action, logging.getLogger("cronwright.action")))
    sys.stdout.flush()
    sys.stderr.flush()
    while line:
        line = line[os.write(results, line) :]
