"""How punctual a loop at `@every 1s` is, through handovers from pod to pod, beside robfig/cron's `@every 1s` in Go.

A start is the first statement of a Python action in its forked child, and of a Go function in its goroutine: each takes
the time there and writes it into its log. Both run in pods of one node at the same time.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import loops
import peer
from figures import Figure
from loops import Timeline
from starts import Ticks, read, ticks

from cronwright.instants import parse_instant
from cronwright.plan.windows import windows_of
from programs import operator
from support.cluster import Cluster, wait_for

NAME = "ticking"
WINDOW_SECONDS = 60
"""The shortest there is."""
HANDOVERS = 3
AFTER_LAST_HANDOVER_SECONDS = 30
READING_SECONDS = 5
"""For the last lines of a log to reach the kubelet."""
FIRST_TICK_SECONDS = 60
GOAL_MS = 5
"""Over robfig's, at the 99th percentile."""


def measure(cluster: Cluster, image: str, timeline: Timeline) -> Iterator[Figure]:
    """Yield the figures of a loop with windows of a minute."""
    with (
        loops.namespace(cluster) as namespace,
        operator(cluster, namespace, image, CRONWRIGHT_LOOP_WINDOW_SECONDS=str(WINDOW_SECONDS)) as process,
    ):
        process.wait_until_watching()
        task = loops.make(cluster, namespace, NAME, "@every 1s", "probe")
        wait_for("the first tick", lambda: "probe" in loops.logs(cluster, namespace, NAME), FIRST_TICK_SECONDS)
        peer.start(cluster, namespace, image)
        begin = int(time.time()) + 2
        end = _end(task["metadata"]["uid"], begin)
        loops.say(f"the loop and robfig tick; {end - begin} s, over {HANDOVERS} handovers")
        loops.wait_until(end + READING_SECONDS)
        ours = ticks(read(loops.logs(cluster, namespace, NAME)), begin, end)
        theirs = ticks(read(peer.log(cluster, namespace)), begin, end)
        pods = len(loops.pods(cluster, namespace, NAME))
        told = timeline.settled(task, datetime.fromtimestamp(begin, UTC), datetime.fromtimestamp(end - 1, UTC))
        runs = timeline.ledger(task).rows("run")
    over = ours.late_ms(0.99) - theirs.late_ms(0.99)
    yield Figure(f"a loop at `@every 1s`, over {HANDOVERS} handovers: due time to start of the action", ours.text())
    yield Figure("robfig/cron's `@every 1s` in Go, meanwhile: due time to start of the function", theirs.text())
    yield Figure("the loop's p99 over robfig's", f"{over:.1f} ms", f"≤ {GOAL_MS} ms", over <= GOAL_MS)
    yield Figure(
        "ticks of the loop lost and started twice",
        f"{len(ours.lost)} and {len(ours.twice)} of {ours.due} by {pods} pods"
        f" (robfig: {len(theirs.lost)} and {len(theirs.twice)})",
        "0 and 0",
        not ours.lost and not ours.twice,
    )
    succeeded = told.reasons["Completed"]
    yield Figure("ticks on the timeline as succeeded", f"{succeeded} of {ours.due}", "all", succeeded == ours.due)
    yield Figure("a run's start by its event, before the action's first statement", f"{_ahead_ms(runs, ours):.1f} ms")


def _end(task_uid: str, begin: int) -> int:
    """Return the second at which the last handover after `begin` is over for a while."""
    windows = windows_of(task_uid, WINDOW_SECONDS)
    now = datetime.fromtimestamp(begin, UTC)
    # The last handover before begin, or begin's own
    handover = windows.opened_at_or_before(now - windows.margin) + windows.margin
    last = handover + timedelta(seconds=HANDOVERS * windows.length)
    return int(last.timestamp()) + AFTER_LAST_HANDOVER_SECONDS


def _ahead_ms(runs: Sequence[Mapping[str, Any]], ours: Ticks) -> float:
    told = {_second(run["scheduled_at"]): parse_instant(run["started_at"]).timestamp() for run in runs}
    return median((start.at - told[start.due]) * 1000 for start in ours.starts)


def _second(scheduled_at: str) -> int:
    return int(parse_instant(scheduled_at).timestamp())
