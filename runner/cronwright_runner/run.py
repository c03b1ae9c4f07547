"""The run: gate, attempts with their pauses. Decides what is final, and the exit code."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from cronwright.names import FINAL_EXIT_CODE
from cronwright.reasons import Outcome, Reason
from cronwright.run.gate import gate
from cronwright_runner import registry
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import Attempt, AttemptEnd, Child, start_child, why_stopped
from cronwright_runner.context import Context
from cronwright_runner.errors import UnknownAction
from cronwright_runner.poller import Poller, Sink
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals

if TYPE_CHECKING:
    from typing import Protocol

    class Account(Protocol):
        """Who is told how the run goes."""

        def started(self, number: int, started_at: datetime) -> None: ...
        def goes_on(self, number: int, end: AttemptEnd, retry_at: datetime) -> None: ...
        def ended(self, number: int, end: AttemptEnd) -> Outcome: ...


_NO_RETRY = frozenset(
    {Reason.COMPLETED, Reason.INVALID_ATTRIBUTES, Reason.UNKNOWN_ACTION, Reason.TERMINATED, Reason.SUPERSEDED}
)

log = logging.getLogger("cronwright.runner")


class ExitCode(IntEnum):
    """What the Job controller is told."""

    DONE = 0
    """Succeeded, or skipped by the gate."""
    FINAL = FINAL_EXIT_CODE
    """Failed; podFailurePolicy lets no other pod try."""
    TERMINATED = 143
    """Ended by SIGTERM, as a shell would say it: the Job controller may start another pod, within its backoffLimit."""


class Run:
    """One run in this pod."""

    def __init__(
        self,
        settings: Settings,
        assignment: Assignment,
        signals: Signals,
        poller: Poller,
        processes: Processes,
        account: Account | None = None,
        output: Callable[[Poller, int], Sink] = Sink,
        start: Callable[[int, datetime], Child] | None = None,
    ) -> None:
        """`account` hears how it goes, `output` makes what takes the action's output, and `start` starts an attempt's
        process by its number and deadline; without them they are those of a pod's only run.
        """
        self._settings, self._assignment, self._signals = settings, assignment, signals
        self._poller, self._processes = poller, processes
        self._opened, self._output, self._start = account, output, start

    def execute(self) -> ExitCode:
        """Run the action, unless the gate says not to, give account of it, and return the exit code."""
        number, end = self.end()
        outcome = self._account().ended(number, end)
        if end.reason is Reason.TERMINATED:
            return ExitCode.TERMINATED
        return ExitCode.FINAL if outcome is Outcome.FAILED else ExitCode.DONE

    def end(self) -> tuple[int, AttemptEnd]:
        """Run the action, unless the gate says not to, and return the number of the last attempt, and how it ended."""
        now = datetime.now(UTC)
        skip = gate(self._assignment.document, self._assignment.due, now)
        if skip is not None:
            return 1, AttemptEnd(skip.reason, skip.message, now)
        try:
            target = registry.find(self._assignment.document.action_name)
        except UnknownAction as error:
            return 1, AttemptEnd(Reason.UNKNOWN_ACTION, str(error), now, now, 0)
        return self._attempts(target)

    def _attempts(self, target: str) -> tuple[int, AttemptEnd]:
        retry, number = self._assignment.document.retry, 1
        while not self._signals.stopping():
            end = self._attempt(number, target)
            if end.reason in _NO_RETRY or number > retry.limit or self._signals.stopping():
                return number, end
            pause = retry.pause_before(number + 1)
            log.warning(
                "attempt %s of %s failed, the next one starts in %s s: %s: %s",
                number,
                retry.limit + 1,
                pause,
                end.reason,
                end.message,
            )
            self._account().goes_on(number, end, end.finished_at + timedelta(seconds=pause))
            self._pause(pause)
            number += 1
        reason, why = why_stopped(self._signals)
        return number, AttemptEnd(reason, f"{why} before attempt {number} had started", datetime.now(UTC))

    def _pause(self, seconds: int) -> None:
        until = time.monotonic() + seconds
        self._poller.until(self._signals.stopping, lambda: until)

    def _attempt(self, number: int, target: str) -> AttemptEnd:
        def start(deadline: datetime) -> Child:
            if self._start is not None:
                return self._start(number, deadline)
            return start_child(self._processes, lambda: perform(self._assignment, target, number, deadline))

        timeout = self._assignment.document.timeout_seconds
        attempt = Attempt(self._poller, self._processes, self._signals, timeout, start, self._output)
        self._account().started(number, attempt.started_at)
        return attempt.end()

    def _account(self) -> Account:
        if self._opened is None:
            from cronwright_runner import account

            self._opened = account.Account(
                self._settings, self._assignment, self._signals, self._poller, self._processes
            )
        return self._opened


def perform(assignment: Assignment, target: str, number: int, deadline: datetime) -> object:
    """Run the action at `target` as attempt `number` of a run, in the attempt's own process, and return its result."""
    document = assignment.document
    context = Context(
        task=document.name,
        namespace=document.namespace,
        entity=document.entity_name,
        attributes=document.attributes,
        user=document.as_user_email,
        scheduled_time=assignment.due.scheduled_time,
        deadline=deadline,
        attempt=number,
        idempotency_key=str(assignment.run_id),
        logger=logging.getLogger("cronwright.action"),
    )
    run = registry.load(target)
    log.info("attempt %s of %s: action %s starts", number, document.retry.limit + 1, document.action_name)
    return run(context)
