"""The ticker of a loop's window: hands each tick to the runner when it is due, and tells the timeline of all of them.

It carries out what `cronwright.run.ticking` decides, and keeps what the next ticker of this pod must know.
"""

import logging
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from cronwright.instants import format_seconds, parse_instant
from cronwright.jsontypes import JSONObject
from cronwright.plan.windows import Ownership
from cronwright.reasons import Reason
from cronwright.run.merging import Merged
from cronwright.run.spans import span_of
from cronwright.run.termination import dump_undelivered
from cronwright.run.ticking import (
    Claim,
    Crashed,
    Decision,
    End,
    HandOver,
    Supersede,
    Ticking,
    dump_journal,
    load_journal,
)
from cronwright.schedule.grammar import Every, parse
from cronwright.timeline.event import dump_event
from cronwright.timeline.span import dump_span
from cronwright_runner import messages
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import AttemptEnd
from cronwright_runner.events import end_event, start_event
from cronwright_runner.messages import SOCKET, Ended, Hello, Leaving, UnderWay, dump, load_from_runner
from cronwright_runner.poller import READABLE, Poller
from cronwright_runner.post_office import DIRECTORY, PostOffice
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals
from cronwright_runner.spool import Spool, replace
from cronwright_runner.stream import Stream
from cronwright_runner.termination import leave_behind
from cronwright_runner.window import EndFile
from cronwright_runner.worker import tick_assignment

FLUSH_SECONDS = 1.0
"""Between two calls on the poster."""
LOOK_SECONDS = 0.25
"""Between two looks at the request to end, and the longest that a clock that was set goes unnoticed."""
LAST_POST_SECONDS = 5
"""How long the last rows may take to reach the timeline, before they are left to the termination message."""

_JOURNAL = "journal"

log = logging.getLogger("cronwright.ticker")


