"""Asks the container's cgroup whether the kernel has killed a process for want of memory.

The kernel may kill the action alone and leave PID 1 alive; then nobody but the runner can say why the action went away.
"""

from pathlib import Path

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))
"""cgroup v2 and v1, each with a line `oom_kill <count>`. Source: kernel, admin-guide/cgroup-v2 and cgroup-v1/memory."""


def oom_kills() -> int:
    """Return how many processes of the container the kernel has killed for want of memory; 0 where it doesn't say."""
    for counter in _COUNTERS:
        if counter.exists():
            return oom_kills_in(counter.read_text(encoding="ascii"))
    return 0


def oom_kills_in(text: str) -> int:
    """Return the count in the `text` of such a file."""
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("oom_kill ")), 0)
