"""What the operator holds in memory: per Task, and over many full passes that find nothing to do."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cleanup import namespace_for
from figures import Figure
from watching import Watch

from programs import create_tasks, operator, wait_for_full_passes
from support.cluster import Cluster, is_ready, tasks_path
from support.operators import OperatorProcess

PASS_SECONDS = 10
PASSES = 10
LONGEST_SECONDS = 600
LEAK_MIB_PER_PASS = 0.5
"""More growth than this in a full pass would be 70 MiB a day at a pass every ten minutes."""


def measure(cluster: Cluster, counts: Sequence[int]) -> Iterator[Figure]:
    """Yield the figures for each of `counts` Tasks, growing, and for the passes after the last."""
    with (
        namespace_for(cluster) as namespace,
        operator(cluster, namespace, CRONWRIGHT_FULL_PASS_SECONDS=str(PASS_SECONDS)) as process,
    ):
        process.wait_until_watching()
        sizes = [_settled(process)]
        _show(0, sizes[0])
        for before, count in zip((0, *counts), counts, strict=False):
            done = Watch(cluster, tasks_path(namespace), is_ready)
            create_tasks(cluster, namespace, count - before, first=before)
            done.wait(count - before, LONGEST_SECONDS)
            done.close()
            sizes.append(_settled(process))
            _show(count, sizes[-1])
        over_time = [_resident_mib(process) for _ in wait_for_full_passes(process, PASSES, PASS_SECONDS)]
        peak = _resident_mib(process, "VmHWM")
    yield Figure("operator memory without Tasks", f"{sizes[0]:.0f} MiB")
    yield Figure(f"operator memory with {counts[-1]:,} Tasks", f"{sizes[-1]:.0f} MiB (at most {peak:.0f} MiB)")
    yield Figure("memory per Task", f"{slope((0, *counts), sizes) * 1024:.1f} KiB")
    growth = slope(range(PASSES), over_time)
    yield Figure(
        f"growth over {PASSES} full passes with nothing changed",
        f"{growth:+.2f} MiB a pass ({over_time[0]:.0f} to {over_time[-1]:.0f} MiB)",
        "about 0",
        growth < LEAK_MIB_PER_PASS,
    )


def slope(xs: Sequence[int], ys: Sequence[float]) -> float:
    """Return the slope of the straight line with the least squares through the points."""
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / sum(
        (x - middle_x) ** 2 for x in xs
    )


def _settled(process: OperatorProcess) -> float:
    """The memory after two full passes: what the Tasks' creation needed for a moment is given back by then."""
    for _ in wait_for_full_passes(process, 2, PASS_SECONDS):
        pass
    return _resident_mib(process)


def _resident_mib(process: OperatorProcess, field: str = "VmRSS") -> float:
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None, status
    return int(found[1]) / 1024


def _show(count: int, mib: float) -> None:
    print(f"  {count} Tasks: {mib:.1f} MiB", file=sys.stderr, flush=True)
