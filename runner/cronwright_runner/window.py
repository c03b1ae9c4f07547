"""Reads which ticks this pod's window owns, and whether its pod was asked to end: from the files that the kubelet
writes.
"""

import logging
from pathlib import Path

from cronwright.instants import format_seconds, parse_instant
from cronwright.plan.windows import Ownership, windows_of
from cronwright.run.end import EndRequest, load_end
from cronwright_runner.assignment import Assignment
from cronwright_runner.errors import AssignmentError
from cronwright_runner.settings import Settings

log = logging.getLogger("cronwright.ticker")


def read_owned(settings: Settings, assignment: Assignment) -> Ownership:
    """Return the ticks that the window of `assignment` owns; none where its Job's name is of a time at which no window
    opens, since those ticks are another window's.

    Raises:
        AssignmentError: the file that says when the plan takes over is missing or says nothing that can be used.
    """
    opened, loop = assignment.due.scheduled_time, assignment.document.loop
    assert opened is not None and loop is not None, "only a window's pod asks"
    path = settings.loop_start_path
    try:
        start = parse_instant(path.read_text(encoding="utf-8").strip())
        windows = windows_of(assignment.document.uid, loop.window_seconds)
    except OSError as error:
        raise AssignmentError(
            f"{path} can't be read ({error.strerror}); the pod needs the downward-API volume that the operator writes"
        ) from error
    except ValueError as error:
        raise AssignmentError(f"{path}: {error}; the pod lacks the annotation that the operator sets") from error
    if assignment.due.off_grid:
        log.error("no window opens at %s, so this pod owns no tick", format_seconds(opened))
        return Ownership(opened, opened)
    return windows.owned(opened, start)


class EndFile:
    """The file with the request to end. Looking at it costs one system call as long as it stays as it is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def look(self) -> EndRequest | None:
        """Return the request, where there is one that was not returned yet."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        # The kubelet replaces the directory behind a link, so a new text is a new file
        seen = status.st_ino, status.st_mtime_ns, status.st_size
        if seen == self._seen:
            return None
        self._seen = seen
        try:
            return load_end(self._path.read_text(encoding="utf-8").strip())
        except (OSError, ValueError) as error:
            log.error("%s: %s", self._path, error)
            return None
