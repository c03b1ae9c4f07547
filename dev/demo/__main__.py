"""The demo: the example tasks on a real cluster, and the timeline as their first runs arrive. `make demo` runs it.

It expects a cluster with Cronwright in it, and the environment that `make -s env` prints. It ends by itself, with exit
code 0 only if every run ended as it has to. Run again, it counts only runs that start after it began.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import takewhile

import expectations
from expectations import CONVERTED, RUNS, Finding, Task
from narration import chapter, console, say, show_command, show_output, verdict
from next_steps import PREPARATION, STEPS
from rich.live import Live
from surroundings import CannotGoOn, Surroundings, look_around

from cronwright_cli.access import Access, find_access
from cronwright_cli.errors import CliError
from cronwright_cli.timeline.api import Wanted
from cronwright_cli.timeline.cells import Setting, columns
from cronwright_cli.timeline.follow import News, follow, last_runs
from cronwright_cli.timeline.ledger import Ledger
from cronwright_cli.timeline.run import Run
from cronwright_cli.timeline.stream import Stream
from cronwright_cli.timeline.table import plain_lines, rich_table

NAMESPACE = "demo"
READY_SECONDS = 60
RUNS_SECONDS = 210
"""The longest interval is 90 s; on top of it a pod's start on a busy machine, and the run."""
STATUS_SECONDS = 45
"""The operator hears of an end from the Job at once, and from the timeline within 10 s."""
POLL_SECONDS = 1.0
ROWS = 200

NAMESPACE_MANIFEST = f"""
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
"""


def main() -> int:
    """Run the demo and return the exit code."""
    began = datetime.now(UTC)
    try:
        around = look_around()
        access = find_access(None, None)
        # Before anything is made: without the API there would be nothing to see.
        last_runs(access, Wanted(), 1, Ledger())
        _make_tasks(around)
        _wait_until_ready(around)
        runs = _watch_runs(around, access, began)
        findings = _look_back(around, runs, began)
    except (CannotGoOn, CliError, subprocess.TimeoutExpired) as error:
        console.print(f"\nThe demo can't go on: {error}", style="bold red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nEnded by hand; the Tasks stay. Run it again at any time.")
        return 130
    for finding in findings:
        verdict(finding.is_good, finding.sentence)
    say(f"\nThat took {(datetime.now(UTC) - began).total_seconds():.0f} s.")
    _say_what_next()
    return 0 if all(finding.is_good for finding in findings) else 1


def _make_tasks(around: Surroundings) -> None:
    chapter("Tasks from Daptin", f"A namespace, and Daptin's Tasks as Tasks of Kubernetes, on {around.context}.")
    around.kube("apply", "-f", "-", stdin=NAMESPACE_MANIFEST)
    convert = ["convert", "daptin", "examples/tasks.yaml", "-n", NAMESPACE]
    show_command(["kubectl", "cronwright", *convert], ["kubectl", "apply", "-f", "-"])
    manifests = around.run(around.cronwright, *convert)
    show_output(around.kube("apply", "-f", "-", stdin=manifests, is_shown=False))
    chapter(
        "Four Tasks that can run at once",
        "One asks the API over HTTP, one runs a command, one ticks every 5 seconds, one fails on purpose.",
    )
    around.kube("apply", "-n", NAMESPACE, "-f", "examples/demo-tasks.yaml")


def _wait_until_ready(around: Surroundings) -> None:
    chapter("Ready", "The operator makes a CronJob of each Task, and says so on its status.")
    around.kube(
        "wait", "cwt", "-n", NAMESPACE, "--for=condition=Ready", f"--timeout={READY_SECONDS}s",
        *CONVERTED, *(expected.task for expected in RUNS), is_shown=False,
    )  # fmt: skip
    around.kube("get", "cwt", "-n", NAMESPACE)


def _tasks(around: Surroundings) -> dict[str, Task]:
    listed = json.loads(around.kube("get", "cwt", "-n", NAMESPACE, "-o", "json", is_shown=False))
    return {task["metadata"]["name"]: task for task in listed["items"]}


