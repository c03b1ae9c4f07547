"""Signals of the runner, which is PID 1 of its container.

Without a handler the kernel drops SIGTERM for PID 1, and each end of a pod would take its whole grace period.
"""

import os
import signal
import time

_MARGIN_SECONDS = 2
"""Left at the end of the grace period for Python to exit and for a clock that runs ahead."""


class Signals:
    """Notes SIGTERM and SIGINT, and wakes whoever polls `fd` at these and at SIGCHLD. Made once, at the very start."""

    def __init__(self) -> None:
        self.fd, self._wakeup = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._wakeup, False)
        self._stopped_at = float("inf")
        self._grace = 30.0
        self.superseded = False
        """Whether it is to end because its Task was edited."""
        # Bytes that no longer fit mean only that the poller has enough of them to wake up
        signal.set_wakeup_fd(self._wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)

    def allow(self, grace_seconds: float) -> None:
        """Set how long after SIGTERM the pod is killed."""
        self._grace = grace_seconds

    def stopping(self) -> bool:
        """Return whether the runner was told to end."""
        return self._stopped_at != float("inf")

    def stop(self, superseded: bool = False) -> None:
        """End as at SIGTERM, or because the Task was edited."""
        if not self.stopping():
            self._stopped_at, self.superseded = time.monotonic(), superseded

    def leave_at(self) -> float:
        """Return when the runner must be gone, on the monotonic clock; infinity until it is told to end."""
        return self._stopped_at + self._grace - _MARGIN_SECONDS

    def kill_at(self) -> float:
        """Return when an action that was told to end is killed: half of the time is kept for reporting its end."""
        return self._stopped_at + (self._grace - _MARGIN_SECONDS) / 2

    def drain(self) -> None:
        """Empty the pipe behind `fd`."""
        try:
            while os.read(self.fd, 512):
                pass
        except BlockingIOError:
            return

    def _stop(self, _signal: int, _frame: object) -> None:
        self.stop()
