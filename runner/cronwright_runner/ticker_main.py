"""The console script `cronwright-ticker`: the sidecar of a loop's pod, which lives as long as the pod does."""

import gc
import os
import sys

from cronwright_runner.signals import Signals


def main() -> None:
    """Run the program and exit with its code."""
    # First of all, so that a pod that is deleted while it starts doesn't sit out its grace period
    signals = Signals()
    sys.exit(_execute(signals))


def _execute(signals: Signals) -> int:
    import logging

    from cronwright.names import FINAL_EXIT_CODE
    from cronwright_runner import logs
    from cronwright_runner.errors import RunnerError

    logs.configure("json")
    try:
        _run(signals)
    except RunnerError as error:
        logging.getLogger("cronwright.ticker").error("%s", error)
        return FINAL_EXIT_CODE
    except Exception:
        # A mistake of ours; the next ticker goes on from the journal
        logging.getLogger("cronwright.ticker").exception("the ticker failed")
        return FINAL_EXIT_CODE
    return 0


def _run(signals: Signals) -> None:
    from cronwright_runner import logs
    from cronwright_runner.assignment import read_assignment
    from cronwright_runner.poller import READABLE, PrecisePoller
    from cronwright_runner.processes import Processes
    from cronwright_runner.settings import read_settings

    settings = read_settings(os.environ)
    signals.allow(settings.grace_seconds)
    assignment = read_assignment(settings)
    logs.configure(settings.log_format, task=assignment.document.name, namespace=assignment.document.namespace)
    poller, processes = PrecisePoller(), Processes()

    def on_signal() -> None:
        signals.drain()
        processes.reap()

    poller.watch(signals.fd, READABLE, on_signal)
    if not assignment.due.window:
        # The Job was made by hand: the runner makes one run, and nothing is due
        poller.until(signals.stopping, lambda: float("inf"))
        return
    from cronwright_runner.ticker import Ticker
    from cronwright_runner.window import read_owned

    ticker = Ticker(settings, assignment, read_owned(settings, assignment), signals, poller, processes)
    # What there is stays: a collection now spares those that would come in the middle of a tick
    gc.collect()
    gc.freeze()
    ticker.serve()