def _watch_runs(around: Surroundings, access: Access, began: datetime) -> list[Run]:
    """Show the timeline until the first run of each Task is over, and return what it has by then."""
    tasks = _tasks(around)
    due = sorted({f"{at:%H:%M:%S}" for expected in RUNS if (at := expectations.next_run(tasks.get(expected.task)))})
    chapter("The timeline")
    say(
        f"It is {datetime.now(UTC):%H:%M:%S} UTC, and the first runs are due at {', '.join(due)};"
        f" {expectations.LOOP} ticks already, and only its first {expectations.TICKS_SHOWN} ticks stand here. The whole"
        " table, at any time, shows this command:"
    )
    show_command(["kubectl", "cronwright", "timeline", "-n", NAMESPACE, "-f", "--utc"])
    ledger = Ledger()
    deadline = time.monotonic() + RUNS_SECONDS
    wanted = Wanted(NAMESPACE, since=began)
    stream = Stream(access, wanted, POLL_SECONDS)
    stream.start()
    news_for_ever = follow(access, wanted, ROWS, ledger, stream.wait)

    def goes_on(_: News) -> bool:
        return time.monotonic() < deadline

    show = _show_live if console.is_terminal else _show_lines
    show(takewhile(goes_on, news_for_ever), lambda: list(ledger.latest(ROWS)), began)
    return ledger.latest(ROWS)


def _caption(runs: Sequence[Run], began: datetime, news: News) -> str:
    if news.problem:
        return f"{news.problem}; trying again"
    awaited = expectations.still_awaited(expectations.first_runs(runs, began))
    waiting = f"Waiting for {', '.join(awaited)}." if awaited else "The first run of each is over."
    return f"{expectations.ticks_in_words(runs)} {waiting}".lstrip()


def _show_live(news_until: Iterable[News], runs: Callable[[], list[Run]], began: datetime) -> None:
    shown = columns("UTC", with_namespace=False, wide=False)
    with Live(console=console, auto_refresh=False) as live:
        for news in news_until:
            rows = expectations.without_most_ticks(runs())
            table = rich_table(rows, shown, Setting(UTC, datetime.now(UTC)), _caption(runs(), began, news))
            live.update(table, refresh=True)
            if not expectations.still_awaited(expectations.first_runs(runs(), began)):
                return


def _show_lines(news_until: Iterable[News], runs: Callable[[], list[Run]], began: datetime) -> None:
    shown = columns("UTC", with_namespace=False, wide=False)
    is_first, problem = True, ""
    for news in news_until:
        if news.problem and news.problem != problem:
            say(f"{news.problem}; trying again")
        problem = news.problem
        kept = {run.id for run in expectations.without_most_ticks(runs())}
        changed = [run for run in news.changed if run.id in kept]
        if changed:
            show_output("\n".join(plain_lines(changed, shown, Setting(UTC, datetime.now(UTC)), heading=is_first)))
            is_first = False
        if not expectations.still_awaited(expectations.first_runs(runs(), began)):
            say(expectations.ticks_in_words(runs()))
            return


def _look_back(around: Surroundings, seen: Sequence[Run], began: datetime) -> list[Finding]:
    chapter("What the Tasks say now")
    runs = expectations.first_runs(seen, began)
    awaited = [expected.task for expected in RUNS if expected.task in runs and runs[expected.task].is_over]
    deadline = time.monotonic() + STATUS_SECONDS
    tasks = _tasks(around)
    while not all(expectations.has_told_its_run(tasks.get(name), runs[name]) for name in awaited):
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_SECONDS)  # the poll of a condition: that the operator has written the last run
        tasks = _tasks(around)
    findings = [*expectations.judge_runs(runs, RUNS_SECONDS), expectations.judge_ticks(seen)]
    untold = [name for name in awaited if not expectations.has_told_its_run(tasks.get(name), runs[name])]
    findings += [
        Finding(
            False, f"{name}: its status does not tell of the run after {STATUS_SECONDS} s; look at the operator's log"
        )
        for name in untold
    ]
    around.kube("get", "cwt", "-n", NAMESPACE)
    failing = RUNS[-1].task
    say("\nThe one that fails, from its status on:")
    show_command(["kubectl", "describe", "cwt", failing, "-n", NAMESPACE])
    described = around.kube("describe", "cwt", failing, "-n", NAMESPACE, is_shown=False)
    show_output(described[described.find("\nStatus:") + 1 :])
    chapter("The outcome")
    return findings + expectations.judge_tasks(list(tasks.values()))


def _say_what_next() -> None:
    chapter("What to try next", "In a shell in this folder, first:")
    console.print(f"  {PREPARATION}\n", style="bold cyan", markup=False, soft_wrap=True)
    for step in STEPS:
        console.print(f"  # {step.shows}", style="dim", markup=False, soft_wrap=True)
        console.print(f"  {step.command}", style="bold cyan", markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
