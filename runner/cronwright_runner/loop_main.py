"""What a runner in the pod of a loop's CronJob does: it serves the ticks of a window, or makes one run by hand."""

from cronwright_runner import logs
from cronwright_runner.assignment import Assignment
from cronwright_runner.loop import serve
from cronwright_runner.manual import run_once
from cronwright_runner.poller import Poller
from cronwright_runner.processes import Processes
from cronwright_runner.settings import Settings
from cronwright_runner.signals import Signals


def execute(settings: Settings, assignment: Assignment, signals: Signals, poller: Poller, processes: Processes) -> int:
    """Do it and return the exit code."""
    if not assignment.due.window:
        return run_once(settings, assignment, signals, poller, processes)
    document = assignment.document
    # The run id of each line is a tick's own
    logs.configure(settings.log_format, task=document.name, namespace=document.namespace)
    return serve(settings, document, signals, poller, processes)
