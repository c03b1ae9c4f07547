"""The reporter: a child process that delivers events while the action runs.

A process and not a thread, so that the parent has no threads when it forks, and so that a slow name server, a hanging
API or a TLS handshake never holds up a timeout. It hears events and answers over two pipes, one line of JSON each.
"""

import json
import logging
import os
import select

from cronwright.jsontypes import JSONObject
from cronwright_runner.delivery import Delivery, Refused, Unavailable

LONGEST_WAIT_SECONDS = 3.0
"""Between two tries, so that at least two of them fall into the 10 s at the end of a run."""
_JITTER_SECONDS = 1.0
"""So that the runners that a restart of the API has cut off don't come back all at once."""

log = logging.getLogger("cronwright.reporter")


def report(delivery: Delivery, inbox: int, outbox: int) -> None:
    """Deliver each event that comes in on `inbox`, in order, and answer on `outbox`, until `inbox` is closed."""
    mail = _Mail(inbox)
    while mail.wait():
        try:
            _deliver(delivery, mail, outbox)
        except Unavailable as error:
            if mail.closed:
                return
            log.warning("the timeline can't be reached; the run goes on, and so do the tries: %s", error)
            mail.held_up = True
            _deliver_at_last(delivery, mail, outbox)


def _deliver_at_last(delivery: Delivery, mail: "_Mail", outbox: int) -> None:
    # Imported only where a first try has failed, since that takes longer than the try
    import stamina
    from stamina.instrumentation import set_on_retry_hooks

    # One line says that the tries go on, however long they do
    set_on_retry_hooks([])
    tries = stamina.retry_context(
        on=Unavailable,
        attempts=None,
        timeout=None,
        wait_initial=0.2,
        wait_max=LONGEST_WAIT_SECONDS,
        wait_jitter=_JITTER_SECONDS,
    )
    for attempt in tries:
        with attempt:
            mail.look()
            if mail.closed:
                # The parent has given up, and writes the end into the termination message
                return
            _deliver(delivery, mail, outbox)


def _deliver(delivery: Delivery, mail: "_Mail", outbox: int) -> None:
    """Deliver all that is waiting.

    Raises:
        Unavailable: some of it is still waiting.
    """
    try:
        _post(delivery, mail, len(mail.waiting), outbox)
    except Refused:
        # One event that can't be taken must not cost the others
        while mail.waiting:
            try:
                _post(delivery, mail, 1, outbox)
            except Refused as error:
                event = mail.waiting.pop(0)
                log.error(
                    "the timeline refuses the %s of attempt %s for good: %s", event["kind"], event["attempt"], error
                )
                _answer(outbox, event, delivered=False)


def _post(delivery: Delivery, mail: "_Mail", count: int, outbox: int) -> None:
    delivery.post(mail.waiting[:count])
    if mail.held_up:
        # Before the answers: the parent ends this process with the last of them
        log.info("the timeline can be reached again")
        mail.held_up = False
    for event in mail.waiting[:count]:
        _answer(outbox, event, delivered=True)
    del mail.waiting[:count]


def _answer(outbox: int, event: JSONObject, delivered: bool) -> None:
    line = json.dumps({"attempt": event["attempt"], "kind": event["kind"], "delivered": delivered}) + "\n"
    # Shorter than PIPE_BUF, so it is written whole
    os.write(outbox, line.encode())


class _Mail:
    """The events that have come in and are not yet answered."""

    def __init__(self, inbox: int) -> None:
        self._inbox = inbox
        self._partial = b""
        self.waiting: list[JSONObject] = []
        self.closed = False
        self.held_up = False

    def wait(self) -> bool:
        """Wait for an event and return True, or False where none will come."""
        while not self.waiting and not self.closed:
            self._read()
        self.look()
        return bool(self.waiting)

    def look(self) -> None:
        """Take what has come in by now."""
        while not self.closed and select.select([self._inbox], [], [], 0)[0]:
            self._read()

    def _read(self) -> None:
        data = os.read(self._inbox, 64 * 1024)
        self.closed = not data
        *lines, self._partial = (self._partial + data).split(b"\n")
        self.waiting += [json.loads(line) for line in lines]
