"""A worker: a process that waits for one tick and runs it as any other run, with its gate, attempts and pauses.

A process for each tick, so that a crash of ours or of the action costs this tick only; started before its tick is due,
so that the tick need not wait for it. What it has to say goes to the loop over a pipe, as lines of JSON.
"""

import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from cronwright.instants import format_instant, format_seconds
from cronwright.jsontypes import JSONObject
from cronwright.reasons import Outcome
from cronwright.run.document import RunDocument
from cronwright.run.gate import Due
from cronwright.run.ids import scheduled_run_id
from cronwright.timeline.event import dump_event
from cronwright_runner import logs
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import AttemptEnd
from cronwright_runner.events import end_event, log_end
from cronwright_runner.floor import Floor
from cronwright_runner.poller import READABLE, Poller
from cronwright_runner.processes import Processes, adopt_orphans
from cronwright_runner.run import Run
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals

STOP, SUPERSEDE = b"stop\n", b"supersede\n"
"""What the loop tells a worker that runs; before that it tells the tick, in seconds since the epoch."""


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
    """Wait on the pipe `orders` for the tick, run it, and tell of it on the pipe `reports`; do nothing where the loop
    goes away instead.
    """
    signals, poller, processes = Signals(), Poller(), Processes()
    signals.allow(settings.grace_seconds)
    adopt_orphans()
    line = os.read(orders, 64)
    if not line:
        return
    tick = int(line)
    assignment = tick_assignment(document, tick)
    keys = {
        "task": document.name,
        "namespace": document.namespace,
        "run_id": str(assignment.run_id),
        "scheduled_time": format_seconds(datetime.fromtimestamp(tick, UTC)),
    }
    logs.configure(settings.log_format, **keys)

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
    poller.watch(orders, READABLE, on_order)
    account = _TickAccount(settings, assignment, lambda message: _tell(reports, message))
    output = floor.output(tick, lambda: logs.line(settings.log_format, f"the run of {keys['scheduled_time']}", **keys))
    Run(settings, assignment, signals, poller, processes, account, output).execute()


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
        self._tell(Told(number, True, dump_event(end_event(self._settings, self._assignment, number, end))))
        return log_end(end)


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
