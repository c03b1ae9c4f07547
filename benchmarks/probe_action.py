"""The actions that are measured. They reach the runner's pod as a ConfigMap on its PYTHONPATH, so that the image is the
one that is installed.
"""

import time
from typing import Any


def run(context: Any) -> None:
    """Take the time before anything else, and write it down."""
    started = time.time_ns()
    print("probe", round(context.scheduled_time.timestamp() * 1000), started)


def nothing(_: Any) -> None:
    """Do nothing."""
