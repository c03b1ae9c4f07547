"""The poster: a child process of the ticker that delivers what is in the spool, and tries again while the timeline is
away.

A process and not a thread, so that neither a slow name server nor a large answer ever makes a tick late.
"""

import logging
import os
import random
import select
import time
from pathlib import Path

from cronwright_runner.delivery import Delivery, Refused, Unavailable
from cronwright_runner.exchange import Exchange
from cronwright_runner.spool import MAX_ROWS, Position, note_posted, posted, read, segments

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 5.0
"""Between two tries: twice as long each time."""
_JITTER = 0.3
"""Of a wait, so that the pods that a restart of the API has cut off don't come back all at once."""
_MAX_POST_BYTES = 1024 * 1024
_KEPT_SECONDS = 4
"""How long a connection is kept without a post: servers close theirs after 5 s (uvicorn's default), and one that closes
in the middle of a post costs a try."""

log = logging.getLogger("cronwright.poster")


def post(delivery: Delivery, spool: Path, inbox: int, outbox: int) -> None:
    """Deliver the rows of `spool` whenever a byte comes in on `inbox`, until that is closed.

    After each post a byte goes out on `outbox`.
    """
    line = _Line(delivery)
    wait = 0.0
    while _heard(inbox) if wait == 0 else _passed(inbox, wait * random.uniform(1 - _JITTER, 1 + _JITTER)):
        try:
            while _post_some(line, spool):
                os.write(outbox, b".")
        except Unavailable as error:
            if wait == 0:
                log.warning("the timeline can't be reached; ticks go on, and so do the tries: %s", error)
            wait = min(max(wait * 2, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
        else:
            if wait:
                log.info("the timeline can be reached again")
            wait = 0


def _heard(inbox: int) -> bool:
    """Return True as soon as a byte comes, or False where none will."""
    return bool(os.read(inbox, 4096))


def _passed(inbox: int, seconds: float) -> bool:
    """Return True after `seconds`, or False as soon as no byte will come any more."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([inbox], [], [], left)[0] and not _heard(inbox):
            return False
    return True


def _post_some(line: "_Line", spool: Path) -> bool:
    """Post the next rows and note that; return whether there were any.

    Raises:
        Unavailable: try again later.
    """
    at = posted(spool)
    for number in segments(spool):
        if number < at.segment:
            continue
        if number > at.segment:
            # The one before is delivered, and no row is written to it any more
            at = Position(number, 0)
            note_posted(spool, at)
        rows = _batch(read(spool, number)[at.row :])
        if rows:
            line.post(rows)
            note_posted(spool, Position(number, at.row + len(rows)))
            return True
    return False


def _batch(rows: list[bytes]) -> list[bytes]:
    size = 0
    for count, row in enumerate(rows[:MAX_ROWS]):
        size += len(row)
        if size > _MAX_POST_BYTES and count:
            return rows[:count]
    return rows[:MAX_ROWS]


class _Line:
    """The connection to the timeline, kept from post to post."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._exchange: Exchange | None = None
        self._used = 0.0

    def post(self, rows: list[bytes]) -> None:
        """Deliver `rows`, but for those that the timeline refuses for good.

        Raises:
            Unavailable: try again later.
        """
        try:
            self._try(rows)
        except Refused as error:
            if len(rows) == 1:
                log.error("the timeline refuses a row for good: %s; the row: %s", error, rows[0][:500].decode())
                return
            # One row that can't be taken must not cost the others
            for row in rows:
                self.post([row])

    def _try(self, rows: list[bytes]) -> None:
        if self._exchange is None:
            try:
                self._exchange = self._delivery.exchange()
            except Refused as error:
                # Nothing was said of the rows, so they stay, and are told of in the pod's end
                raise Unavailable(str(error)) from error
        if time.monotonic() - self._used > _KEPT_SECONDS:
            self._exchange.close()
        self._delivery.post_over(self._exchange, rows)
        self._used = time.monotonic()
