"""How long it takes from the start of the runner's process to the start of its action, over a Python that does nothing.

Run in the image that is to be measured: `python benchmarks/runner_start.py`. It starts both in turns, so that whatever
else the machine does hits both, and takes medians. The action's start is the time of the runner's own log line right
before it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cronwright.run.document import RunDocument, dump_document
from cronwright.run.ids import job_name
from cronwright.task import Retry

ROUNDS = 40
GOAL_MS = 60
"""Over a bare Python, in the same image."""

DOCUMENT = RunDocument(
    namespace="bench",
    resource_name="bench",
    uid="6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
    name="bench",
    label="",
    plan="cron",
    schedule="* * * * *",
    time_zone="Etc/UTC",
    action_name="command",
    entity_name="",
    attributes={"command": ["true"]},
    as_user_email=None,
    starting_deadline_seconds=3600,
    timeout_seconds=60,
    retry=Retry(),
)


def measure(python: str, rounds: int = ROUNDS) -> dict[str, float]:
    """Return medians in milliseconds for the interpreter `python`, which has Cronwright installed.

    `bare_ms` is `python -c pass` from start to end, `action_start_ms` the runner from its start to the action's,
    `over_bare_ms` the median of the differences round by round, `run_ms` the whole run of a command that does nothing,
    without a timeline.
    """
    with tempfile.TemporaryDirectory() as directory:
        environment = _pod(Path(directory))
        runner = [python, "-c", "from cronwright_runner.main import main; main()"]
        pairs = []
        runs = []
        for _ in range(rounds):
            bare = _elapsed(lambda: subprocess.run([python, "-c", "pass"], check=True, env=environment))
            start, whole = _action_start(runner, environment)
            pairs.append((bare, start))
            runs.append(whole)
    return {
        "bare_ms": median(bare for bare, _ in pairs),
        "action_start_ms": median(start for _, start in pairs),
        "over_bare_ms": median(start - bare for bare, start in pairs),
        "run_ms": median(runs),
    }


def _pod(directory: Path) -> dict[str, str]:
    """Return the environment of a pod whose files are in `directory`: a run of this minute, reported to nobody."""
    (directory / "task").write_text(dump_document(DOCUMENT), encoding="utf-8")
    (directory / "job-name").write_text(job_name("bench", datetime.now(UTC)), encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "POD_NAME": "bench",
        "POD_UID": "bench",
        "CRONWRIGHT_DOCUMENT_PATH": str(directory / "task"),
        "CRONWRIGHT_JOB_NAME_PATH": str(directory / "job-name"),
        "CRONWRIGHT_SCHEDULED_TIME_PATH": str(directory / "scheduled-time"),
        "CRONWRIGHT_TERMINATION_PATH": str(directory / "termination-log"),
    }


def _action_start(runner: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Return the milliseconds from the process's start to the action's, and to the end of the run."""
    started = time.time()
    ended = subprocess.run(runner, check=True, env=environment, stderr=subprocess.PIPE, text=True)
    whole = time.time() - started
    (line,) = [line for line in map(json.loads, ended.stderr.splitlines()) if line["message"].endswith(" starts")]
    return (datetime.fromisoformat(line["time"]).timestamp() - started) * 1000, whole * 1000


def _elapsed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def main() -> None:
    """Print the figures, and exit with 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has Cronwright installed")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    figures = measure(arguments.python, arguments.rounds)
    for name, value in figures.items():
        print(f"{name:<16} {value:7.1f}")
    print(f"{'ratio to bare':<16} {figures['action_start_ms'] / figures['bare_ms']:7.2f}")
    print(f"{'goal':<16} {GOAL_MS:7.1f}  over bare")
    sys.exit(figures["over_bare_ms"] > GOAL_MS)


if __name__ == "__main__":
    main()
