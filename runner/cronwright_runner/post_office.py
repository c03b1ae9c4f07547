"""The ticker's side of its poster: starts it, tells it to look into the spool, and hears when it has posted."""

import os
from signal import SIG_IGN

from cronwright_runner.poller import READABLE, Poller
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.spool import Spool

DIRECTORY = "spool"
"""The spool's name in the loop's directory."""


class PostOffice:
    """A poster that is started again where it was killed."""

    def __init__(self, poller: Poller, processes: Processes, settings: Settings, url: str, spool: Spool) -> None:
        self._poller, self._processes, self._settings, self._url = poller, processes, settings, url
        self._spool = spool
        self._inbox = self._answers = -1

    def call(self) -> None:
        """Have the poster deliver what is in the spool."""
        if self._inbox < 0:
            self._start()
        try:
            os.write(self._inbox, b".")
        except BlockingIOError:
            # It has been told often enough
            return
        except BrokenPipeError:
            self._gone()

    def _start(self) -> None:
        inbox, self._inbox = os.pipe()
        self._answers, outbox = os.pipe()
        os.set_blocking(self._inbox, False)
        settings, url = self._settings, self._url

        def body() -> None:
            from cronwright_runner.delivery import Delivery
            from cronwright_runner.poster import post

            delivery = Delivery(url, settings.token_path, settings.ca_file)
            post(delivery, settings.loop_directory / DIRECTORY, inbox, outbox)

        # It must outlive the SIGTERM that ends the ticker, to deliver what that tells at the end
        self._processes.fork(body, on_term=SIG_IGN, keep=(inbox, outbox), leader=False)
        os.close(inbox)
        os.close(outbox)
        self._poller.watch(self._answers, READABLE, self._hear)

    def _hear(self) -> None:
        if os.read(self._answers, 4096):
            self._spool.room()
        else:
            self._gone()

    def _gone(self) -> None:
        self._poller.forget(self._answers)
        os.close(self._answers)
        os.close(self._inbox)
        self._inbox = -1
