"""The run: gate, attempts with their pauses, and the word about its end. Decides what is final, and the exit code."""

import logging
import time
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from cronwright.names import FINAL_EXIT_CODE
from cronwright.reasons import Outcome, Reason
from cronwright.run.gate import gate
from cronwright.run.termination import dump_termination
from cronwright_runner import registry
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import Attempt, AttemptEnd
from cronwright_runner.context import Context
from cronwright_runner.errors import UnknownAction
from cronwright_runner.events import end_event, outcome_of, start_event, termination_of
from cronwright_runner.poller import Poller
from cronwright_runner.processes import Processes
from cronwright_runner.report import Report
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals
from cronwright_runner.termination import leave_behind

DELIVERY_SECONDS = 10
"""How long the run's end may take to reach the timeline before it is left to the termination message."""
_NO_RETRY = frozenset({Reason.COMPLETED, Reason.INVALID_ATTRIBUTES, Reason.UNKNOWN_ACTION, Reason.TERMINATED})

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
        self, settings: Settings, assignment: Assignment, signals: Signals, poller: Poller, processes: Processes
    ) -> None:
        self._settings, self._assignment, self._signals = settings, assignment, signals
        self._poller, self._processes = poller, processes
        self._report = Report(poller, processes, settings)

    def execute(self) -> ExitCode:
        """Run the action, unless the gate says not to, write the termination message, and return the exit code."""
        try:
            return self._execute()
        finally:
            self._report.close()

    def _execute(self) -> ExitCode:
        now = datetime.now(UTC)
        skip = gate(self._assignment.document, self._assignment.due, now)
        if skip is not None:
            return self._finish(1, AttemptEnd(skip.reason, skip.message, now))
        try:
            target = registry.find(self._assignment.document.action_name)
        except UnknownAction as error:
            return self._finish(1, AttemptEnd(Reason.UNKNOWN_ACTION, str(error), now, now, 0))
        return self._finish(*self._attempts(target))

    def _attempts(self, target: str) -> tuple[int, AttemptEnd]:
        """Return the number of the last attempt, and how it ended."""
        retry, number = self._assignment.document.retry, 1
        while not self._signals.stopping():
            end = self._attempt(number, target)
            if end.reason in _NO_RETRY or number > retry.limit or self._signals.stopping():
                return number, end
            number += 1
            pause = retry.pause_before(number)
            retry_at = end.finished_at + timedelta(seconds=pause)
            log.warning(
                "attempt %s of %s failed, the next one starts in %s s: %s: %s",
                number - 1,
                retry.limit + 1,
                pause,
                end.reason,
                end.message,
            )
            self._report.tell(end_event(self._settings, self._assignment, number - 1, end, retry_at))
            self._pause(pause)
        return number, AttemptEnd(
            Reason.TERMINATED, f"the pod was told to end before attempt {number} had started", datetime.now(UTC)
        )

    def _pause(self, seconds: int) -> None:
        until = time.monotonic() + seconds
        self._poller.until(self._signals.stopping, lambda: until)

    def _attempt(self, number: int, target: str) -> AttemptEnd:
        document = self._assignment.document

        def action(deadline: datetime) -> object:
            context = Context(
                task=document.name,
                namespace=document.namespace,
                entity=document.entity_name,
                attributes=document.attributes,
                user=document.as_user_email,
                scheduled_time=self._assignment.due.scheduled_time,
                deadline=deadline,
                attempt=number,
                idempotency_key=str(self._assignment.run_id),
                logger=logging.getLogger("cronwright.action"),
            )
            run = registry.load(target)
            log.info("attempt %s of %s: action %s starts", number, document.retry.limit + 1, document.action_name)
            return run(context)

        attempt = Attempt(self._poller, self._processes, self._signals, document.timeout_seconds, action)
        self._report.tell(start_event(self._settings, self._assignment, number, attempt.started_at))
        return attempt.end()

    def _finish(self, number: int, end: AttemptEnd) -> ExitCode:
        event = end_event(self._settings, self._assignment, number, end)
        outcome = outcome_of(end.reason)
        log.log(
            logging.ERROR if outcome is Outcome.FAILED else logging.INFO,
            "the run %s: %s%s",
            outcome,
            end.reason,
            f": {end.message}" if end.message else "",
        )
        # Before the delivery, so that a kill in the middle of it leaves the word of how the run ended
        leave_behind(self._settings.termination_path, dump_termination(termination_of(event, delivered=False)))
        self._report.tell(event)
        until = time.monotonic() + DELIVERY_SECONDS
        self._poller.until(lambda: self._report.settled(event), lambda: min(until, self._signals.leave_at()))
        if self._report.delivered(event):
            leave_behind(self._settings.termination_path, dump_termination(termination_of(event, delivered=True)))
        elif self._settings.api_url is not None:
            log.warning(
                "the timeline does not have the end of this run; it is left to the operator in the termination message"
            )
        if end.reason is Reason.TERMINATED:
            return ExitCode.TERMINATED
        return ExitCode.FINAL if outcome is Outcome.FAILED else ExitCode.DONE
