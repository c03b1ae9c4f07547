"""The workers of a loop: which of them runs which tick, how many wait for one, and what a lost one has left behind.

When a tick is run is for the ticker to say, and who is told of it, for the loop.
"""

import time
from collections.abc import Callable

from cronwright.jsontypes import JSONObject
from cronwright.run.document import RunDocument
from cronwright_runner.floor import Floor
from cronwright_runner.messages import UnderWay
from cronwright_runner.poller import Poller
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.worker import STOP, SUPERSEDE
from cronwright_runner.worker_process import WorkerProcess

_SPARE_SECONDS = 0.1
"""After a tick was handed over, until the next worker is started: the tick that has just begun comes first."""
_TICKS_OF_A_WORKER = 500
"""Then another takes its place, so that what a run may leave in its memory does not add up."""
_SWEEP_SECONDS = 0.01
"""Between two looks for what an action has left, until there is nothing."""


class Crew:
    """`started` and `ended` are called with what workers say: tick, attempt, and its start; or whether the run is over,
    and the row for the timeline.
    """

    def __init__(
        self,
        settings: Settings,
        document: RunDocument,
        poller: Poller,
        processes: Processes,
        started: Callable[[UnderWay], None],
        ended: Callable[[int, int, bool, JSONObject], None],
    ) -> None:
        assert document.loop is not None, "only a loop has ticks"
        self._settings, self._document, self._poller, self._processes = settings, document, poller, processes
        self._runs_beside = document.loop.concurrency_policy == "Allow"
        self._started, self._ended = started, ended
        self._floor = Floor()
        self._idle: list[WorkerProcess] = []
        self._busy: dict[int, WorkerProcess] = {}
        self._spare_at = 0.0
        self._sweep_at = float("inf")
        self.is_ending = False
        """Whether no further tick is run."""

    @property
    def is_busy(self) -> bool:
        """Whether a tick is under way."""
        return bool(self._busy)

    def under_way(self) -> tuple[UnderWay, ...]:
        """Return the ticks under way, with their attempts."""
        return tuple(UnderWay(tick, worker.attempt, worker.started_at) for tick, worker in self._busy.items())

    def run(self, tick: int) -> None:
        """Run `tick` now."""
        worker = self._idle.pop() if self._idle else self._worker()
        worker.run(tick)
        self._busy[tick] = worker
        self._spare_at = time.monotonic() + _SPARE_SECONDS

    def supersede(self) -> None:
        """Stop what is under way, because the Task was edited."""
        for worker in self._busy.values():
            worker.order(SUPERSEDE)

    def stop(self) -> None:
        """Stop what is under way, and let go those that wait, because the pod was told to end."""
        self.dismiss()
        for worker in self._busy.values():
            worker.order(STOP)

    def dismiss(self) -> None:
        """Let go those that wait; what is under way ends by itself."""
        self.is_ending = True
        for worker in self._idle:
            worker.dismiss()

    def next_moment(self, ticks_come: bool) -> float:
        """Return when `tend` has something to do, on the monotonic clock."""
        return min(self._sweep_at, self._spare_at if ticks_come and self._wants_spare() else float("inf"))

    def tend(self, now: float, ticks_come: bool) -> None:
        """Sweep up after a lost worker, and where `ticks_come` have one wait for the next."""
        if now >= self._sweep_at:
            self._sweep_at = float("inf") if self._processes.sweep() else now + _SWEEP_SECONDS
        if ticks_come and self._wants_spare() and now >= self._spare_at:
            self._idle.append(self._worker())

    def heard_started(self, tick: int, attempt: int, at: str) -> None:
        """A worker's attempt has started."""
        self._started(UnderWay(tick, attempt, at))

    def heard_ended(self, tick: int, attempt: int, over: bool, event: JSONObject) -> None:
        """A worker's attempt has ended, and with it the run if `over`."""
        self._ended(tick, attempt, over, event)
        worker = self._busy.pop(tick) if over else None
        if worker is None or worker.gone:
            return
        if self._idle or self.is_ending or worker.ticks >= _TICKS_OF_A_WORKER:
            worker.dismiss()
        else:
            self._idle.append(worker)

    def lost(self, worker: WorkerProcess) -> None:
        """A worker's process has ended."""
        self._spare_at = time.monotonic() + _SPARE_SECONDS
        if worker in self._idle:
            self._idle.remove(worker)
        if worker.tick is not None:
            # Its action is ours now, and would run on beside the next tick
            self._sweep_at = time.monotonic()
            self.heard_ended(worker.tick, worker.attempt, True, worker.crash())

    def _wants_spare(self) -> bool:
        needed = not self._busy or self._runs_beside
        return needed and not self._idle and not self.is_ending

    def _worker(self) -> WorkerProcess:
        return WorkerProcess(self._settings, self._document, self._floor, self._poller, self._processes, self)
