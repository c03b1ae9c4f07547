"""A worker as the loop sees it: a process, the orders that it is given, and what it is heard to say.

What it does in its process is in `worker`; which worker runs which tick, in `crew`.
"""

import logging
import os
from datetime import UTC, datetime
from signal import SIG_IGN
from typing import Protocol

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSONObject
from cronwright.reasons import Reason
from cronwright.run.document import RunDocument
from cronwright.timeline.event import dump_event
from cronwright_runner.attempt import AttemptEnd, signal_name
from cronwright_runner.events import end_event
from cronwright_runner.floor import Floor
from cronwright_runner.memory import oom_kills
from cronwright_runner.messages import Lines
from cronwright_runner.poller import READABLE, Poller
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.worker import STOP, Told, load_report, tick_assignment, work

log = logging.getLogger("cronwright.runner")


class Listener(Protocol):
    """Who hears of workers."""

    def heard_started(self, tick: int, attempt: int, at: str) -> None:
        """A worker's attempt has started."""

    def heard_ended(self, tick: int, attempt: int, over: bool, event: JSONObject) -> None:
        """A worker's attempt has ended, and with it the run if `over`."""

    def lost(self, worker: "WorkerProcess") -> None:
        """A worker's process has ended."""


class WorkerProcess:
    """A worker with the `tick` that it runs, if any, and how many `ticks` it was given.

    `attempt` is the one under way, or the next one if `started_at` is None.
    """

    def __init__(
        self,
        settings: Settings,
        document: RunDocument,
        floor: Floor,
        poller: Poller,
        processes: Processes,
        listener: Listener,
    ) -> None:
        self._settings, self._document, self._poller, self._processes = settings, document, poller, processes
        self._listener = listener
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
            self._listener.heard_ended(tick, report.attempt, report.over, report.event)
        else:
            self.attempt, self.started_at = report.attempt, report.at
            self._listener.heard_started(self.tick, report.attempt, report.at)

    def _gone(self) -> None:
        self.gone = True
        self._poller.forget(self._reports)
        # Its pipe closes a moment before its exit can be seen
        self._processes.wait(self._pid)
        self._listener.lost(self)
        self._processes.forget(self._pid)
        os.close(self._reports)
        os.close(self._orders)
