"""The console script `cronwright-runner`: without arguments it executes the run that the pod was made for.

Whatever is imported on that way is paid for by every run before its action starts: see benchmarks/runner_start.py.
"""

import gc
import os
import sys

from cronwright_runner.signals import Signals


def main() -> None:
    """Run the program and exit with its code."""
    if len(sys.argv) > 1:
        from cronwright_runner.arguments import answer

        sys.exit(answer(sys.argv[1:]))
    # First of all, so that a pod that is deleted while it starts doesn't sit out its grace period
    signals = Signals()
    # There is no garbage yet to look for; it is enabled again in each child. Source: Python's gc.freeze()
    gc.disable()
    sys.exit(_execute(signals))


def _execute(signals: Signals) -> int:
    import logging

    from cronwright.names import FINAL_EXIT_CODE
    from cronwright.run.termination import MAX_BYTES
    from cronwright_runner import logs
    from cronwright_runner.errors import RunnerError
    from cronwright_runner.settings import termination_path
    from cronwright_runner.termination import leave_behind

    logs.configure("json")
    log = logging.getLogger("cronwright.runner")
    try:
        return _run(signals)
    except RunnerError as error:
        log.error("%s", error)
        leave_behind(termination_path(os.environ), str(error)[:MAX_BYTES])
    except Exception as error:
        # A mistake of ours. The action may have run, so no other pod may try
        log.exception("the runner failed")
        leave_behind(termination_path(os.environ), f"the runner failed: {type(error).__name__}: {error}"[:MAX_BYTES])
    return FINAL_EXIT_CODE


def _run(signals: Signals) -> int:
    from cronwright_runner import logs
    from cronwright_runner.assignment import read_assignment
    from cronwright_runner.poller import READABLE, Poller
    from cronwright_runner.processes import Processes
    from cronwright_runner.run import Run
    from cronwright_runner.settings import read_settings

    settings = read_settings(os.environ)
    signals.allow(settings.grace_seconds)
    logs.configure(settings.log_format)
    assignment = read_assignment(settings)
    document, run_id = assignment.document, str(assignment.run_id)
    logs.configure(settings.log_format, task=document.name, namespace=document.namespace, run_id=run_id)
    poller, processes = Poller(), Processes()

    def on_signal() -> None:
        signals.drain()
        processes.reap()

    poller.watch(signals.fd, READABLE, on_signal)
    if document.loop is not None:
        # Imported here only: no other run may wait for it
        from cronwright_runner.loop_main import execute

        return execute(settings, assignment, signals, poller, processes)
    return Run(settings, assignment, signals, poller, processes).execute()
