"""The runner in a loop's pod: it runs the ticks that the ticker hands over, until that says that the window is over.

It serves its workers and the socket and does nothing itself that could crash or wait. When a tick is due, and what
becomes of one that is not run, is the ticker's to decide.
"""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from signal import SIG_IGN
from uuid import uuid4

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSONObject
from cronwright.reasons import Reason
from cronwright.run.document import RunDocument
from cronwright.timeline.event import dump_event
from cronwright_runner import registry
from cronwright_runner.attempt import AttemptEnd, signal_name
from cronwright_runner.errors import UnknownAction
from cronwright_runner.events import end_event
from cronwright_runner.floor import Floor
from cronwright_runner.memory import oom_kills
from cronwright_runner.messages import (
    SOCKET,
    End,
    Ended,
    Hello,
    Leaving,
    Lines,
    Run,
    Supersede,
    Taken,
    UnderWay,
    dump,
    load_from_ticker,
)
from cronwright_runner.poller import READABLE, Poller
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals
from cronwright_runner.stream import Stream
from cronwright_runner.worker import STOP, SUPERSEDE, Told, load_report, tick_assignment, work

_CONNECT_SECONDS = 0.05
"""Between two tries to reach the ticker, which may be starting."""
_SPARE_SECONDS = 0.1
"""After a tick was handed over, until the next worker is started: the tick that has just begun comes first."""
_TICKS_OF_A_WORKER = 500
"""Then another takes its place, so that what a run may leave in its memory does not add up."""
_SWEEP_SECONDS = 0.01
"""Between two looks for what an action has left, until there is nothing."""
_TERMINATED = 143
"""The exit code of a program that SIGTERM has ended, as a shell would say it."""

log = logging.getLogger("cronwright.runner")


def serve(settings: Settings, document: RunDocument, signals: Signals, poller: Poller, processes: Processes) -> int:
    """Serve the window and return the exit code: 0 when it is over, 143 after SIGTERM."""
    processes.adopt_orphans()
    _warm_up(document)
    loop = _Loop(settings, document, signals, poller, processes)
    loop.serve_until(lambda: loop.over() or signals.stopping(), lambda: float("inf"))
    if loop.over():
        return 0
    loop.leave()
    loop.serve_until(loop.left, signals.leave_at)
    return _TERMINATED


def _warm_up(document: RunDocument) -> None:
    """Import the action and all that it needs when it runs, so that each tick finds it there."""
    try:
        action = registry.load(registry.find(document.action_name))
        for module in getattr(import_module(action.__module__), "IMPORTED_WHEN_RUN", ()):
            import_module(module)
    except UnknownAction as error:
        log.error("each run is going to fail: %s", error)
    except (Exception, SystemExit):
        # Each tick's own process tries again, and says on the timeline what it met
        log.exception("action %s can't be imported, so each run is going to fail", document.action_name)


class _Loop:
    def __init__(
        self, settings: Settings, document: RunDocument, signals: Signals, poller: Poller, processes: Processes
    ) -> None:
        self._settings, self._document, self._signals = settings, document, signals
        self._poller, self._processes = poller, processes
        self._name = str(uuid4())
        self._floor = Floor()
        self._idle: list[_Worker] = []
        self._spare_at = 0.0
        self._busy: dict[int, _Worker] = {}
        self._ends: dict[int, Ended] = {}
        """Those that the ticker has not taken, by their numbers."""
        self._told = 0
        self._stream: Stream | None = None
        self._connect_at = 0.0
        self._sweep_at = float("inf")
        self._ending = False

    def serve_until(self, done: Callable[[], bool], moment: Callable[[], float]) -> None:
        """Serve until `done()`, or until `moment()` has come, on the monotonic clock."""
        while not self._poller.until(done, lambda: min(self._next_moment(), moment())):
            now = time.monotonic()
            if now >= moment():
                return
            if self._stream is None and now >= self._connect_at:
                self._connect()
            if now >= self._sweep_at:
                self._sweep_at = float("inf") if self._processes.sweep() else now + _SWEEP_SECONDS
            if self._wants_spare() and now >= self._spare_at:
                self._idle.append(self._worker())

    def over(self) -> bool:
        """Return whether the window is over, and all of it told."""
        return self._ending and self.idle()

    def idle(self) -> bool:
        """Return whether nothing is under way and the ticker has taken every end."""
        return not self._busy and not self._ends

    def left(self) -> bool:
        """Return whether there is nothing to wait for any more, after `leave`."""
        return not self._busy and (not self._ends or self._stream is None)

    def leave(self) -> None:
        """Stop what is under way, since the pod was told to end."""
        self._send(dump(Leaving()))
        self._ending = True
        for worker in self._busy.values():
            worker.order(STOP)

    def _next_moment(self) -> float:
        connect = float("inf") if self._stream is not None else self._connect_at
        return min(connect, self._sweep_at, self._spare_at if self._wants_spare() else float("inf"))

    def _wants_spare(self) -> bool:
        loop = self._document.loop
        assert loop is not None, "only a loop has ticks"
        needed = not self._busy or loop.concurrency_policy == "Allow"
        return needed and not self._idle and not self._ending and self._stream is not None

    def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self._settings.loop_directory / SOCKET))
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            self._connect_at = time.monotonic() + _CONNECT_SECONDS
            return
        self._stream = Stream(self._poller, connection, self._hear, self._disconnected)
        under_way = tuple(UnderWay(tick, worker.attempt, worker.started_at) for tick, worker in self._busy.items())
        self._send(dump(Hello(self._name, under_way, tuple({end.tick for end in self._ends.values()}))))
        for end in self._ends.values():
            self._send(dump(end))

    def _disconnected(self) -> None:
        log.warning("the ticker has gone; what is under way goes on until it is back")
        self._stream = None
        self._connect_at = time.monotonic() + _CONNECT_SECONDS

    def _send(self, line: bytes) -> None:
        if self._stream is not None:
            self._stream.send(line)

    def _hear(self, line: bytes) -> None:
        message = load_from_ticker(line)
        if isinstance(message, Run):
            if not self._ending:
                self._start(message.tick)
        elif isinstance(message, Taken):
            self._ends.pop(message.number, None)
        elif isinstance(message, Supersede):
            for worker in self._busy.values():
                worker.order(SUPERSEDE)
        elif isinstance(message, End):
            self._ending = True
            for worker in self._idle:
                worker.dismiss()

    def _start(self, tick: int) -> None:
        worker = self._idle.pop() if self._idle else self._worker()
        worker.run(tick)
        self._busy[tick] = worker
        self._spare_at = time.monotonic() + _SPARE_SECONDS

    def _worker(self) -> "_Worker":
        return _Worker(self._settings, self._document, self._floor, self._poller, self._processes, self)

    def heard_started(self, tick: int, attempt: int, at: str) -> None:
        """A worker's attempt has started."""
        self._send(dump(UnderWay(tick, attempt, at)))

    def heard_ended(self, tick: int, attempt: int, over: bool, event: JSONObject) -> None:
        """A worker's attempt has ended, and with it the run if `over`."""
        self._told += 1
        end = Ended(self._told, tick, attempt, over, event)
        self._ends[end.number] = end
        self._send(dump(end))
        worker = self._busy.pop(tick) if over else None
        if worker is None or worker.gone:
            return
        if self._idle or self._ending or worker.ticks >= _TICKS_OF_A_WORKER:
            worker.dismiss()
        else:
            self._idle.append(worker)

    def lost(self, worker: "_Worker") -> None:
        """A worker's process has ended."""
        self._spare_at = time.monotonic() + _SPARE_SECONDS
        if worker in self._idle:
            self._idle.remove(worker)
        if worker.tick is not None:
            # Its action is ours now, and would run on beside the next tick
            self._sweep_at = time.monotonic()
            self.heard_ended(worker.tick, worker.attempt, True, worker.crash())


