"""How soon a run's action starts after the runner's process does. The measuring is `runner_start`'s."""

import sys
from collections.abc import Iterator

import runner_start
from figures import Figure


def measure() -> Iterator[Figure]:
    """Yield the figures for the interpreter of this benchmark."""
    found = runner_start.measure(sys.executable)
    over = found["over_bare_ms"]
    yield Figure("`python -c pass`", f"{found['bare_ms']:.0f} ms")
    yield Figure(
        "start of the runner's process to start of its action",
        f"{found['action_start_ms']:.0f} ms, {over:.0f} ms over it",
        f"≤ {runner_start.GOAL_MS} ms over it",
        over <= runner_start.GOAL_MS,
    )
    yield Figure("a whole run of a command that does nothing", f"{found['run_ms']:.0f} ms")
