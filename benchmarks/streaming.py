"""How soon an event reaches those who listen to the timeline: from before it is posted to its arrival at each of many
listeners, which are one light process with a plain connection each.
"""

import json
import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from figures import Figure
from filling import run_events
from served import api, people

from cronwright.timeline.event import dump_event
from support.cluster import Cluster

EVENTS = 80
EVERY_SECONDS = 0.25
GOAL_MS = 250


def measure(cluster: Cluster, listeners: int) -> Iterator[Figure]:
    """Yield the figures for so many listeners."""
    with people(cluster) as coming, api(coming) as served:
        program = str(Path(__file__).with_name("listeners.py"))
        listening = subprocess.Popen(
            [sys.executable, program, str(served.port), str(listeners), str(EVENTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert listening.stdin is not None and listening.stdout is not None
        listening.stdin.write(coming.reads_all + "\n")
        listening.stdin.flush()
        if listening.stdout.readline() != "listening\n":
            raise RuntimeError("the listeners could not begin")
        answers = []
        due = time.monotonic()
        for number in range(EVENTS):
            due += EVERY_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
            event = dump_event(run_events(number)[1]) | {"run_id": str(uuid4())}
            began = time.time_ns()
            data = {"type": "timeline", "attributes": event | {"title": f"sent at {began}"}}
            served.post(coming.operator, data).raise_for_status()
            answers.append((time.time_ns() - began) / 1e6)
        heard = json.loads(listening.communicate(timeout=60)[0])
    latencies = sorted(heard["latencies_ms"])
    if len(latencies) != listeners * EVENTS:
        raise RuntimeError(f"{len(latencies)} of {listeners * EVENTS} arrived")
    p50, p99 = _at(latencies, 0.5), _at(latencies, 0.99)
    yield Figure(
        f"event posted to event received, {listeners} listeners, {1 / EVERY_SECONDS:.0f} posts a second",
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {latencies[-1]:.0f} ms",
        f"p99 ≤ {GOAL_MS} ms",
        p99 <= GOAL_MS,
    )
    yield Figure("the answer to these posts", f"p50 {_at(sorted(answers), 0.5):.0f} ms")


def _at(numbers: list[float], part: float) -> float:
    return numbers[math.ceil(len(numbers) * part) - 1]