class Ticker:
    """One ticker's life, from its start to SIGTERM."""

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        owned: Ownership,
        signals: Signals,
        poller: Poller,
        processes: Processes,
    ) -> None:
        self._settings, self._document, self._signals, self._poller = settings, assignment.document, signals, poller
        every = parse(self._document.schedule)
        assert isinstance(every, Every), "a loop's schedule is an interval"
        self._seconds = every.seconds
        self._spool = Spool(settings.loop_directory / DIRECTORY, every.seconds, self._span)
        self._office = (
            None if settings.api_url is None else PostOffice(poller, processes, settings, settings.api_url, self._spool)
        )
        if self._office is None:
            log.warning("CRONWRIGHT_API_URL is not set, so the ticks are not reported to a timeline")
        self._journal = settings.loop_directory / _JOURNAL
        self._kept = self._journal.read_text(encoding="ascii") if self._journal.exists() else ""
        former = load_journal(self._kept) if self._kept else None
        self._ticking = Ticking(self._document, owned, datetime.now(UTC), former)
        self._stream: Stream | None = None
        self._attempts: dict[int, UnderWay] = {}
        """What the runner has told of the ticks under way."""
        self._untold: set[int] = set()
        """Those of them whose start is not in the spool."""
        self._end_file = EndFile(settings.end_path)
        self._look_at = time.monotonic()
        self._flush_at = time.monotonic() + FLUSH_SECONDS
        self._news = True
        self._wake_at = 0.0
        self._listen()

    def serve(self) -> None:
        """Serve until SIGTERM, then tell the last and return."""
        self._do(self._ticking.clock(datetime.now(UTC)))
        while not self._poller.until(self._signals.stopping, self._moment):
            self._wake()
        self._leave()

    def _listen(self) -> None:
        path = self._settings.loop_directory / SOCKET
        path.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._server.setblocking(False)
        self._poller.watch(self._server.fileno(), READABLE, self._accept)

    def _moment(self) -> float:
        """Return when to wake, on the monotonic clock, for a tick that is due on the wall's."""
        flush_at = self._flush_at if self._news or self._untold else float("inf")
        return min(time.monotonic() + self._wake_at - time.time(), self._look_at, flush_at)

    def _wake(self) -> None:
        if time.time() >= self._wake_at:
            self._do(self._ticking.clock(datetime.now(UTC)))
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            request = self._end_file.look()
            if request is not None:
                log.info("the pod is asked to end: %s", request)
                self._do(self._ticking.asked_to_end(request, datetime.now(UTC)))
        if now >= self._flush_at:
            self._flush_at = now + FLUSH_SECONDS
            self._flush()

    def _do(self, decisions: Sequence[Decision]) -> None:
        """Carry out `decisions`: what is told to the timeline first, what the runner is told last, and before that the
        journal, so that a kill at any line costs no tick and runs none twice.
        """
        for decision in decisions:
            if isinstance(decision, Claim):
                log.warning("%s, %s to %s: %s", decision.reason, decision.first, decision.last, decision.message)
                self._tell(self._claim(decision))
            elif isinstance(decision, Crashed):
                self._tell(self._crash(decision.tick))
        self._keep_journal()
        for decision in decisions:
            if isinstance(decision, HandOver):
                self._send(messages.Run(int(decision.tick.timestamp())))
            elif isinstance(decision, Supersede):
                self._send(messages.Supersede())
            elif isinstance(decision, End):
                log.info("no tick is left, and none is under way")
                self._send(messages.End())
        wake_at = self._ticking.wake_at()
        self._wake_at = float("inf") if wake_at is None else wake_at.timestamp()

    def _keep_journal(self) -> None:
        text = dump_journal(self._ticking.journal)
        if text != self._kept:
            replace(self._journal, text)
            self._kept = text

    def _send(self, message: messages.FromTicker) -> None:
        if self._stream is not None:
            self._stream.send(dump(message))

    def _accept(self) -> None:
        connection, _ = self._server.accept()
        if self._stream is not None:
            # A container's processes are gone before the next one starts, and what they said last is still to be heard
            self._stream.drain()
        if self._stream is not None:
            self._stream.close()
            self._disconnected()
        self._stream = Stream(self._poller, connection, self._hear, self._disconnected)

    def _disconnected(self) -> None:
        self._stream = None
        self._do(self._ticking.disconnected(datetime.now(UTC)))
        self._attempts.clear()
        self._untold.clear()

    def _hear(self, line: bytes) -> None:
        message = load_from_runner(line)
        now = datetime.now(UTC)
        if isinstance(message, UnderWay):
            self._attempts[message.tick] = message
            self._untold.add(message.tick)
        elif isinstance(message, Ended):
            self._ended(message)
        elif isinstance(message, Hello):
            for attempt in message.under_way:
                self._attempts[attempt.tick] = attempt
                self._untold.add(attempt.tick)
            ticks = {attempt.tick for attempt in message.under_way}.union(message.ended)
            known = [datetime.fromtimestamp(tick, UTC) for tick in ticks]
            self._do(self._ticking.connected(now, message.runner, known))
        elif isinstance(message, Leaving):
            self._do(self._ticking.leaving(now))

    def _ended(self, message: Ended) -> None:
        self._tell(message.event)
        self._untold.discard(message.tick)
        if message.over:
            self._attempts.pop(message.tick, None)
            self._do(self._ticking.ended(datetime.fromtimestamp(message.tick, UTC)))
        else:
            self._attempts[message.tick] = UnderWay(message.tick, message.attempt + 1, None)
        self._send(messages.Taken(message.number))

    def _tell(self, row: JSONObject) -> None:
        if self._office is not None:
            self._spool.append(row)
            self._news = True

    def _flush(self) -> None:
        for tick in sorted(self._untold):
            attempt = self._attempts[tick]
            if attempt.started_at is not None:
                assignment = tick_assignment(self._document, tick)
                event = start_event(self._settings, assignment, attempt.attempt, parse_instant(attempt.started_at))
                self._tell(dump_event(event))
        self._untold.clear()
        if self._news and self._office is not None:
            self._office.call()
        self._news = False

    def _leave(self) -> None:
        self._do(self._ticking.told_to_end())
        self._flush()
        path = self._settings.termination_path
        # Before the last post, so that a kill in the middle of it leaves the word of what is missing
        leave_behind(path, dump_undelivered(self._spool.undelivered(), self._seconds))
        if self._office is None or self._spool.delivered():
            return
        until = min(time.monotonic() + LAST_POST_SECONDS, self._signals.leave_at())
        self._office.call()
        if not self._poller.until(self._spool.delivered, lambda: until):
            log.warning("the timeline lacks some of the ticks; the termination message leaves them to the operator")
        leave_behind(path, dump_undelivered(self._spool.undelivered(), self._seconds))

    def _crash(self, tick: datetime) -> JSONObject:
        seconds, now = int(tick.timestamp()), datetime.now(UTC)
        attempt = self._attempts.get(seconds, UnderWay(seconds, 1, None))
        started_at = None if attempt.started_at is None else parse_instant(attempt.started_at)
        duration = None if started_at is None else round((now - started_at).total_seconds() * 1000)
        message = "the runner's container ended while the run was under way"
        log.error("the run of %s failed: %s: %s", format_seconds(tick), Reason.RUNNER_CRASHED, message)
        end = AttemptEnd(Reason.RUNNER_CRASHED, message, now, started_at, duration)
        return dump_event(end_event(self._settings, tick_assignment(self._document, seconds), attempt.attempt, end))

    def _claim(self, claim: Claim) -> JSONObject:
        return self._span(Merged(claim.reason, claim.first, claim.last, claim.total), claim.message)

    def _span(self, merged: Merged, message: str = "") -> JSONObject:
        document, settings = self._document, self._settings
        return dump_span(
            span_of(
                document,
                merged,
                reported_by="runner",
                title=document.label or document.name,
                message=message,
                pod_uid=settings.pod_uid,
                pod=settings.pod_name,
                node=settings.node_name,
            )
        )
