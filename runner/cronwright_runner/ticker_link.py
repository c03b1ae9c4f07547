"""The runner's link to its ticker: found again whenever it goes, with all the ends that it has not taken told anew.

What the two say to each other is in `messages`; what is done about it, in `loop`.
"""

import logging
import socket
import time
from collections.abc import Callable
from uuid import uuid4

from cronwright.jsontypes import JSONObject
from cronwright_runner.messages import (
    SOCKET,
    End,
    Ended,
    FromRunner,
    Hello,
    Run,
    Supersede,
    Taken,
    UnderWay,
    dump,
    load_from_ticker,
)
from cronwright_runner.poller import Poller
from cronwright_runner.settings import Settings
from cronwright_runner.stream import Stream

_CONNECT_SECONDS = 0.05
"""Between two tries to reach the ticker, which may be starting."""

log = logging.getLogger("cronwright.runner")


class TickerLink:
    """`heard` is called with each message that asks for something; `under_way` says what the ticker is greeted with."""

    def __init__(
        self,
        settings: Settings,
        poller: Poller,
        heard: Callable[[Run | Supersede | End], None],
        under_way: Callable[[], tuple[UnderWay, ...]],
    ) -> None:
        self._path, self._poller = settings.loop_directory / SOCKET, poller
        self._heard, self._under_way = heard, under_way
        self._name = str(uuid4())
        self._ends: dict[int, Ended] = {}
        """Those that the ticker has not taken, by their numbers."""
        self._told = 0
        self._stream: Stream | None = None
        self._connect_at = 0.0
        self._trouble = ""
        """Why the ticker can't be reached, as it was told last."""

    @property
    def is_up(self) -> bool:
        """Whether the ticker is there."""
        return self._stream is not None

    @property
    def owes(self) -> bool:
        """Whether the ticker has an end yet to take."""
        return bool(self._ends)

    def next_moment(self) -> float:
        """Return when `tend` has something to do, on the monotonic clock."""
        return float("inf") if self._stream is not None else self._connect_at

    def tend(self, now: float) -> None:
        """Try to reach the ticker, where it is gone and it is time to."""
        if self._stream is None and now >= self._connect_at:
            self._connect()

    def send(self, message: FromRunner) -> None:
        """Send `message`, which is lost where the ticker is gone."""
        if self._stream is not None:
            self._stream.send(dump(message))

    def tell_end(self, tick: int, attempt: int, over: bool, event: JSONObject) -> None:
        """Tell that an attempt has ended with the row `event`, and with it the run if `over`, until the ticker has
        taken it.
        """
        self._told += 1
        end = Ended(self._told, tick, attempt, over, event)
        self._ends[end.number] = end
        self.send(end)

    def _connect(self) -> None:
        connection = self._reach()
        if connection is None:
            self._connect_at = time.monotonic() + _CONNECT_SECONDS
            return
        self._trouble = ""
        self._stream = Stream(self._poller, connection, self._hear, self._disconnected)
        self.send(Hello(self._name, self._under_way(), tuple({end.tick for end in self._ends.values()})))
        for end in self._ends.values():
            self.send(end)

    def _reach(self) -> socket.socket | None:
        try:
            connection = socket.socket(socket.AF_UNIX)
        except OSError as error:
            self._tell_trouble(error)
            return None
        # Where a ticker that is stuck leaves callers to wait, connect() would wait with them
        connection.setblocking(False)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            if not isinstance(error, FileNotFoundError | ConnectionRefusedError | BlockingIOError):
                self._tell_trouble(error)
            return None
        return connection

    def _tell_trouble(self, error: OSError) -> None:
        """Say what may be mended while the next tries go on: once, not at each of them."""
        if str(error) != self._trouble:
            self._trouble = str(error)
            log.warning("the ticker can't be reached at %s, and is tried again: %s", self._path, error)

    def _disconnected(self) -> None:
        log.warning("the ticker has gone; what is under way goes on until it is back")
        self._stream = None
        self._connect_at = time.monotonic() + _CONNECT_SECONDS

    def _hear(self, line: bytes) -> None:
        message = load_from_ticker(line)
        if isinstance(message, Taken):
            self._ends.pop(message.number, None)
        else:
            self._heard(message)
