"""A worker: a process that runs one tick at a time, as any other run, with its gate, attempts and pauses.

A process of its own, so that a crash costs no more than the tick that it has under way, and as many as there are ticks
under way at once. What it has to say goes to the loop over a pipe, as lines of JSON.
"""

import gc
import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from cronwright.instants import format_instant, format_seconds
from cronwright.jsontypes import JSONObject
from cronwright.reasons import Outcome
from cronwright.run.document import RunDocument
from cronwright.run.gate import Due
from cronwright.run.ids import scheduled_run_id
from cronwright.timeline.event import dump_event
from cronwright_runner import logs, registry
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import AttemptEnd, Child, start_child
from cronwright_runner.events import end_event, log_end
from cronwright_runner.floor import Floor
from cronwright_runner.poller import READABLE, Poller
from cronwright_runner.processes import Processes
from cronwright_runner.run import Run, perform
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals

STOP, SUPERSEDE = b"stop\n", b"supersede\n"
"""What the loop tells a worker beside ticks (in seconds since the epoch): to end what it runs, and itself."""


class Started(NamedTuple):
    """Attempt number `attempt` has started at `at` (RFC 3339)."""

    attempt: int
    at: str


class Told(NamedTuple):
    """Attempt number `attempt` has ended with the row `event`; `over` if the run has, too."""

    attempt: int
    over: bool
    event: JSONObject


def tick_assignment(document: RunDocument, tick: int) -> Assignment:
    """Return the run of `document` for `tick`, in seconds since the epoch."""
    at = datetime.fromtimestamp(tick, UTC)
    return Assignment(document, Due(at), scheduled_run_id(document.uid, at), "schedule")


def work(settings: Settings, document: RunDocument, floor: Floor, orders: int, reports: int) -> None:
    """Run the ticks that come on the pipe `orders`, one after the other, and tell of them on the pipe `reports`, until
    it is told to stop or the loop goes away.
    """
    signals, poller, processes = Signals(), Poller(), Processes()
    signals.allow(settings.grace_seconds)
    processes.adopt_orphans()
    # A collection would touch, and so copy, all that is shared with the loop, which makes a new worker now and then
    gc.disable()

    def on_signal() -> None:
        signals.drain()
        processes.reap()

    def on_order() -> None:
        order = os.read(orders, 64)
        poller.forget(orders)
        if not order:
            # Nothing survives the loop: another one may run the next tick already
            signals.allow(0)
        signals.stop(superseded=order == SUPERSEDE)

    poller.watch(signals.fd, READABLE, on_signal)
    waiting = _Waiting(settings, document, processes)
    while (order := os.read(orders, 64)) and order not in (STOP, SUPERSEDE) and not signals.stopping():
        tick, _, more = order.partition(b"\n")
        if more:
            signals.stop(superseded=more == SUPERSEDE)
        poller.watch(orders, READABLE, on_order)
        assignment = tick_assignment(document, int(tick))
        logs.configure(settings.log_format, **_keys(assignment))
        Run(
            settings,
            assignment,
            signals,
            poller,
            processes,
            _TickAccount(settings, assignment, lambda message: _tell(reports, message)),
            floor.output(int(tick), partial(_header, settings, assignment)),
            partial(_start, waiting, assignment, processes),
        ).execute()
        poller.forget(orders)
        processes.forget_all()
        waiting = _Waiting(settings, document, processes)
    waiting.dismiss()


def _start(waiting: "_Waiting", assignment: Assignment, processes: Processes, number: int, deadline: datetime) -> Child:
    """Start an attempt: the first one in the process that waits for it."""
    if number == 1 and (child := waiting.go(assignment, deadline)) is not None:
        return child
    target = registry.find(assignment.document.action_name)
    return start_child(processes, lambda: perform(assignment, target, number, deadline))


class _Waiting:
    """The process of the next tick's first attempt, which waits for it, so that the tick needs to wait for none."""

    def __init__(self, settings: Settings, document: RunDocument, processes: Processes) -> None:
        self._processes = processes
        door, self._door = os.pipe()

        def action() -> object:
            line = os.read(door, 64)
            if not line:
                return None
            tick, deadline = line.split()
            assignment = tick_assignment(document, int(tick))
            logs.configure(settings.log_format, **_keys(assignment))
            target = registry.find(document.action_name)
            return perform(assignment, target, 1, datetime.fromtimestamp(float(deadline), UTC))

        self._child = start_child(processes, action, keep=(door,))
        os.close(door)

    def go(self, assignment: Assignment, deadline: datetime) -> Child | None:
        """Let it run for the tick of `assignment`, and return it, or None where it is gone."""
        at = assignment.due.scheduled_time
        assert at is not None, "a tick is a time"
        try:
            os.write(self._door, f"{int(at.timestamp())} {deadline.timestamp()!r}".encode())
        except BrokenPipeError:
            self.dismiss()
            return None
        os.close(self._door)
        return self._child

    def dismiss(self) -> None:
        """Let it end without a tick."""
        self._processes.kill_group(self._child.pid)
        for fd in (self._door, self._child.stdout, self._child.stderr, self._child.verdict):
            os.close(fd)


def _keys(assignment: Assignment) -> dict[str, str]:
    """Return what stands on each line of a tick's log."""
    document, at = assignment.document, assignment.due.scheduled_time
    assert at is not None, "a tick is a time"
    return {
        "task": document.name,
        "namespace": document.namespace,
        "run_id": str(assignment.run_id),
        "scheduled_time": format_seconds(at),
    }


def _header(settings: Settings, assignment: Assignment) -> bytes:
    keys = _keys(assignment)
    return logs.line(settings.log_format, f"the run of {keys['scheduled_time']}", **keys)


class _TickAccount:
    """The account of a tick's run, which the loop passes on."""

    def __init__(self, settings: Settings, assignment: Assignment, tell: Callable[[Started | Told], None]) -> None:
        self._settings, self._assignment, self._tell = settings, assignment, tell

    def started(self, number: int, started_at: datetime) -> None:
        self._tell(Started(number, format_instant(started_at)))

    def goes_on(self, number: int, end: AttemptEnd, retry_at: datetime) -> None:
        event = end_event(self._settings, self._assignment, number, end, retry_at)
        self._tell(Told(number, False, dump_event(event)))

    def ended(self, number: int, end: AttemptEnd) -> Outcome:
        outcome = log_end(end)
        self._tell(Told(number, True, dump_event(end_event(self._settings, self._assignment, number, end))))
        return outcome


def load_report(line: bytes) -> Started | Told:
    """Return what a worker told on `line`."""
    fields = json.loads(line)
    return Started(*fields) if len(fields) == len(Started._fields) else Told(*fields)


def _tell(reports: int, message: Started | Told) -> None:
    line = json.dumps(message).encode() + b"\n"
    while line:
        try:
            line = line[os.write(reports, line) :]
        except BrokenPipeError:
            logging.getLogger("cronwright.runner").warning("the loop has gone, and nobody hears how the run went")
            return
