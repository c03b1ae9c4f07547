"""What a tick costs in processor time, and what a loop's pod holds in memory, as the kubelet counts it.

Two loops with an empty action stand beside each other: one that ticks each second, and one that hardly ticks. What the
first needs more is what its ticks cost; what both need without ticks is the same and falls out.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import loops
from figures import Figure
from loops import Timeline, Usage

from cronwright.names import RUNNER_CONTAINER, TICKER_CONTAINER
from programs import operator
from support.cluster import Cluster, wait_for

BUSY, RESTING = "busy", "resting"
SCHEDULES = {BUSY: "@every 1s", RESTING: "@every 30s"}
WARMING_SECONDS = 15
COUNTED_SECONDS = 240
FIRST_RUN_SECONDS = 90
UNDISTURBED_SECONDS = 600
"""In which no second pod comes for the next window."""
MEMORY_GOAL_MB = 45
TICK_GOAL_MS = 10

Used = Mapping[str, Usage]


def measure(cluster: Cluster, image: str, timeline: Timeline) -> Iterator[Figure]:
    """Yield the figures of loops with windows of an hour."""
    with loops.namespace(cluster) as namespace, operator(cluster, namespace, image) as process:
        process.wait_until_watching()
        tasks = {
            name: loops.make_within_one_window(cluster, namespace, name, schedule, "nothing", UNDISTURBED_SECONDS)
            for name, schedule in SCHEDULES.items()
        }

        def used() -> dict[str, Used]:
            return {name: loops.usage(cluster, namespace, task["metadata"]["name"]) for name, task in tasks.items()}

        def has_run(task: Mapping[str, Any]) -> bool:
            return bool(timeline.ledger(task).rows("run"))

        wait_for("the first run of each", lambda: all(map(has_run, tasks.values())), FIRST_RUN_SECONDS, pause=1)
        # Half a second off the grid, so that no tick lies on an edge
        begin = int(time.time()) + WARMING_SECONDS + 0.5
        loops.say(f"two loops tick; {COUNTED_SECONDS} s, one at {' and one at '.join(SCHEDULES.values())}")
        loops.wait_until(begin)
        before = used()
        loops.wait_until(begin + COUNTED_SECONDS)
        after = used()
        ticks = {name: _succeeded(timeline, task, begin) for name, task in tasks.items()}
        in_all = len(timeline.ledger(tasks[BUSY]).rows("run"))
    yield _memory(after[BUSY], in_all)
    fork = _per_tick_ms(before, after, ticks, RUNNER_CONTAINER)
    around = _per_tick_ms(before, after, ticks, TICKER_CONTAINER)
    yield Figure(
        "processor time of a tick with an empty action: runner, fork to exit",
        f"{fork:.1f} ms",
        f"≤ {TICK_GOAL_MS} ms",
        fork <= TICK_GOAL_MS,
    )
    yield Figure("the same tick in the ticker, with its events on their way to the timeline", f"{around:.1f} ms")
    idle = sum(_spent(before[RESTING], after[RESTING]).values()) - (fork + around) / 1000 * ticks[RESTING]
    yield Figure("processor time of a loop's pod without ticks", f"{idle / COUNTED_SECONDS * 1000:.2f} ms a second")


def _memory(used: Used, ticks: int) -> Figure:
    runner, ticker = (used[name].working_set / 1e6 for name in (RUNNER_CONTAINER, TICKER_CONTAINER))
    return Figure(
        "memory of a loop's pod",
        f"{runner + ticker:.1f} MB (runner {runner:.1f}, ticker {ticker:.1f}) after {ticks} ticks",
        f"≤ {MEMORY_GOAL_MB} MB",
        runner + ticker <= MEMORY_GOAL_MB,
    )


def _succeeded(timeline: Timeline, task: Mapping[str, Any], begin: float) -> int:
    """Return how many ticks there were; a single one that did not succeed makes the figures worthless."""
    first, last = (datetime.fromtimestamp(second, UTC) for second in (begin, begin + COUNTED_SECONDS))
    told = timeline.settled(task, first, last)
    if set(told.reasons) != {"Completed"}:
        raise RuntimeError(f"not every tick succeeded:\n{told}")
    return told.reasons["Completed"]


def _per_tick_ms(
    before: Mapping[str, Used], after: Mapping[str, Used], ticks: Mapping[str, int], container: str
) -> float:
    busy, resting = (_spent(before[name], after[name])[container] for name in (BUSY, RESTING))
    return (busy - resting) / (ticks[BUSY] - ticks[RESTING]) * 1000


def _spent(before: Used, after: Used) -> dict[str, float]:
    return {name: after[name].seconds - before[name].seconds for name in before}
