"""The runner in a loop's pod: it runs the ticks that the ticker hands over, until that says that the window is over.

It serves its workers (`crew`) and the socket (`ticker_link`) and does nothing itself that could crash or wait. When a
tick is due, and what becomes of one that is not run, is the ticker's to decide.
"""

import time
from collections.abc import Callable

from cronwright.run.document import RunDocument
from cronwright_runner.crew import Crew
from cronwright_runner.messages import End, Leaving, Run, Supersede
from cronwright_runner.poller import Poller
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals
from cronwright_runner.ticker_link import TickerLink
from cronwright_runner.warm_up import warm_up

_TERMINATED = 143
"""The exit code of a program that SIGTERM has ended, as a shell would say it."""


def serve(settings: Settings, document: RunDocument, signals: Signals, poller: Poller, processes: Processes) -> int:
    """Serve the window and return the exit code: 0 when it is over, 143 after SIGTERM."""
    processes.adopt_orphans()
    warm_up(document.action_name)
    loop = _Loop(settings, document, poller, processes)
    loop.serve_until(lambda: loop.over() or signals.stopping(), lambda: float("inf"))
    if loop.over():
        return 0
    loop.leave()
    loop.serve_until(loop.left, signals.leave_at)
    return _TERMINATED


class _Loop:
    def __init__(self, settings: Settings, document: RunDocument, poller: Poller, processes: Processes) -> None:
        self._poller = poller
        self._link = TickerLink(settings, poller, self._hear, lambda: self._crew.under_way())
        self._crew = Crew(settings, document, poller, processes, self._link.send, self._link.tell_end)

    def serve_until(self, done: Callable[[], bool], moment: Callable[[], float]) -> None:
        """Serve until `done()`, or until `moment()` has come, on the monotonic clock."""
        while not self._poller.until(done, lambda: min(self._next_moment(), moment())):
            now = time.monotonic()
            if now >= moment():
                return
            self._link.tend(now)
            self._crew.tend(now, self._link.is_up)

    def over(self) -> bool:
        """Return whether the window is over, and all of it told."""
        return self._crew.is_ending and not self._crew.is_busy and not self._link.owes

    def left(self) -> bool:
        """Return whether there is nothing to wait for any more, after `leave`."""
        return not self._crew.is_busy and not (self._link.owes and self._link.is_up)

    def leave(self) -> None:
        """Stop what is under way, since the pod was told to end."""
        self._link.send(Leaving())
        self._crew.stop()

    def _next_moment(self) -> float:
        return min(self._link.next_moment(), self._crew.next_moment(self._link.is_up))

    def _hear(self, message: Run | Supersede | End) -> None:
        if isinstance(message, Supersede):
            self._crew.supersede()
        elif isinstance(message, End):
            self._crew.dismiss()
        elif not self._crew.is_ending:
            self._crew.run(message.tick)
