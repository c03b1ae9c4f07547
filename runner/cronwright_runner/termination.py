"""Writes the container's termination message, which the operator reads from the pod's status."""

import logging
from pathlib import Path

log = logging.getLogger("cronwright.runner")


def leave_behind(path: Path, message: str) -> None:
    """Write `message` to `path`; where that fails, the log says so, and the run's outcome stands all the same."""
    try:
        # Not by a rename: the kubelet has mounted this very file
        path.write_text(message, encoding="utf-8")
    except OSError as error:
        log.error("the termination message can't be written: %s", error)