class _Worker:
    """The loop's side of a worker, with the `tick` that it runs, if any, and how many `ticks` it was given.

    `attempt` is the one under way, or the next one if `started_at` is None.
    """

    def __init__(
        self,
        settings: Settings,
        document: RunDocument,
        floor: Floor,
        poller: Poller,
        processes: Processes,
        loop: _Loop,
    ) -> None:
        self._settings, self._document, self._poller, self._processes = settings, document, poller, processes
        self._loop = loop
        self.tick: int | None = None
        self.ticks = 0
        self.attempt = 1
        self.started_at: str | None = None
        self.gone = False
        self._lines = Lines()
        orders, self._orders = os.pipe()
        self._reports, reports = os.pipe()

        def body() -> None:
            work(settings, document, floor, orders, reports)

        self._pid = processes.fork(body, on_term=SIG_IGN, keep=(orders, reports, floor.fd), leader=False)
        os.close(orders)
        os.close(reports)
        self._oom_kills = 0
        poller.watch(self._reports, READABLE, self._hear)

    def run(self, tick: int) -> None:
        """Have it run `tick`."""
        self.tick, self.attempt, self.started_at = tick, 1, None
        self.ticks += 1
        self.order(b"%d\n" % tick)
        self._oom_kills = oom_kills()

    def order(self, order: bytes) -> None:
        """Tell it something, unless it has gone."""
        try:
            os.write(self._orders, order)
        except BrokenPipeError:
            return

    def dismiss(self) -> None:
        """Let it end, since it has nothing to do."""
        self.order(STOP)

    def crash(self) -> JSONObject:
        """Return the end of its run, which it did not live to tell."""
        assert self.tick is not None, "a worker without a tick has no run"
        now = datetime.now(UTC)
        exit_code = self._processes.exit_code(self._pid)
        how = f"was killed by {signal_name(-exit_code)}" if exit_code and exit_code < 0 else "ended before its time"
        reason, message = Reason.RUNNER_CRASHED, f"the process that ran the action {how}"
        if oom_kills() > self._oom_kills:
            reason, message = Reason.OOM_KILLED, f"the kernel killed a process for want of memory ({message})"
        started_at = parse_instant(self.started_at) if self.started_at else None
        duration = round((now - started_at).total_seconds() * 1000) if started_at else None
        end = AttemptEnd(reason, message, now, started_at, duration)
        log.error("the run failed: %s: %s", reason, message)
        return dump_event(end_event(self._settings, tick_assignment(self._document, self.tick), self.attempt, end))

    def _hear(self) -> None:
        data = os.read(self._reports, 256 * 1024)
        if not data:
            self._gone()
            return
        for line in self._lines.add(data):
            self._heard(line)

    def _heard(self, line: bytes) -> None:
        assert self.tick is not None, "a worker speaks of its tick only"
        report = load_report(line)
        if isinstance(report, Told):
            tick = self.tick
            if report.over:
                self.tick = None
            else:
                # Between two attempts the next one is what a crash would end
                self.attempt, self.started_at = report.attempt + 1, None
            self._loop.heard_ended(tick, report.attempt, report.over, report.event)
        else:
            self.attempt, self.started_at = report.attempt, report.at
            self._loop.heard_started(self.tick, report.attempt, report.at)

    def _gone(self) -> None:
        self.gone = True
        self._poller.forget(self._reports)
        # Its pipe closes a moment before its exit can be seen
        self._processes.wait(self._pid)
        self._loop.lost(self)
        self._processes.forget(self._pid)
        os.close(self._reports)
        os.close(self._orders)
