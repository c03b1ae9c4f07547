"""The parent's side of the report: hands events to the reporter process and hears which have reached the timeline."""

import json
import logging
import os
from signal import SIG_IGN

from cronwright.timeline.event import Event, dump_event
from cronwright_runner.poller import READABLE, Poller, Sink
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings

log = logging.getLogger("cronwright.runner")


class Report:
    """The report of one run. The reporter is started with the first event, so that the action's process comes first."""

    def __init__(self, poller: Poller, processes: Processes, settings: Settings) -> None:
        self._poller, self._processes, self._settings = poller, processes, settings
        self._reporter: _Reporter | None = None
        if settings.api_url is None:
            log.warning("CRONWRIGHT_API_URL is not set, so this run is not reported to a timeline")

    def tell(self, event: Event) -> None:
        """Deliver `event` in the background."""
        if self._settings.api_url is None:
            return
        if self._reporter is None:
            self._reporter = _Reporter(self._poller, self._processes, self._settings, self._settings.api_url)
        self._reporter.tell(event)

    def settled(self, event: Event) -> bool:
        """Return whether it is known what became of `event`."""
        return self._reporter is None or self._reporter.gone or _key(event) in self._reporter.answers

    def delivered(self, event: Event) -> bool:
        """Return whether `event` is on the timeline."""
        return self._reporter is not None and self._reporter.answers.get(_key(event), False)

    def close(self) -> None:
        """End the reporter; what it has not delivered by now is left to the termination message."""
        if self._reporter is not None:
            self._reporter.close()


class _Reporter:
    def __init__(self, poller: Poller, processes: Processes, settings: Settings, url: str) -> None:
        self._poller, self._processes = poller, processes
        self._heard = b""
        self.answers: dict[tuple[int, str], bool] = {}
        self.gone = False
        inbox, mail = os.pipe()
        self._answers_fd, outbox = os.pipe()
        os.set_blocking(self._answers_fd, False)
        self._mail = Sink(poller, mail)

        def body() -> None:
            from cronwright_runner.delivery import Delivery
            from cronwright_runner.reporter import report

            report(Delivery(url, settings.token_path, settings.ca_file), inbox, outbox)

        # It must outlive the SIGTERM that ends the run, to report that
        self._pid = processes.fork(body, on_term=SIG_IGN, keep=(inbox, outbox), leader=False)
        os.close(inbox)
        os.close(outbox)
        poller.watch(self._answers_fd, READABLE, self._hear)

    def tell(self, event: Event) -> None:
        self._mail.put(json.dumps(dump_event(event)).encode() + b"\n")

    def close(self) -> None:
        self._processes.kill(self._pid)

    def _hear(self) -> None:
        data = os.read(self._answers_fd, 4096)
        if not data:
            self._poller.forget(self._answers_fd)
            self.gone = True
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self.answers[answer["attempt"], answer["kind"]] = answer["delivered"]


def _key(event: Event) -> tuple[int, str]:
    return event.attempt, event.kind
