"""Child processes: how one is forked, how all are waited for, and how what an action leaves behind is ended.

What runs inside a child does not belong here.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NoReturn

OnTerm = signal.Handlers | Callable[[int, object], None]
"""What a child does at SIGTERM."""

_PR_SET_CHILD_SUBREAPER = 36
"""Linux, include/uapi/linux/prctl.h."""
_HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_CRASHED = 70
"""Exit code of a child whose own code failed (sysexits.h: EX_SOFTWARE)."""


class Processes:
    """The runner's children, and the orphans that come to it because it is PID 1."""

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._ended: dict[int, int] = {}
        self._kept: set[int] = set()
        self._adopts = False

    def fork(self, body: Callable[[], None], on_term: OnTerm, keep: Collection[int], leader: bool) -> int:
        """Run `body` in a child and return the child's process id.

        The child answers SIGTERM with `on_term`, has only the descriptors `keep` beside 0, 1 and 2, and ends with
        `body`. As a `leader` it is the head of a process group of its own, which `stop_group` and `kill_group`
        reach as a whole; any other child survives `sweep`.
        """
        sys.stdout.flush()
        sys.stderr.flush()
        # What is there stays for ever, so no collection of the child's need touch and copy its pages
        gc.freeze()
        # Until the child has its own handlers, a signal would write into the parent's wake-up pipe, or be lost
        signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        pid = os.fork()
        if pid == 0:
            _be_child(body, on_term, keep, leader)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        if leader:
            _join_group(pid)
        else:
            self._kept.add(pid)
        self._ended.pop(pid, None)
        self._running.add(pid)
        return pid

    def adopt_orphans(self) -> None:
        """Have orphans of the action come to this process where it is not PID 1, as with shareProcessNamespace."""
        if self._adopts or os.getpid() == 1:
            return
        import ctypes

        # Once: each handle of the library leaves a cycle of objects
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._adopts = True

    def reap(self) -> None:
        """Take the exit status of every process that has ended, so that none stays a zombie."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._running:
                self._note(pid, status)

    def wait(self, pid: int) -> None:
        """Wait until child `pid` has ended, which it is about to."""
        if pid in self._running:
            self._note(pid, os.waitpid(pid, 0)[1])

    def forget(self, pid: int) -> None:
        """Drop what is known of child `pid`, which has ended."""
        self._ended.pop(pid, None)

    def _note(self, pid: int, status: int) -> None:
        self._running.remove(pid)
        self._kept.discard(pid)
        self._ended[pid] = os.waitstatus_to_exitcode(status)

    def forget_all(self) -> None:
        """Drop what is known of all children that have ended."""
        self._ended.clear()

    def exit_code(self, pid: int) -> int | None:
        """Return the exit code of child `pid`, minus the number of the signal that killed it, or None while it runs."""
        return self._ended.get(pid)

    def stop_group(self, leader: int) -> None:
        """Send SIGTERM to the group of `leader`."""
        _signal(os.killpg, leader, signal.SIGTERM)

    def kill_group(self, leader: int) -> None:
        """Send SIGKILL to the group of `leader`."""
        _signal(os.killpg, leader, signal.SIGKILL)

    def kill(self, pid: int) -> None:
        """Send SIGKILL to the child `pid` alone."""
        if pid in self._running:
            _signal(os.kill, pid, signal.SIGKILL)

    def sweep(self) -> bool:
        """Kill what an action left, even where it left its group, and return whether nothing was there any more.

        The children of what is killed come to this process as orphans, so it takes several calls until all are found.
        """
        self.reap()
        left = [pid for pid in _children() if pid not in self._kept]
        for pid in left:
            _signal(os.kill, pid, signal.SIGKILL)
        return not left


def _be_child(body: Callable[[], None], on_term: OnTerm, keep: Collection[int], leader: bool) -> NoReturn:
    # Whatever happens, the child must not return into the parent's code
    code = _CRASHED
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, on_term)
        if leader:
            _join_group(0)
        _close_all_but(keep)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
        gc.enable()
        body()
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _join_group(pid: int) -> None:
    # Parent and child both do it, so that neither signals a group that isn't there yet
    try:
        os.setpgid(pid, pid)
    except (PermissionError, ProcessLookupError):
        # The child has done it and replaced its program, or is gone
        return


def _close_all_but(keep: Collection[int]) -> None:
    lowest = 3
    for fd in sorted(keep):
        os.closerange(lowest, fd)
        lowest = fd + 1
    os.closerange(lowest, max(map(int, os.listdir("/proc/self/fd"))) + 1)  # noqa: PTH208 - once per attempt


def _signal(send: Callable[[int, int], None], target: int, number: signal.Signals) -> None:
    try:
        send(target, number)
    except (ProcessLookupError, PermissionError):
        # It has ended, or belongs to another user by a set-uid program, which only the container's end can stop
        return


def _children() -> list[int]:
    """Return this process's children, which has one thread."""
    own = os.getpid()
    listing = Path(f"/proc/{own}/task/{own}/children")
    # A kernel may be built without it; a child that ends meanwhile may hide another, so only an empty one is the truth
    return [int(pid) for pid in listing.read_text().split()] if listing.exists() else _children_of(own)


def _children_of(parent: int) -> list[int]:
    children = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # The name before it may hold blanks and brackets. Source: proc(5), /proc/pid/stat
            if int(stat.rpartition(")")[2].split()[1]) == parent:
                children.append(int(entry.name))
    return children
