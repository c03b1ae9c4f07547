"""The account that a run gives of itself: events to the timeline, and the container's termination message.

Imported once the action's process has been started, since no action needs it.
"""

import logging
import time
from datetime import datetime

from cronwright.reasons import Outcome
from cronwright.run.termination import dump_termination
from cronwright_runner.assignment import Assignment
from cronwright_runner.attempt import AttemptEnd
from cronwright_runner.events import end_event, log_end, start_event, termination_of
from cronwright_runner.poller import Poller
from cronwright_runner.processes import Processes
from cronwright_runner.report import Report
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals
from cronwright_runner.termination import leave_behind

DELIVERY_SECONDS = 10
"""How long the run's end may take to reach the timeline before it is left to the termination message."""

log = logging.getLogger("cronwright.runner")


class Account:
    """The account of one run in this pod."""

    def __init__(
        self, settings: Settings, assignment: Assignment, signals: Signals, poller: Poller, processes: Processes
    ) -> None:
        self._settings, self._assignment, self._signals, self._poller = settings, assignment, signals, poller
        self._report = Report(poller, processes, settings)

    def started(self, number: int, started_at: datetime) -> None:
        """Tell that attempt `number` has started."""
        self._report.tell(start_event(self._settings, self._assignment, number, started_at))

    def goes_on(self, number: int, end: AttemptEnd, retry_at: datetime) -> None:
        """Tell that attempt `number` has failed, and when the next one starts."""
        self._report.tell(end_event(self._settings, self._assignment, number, end, retry_at))

    def ended(self, number: int, end: AttemptEnd) -> Outcome:
        """Tell how the run has ended, with attempt `number`, and return its outcome."""
        event = end_event(self._settings, self._assignment, number, end)
        outcome = log_end(end)
        path = self._settings.termination_path
        # Before the delivery, so that a kill in the middle of it leaves the word of how the run ended
        leave_behind(path, dump_termination(termination_of(event, delivered=False)))
        self._report.tell(event)
        until = time.monotonic() + DELIVERY_SECONDS
        self._poller.until(lambda: self._report.settled(event), lambda: min(until, self._signals.leave_at()))
        if self._report.delivered(event):
            leave_behind(path, dump_termination(termination_of(event, delivered=True)))
        elif self._settings.api_url is not None:
            log.warning("the timeline lacks the end of this run; the termination message leaves it to the operator")
        self._report.close()
        return outcome
