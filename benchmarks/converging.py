"""How fast 1,000 Tasks converge, against the same writes without an operator and against kopf's tutorial.

All of them do their work in turn, several times over, so that what else the machine does meets each of them. Rates are
read from a watch, from the first write that it sees to the last object that is done.
"""

import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import tutorial
from cleanup import namespace_for
from figures import Figure
from tasks import tasks
from watching import Watch

from programs import create_tasks, direct, finish, operator
from programs import tutorial as tutorial_program
from support.cluster import Cluster, cron_jobs_path, is_ready, tasks_path, wait_for

LONGEST_SECONDS = 600
TUTORIAL_PATH = f"/apis/{tutorial.GROUP}/{tutorial.VERSION}/namespaces/{{}}/{tutorial.PLURAL}"


@dataclass(slots=True)
class Rates:
    """Objects per second, a number per round."""

    of: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, rate: float) -> None:
        """Note a round, and show it."""
        self.of.setdefault(what, []).append(rate)
        print(f"  {what}: {rate:.1f}/s", file=sys.stderr, flush=True)

    def median(self, what: str) -> float:
        """Return the median of the rounds."""
        return statistics.median(self.of[what])

    def text(self, what: str) -> str:
        """Return the median and the least and the greatest of the rounds."""
        return f"{self.median(what):.0f}/s ({min(self.of[what]):.0f} to {max(self.of[what]):.0f})"

    def ratio(self, one: str, other: str) -> float:
        """Return the median over the rounds of how much faster `one` was than `other` in the same round."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.of[one], self.of[other], strict=True))


BACKLOG, WRITES, HANDLER = "operator, a backlog", "the same two writes", "kopf's tutorial"
LIVE, ALL_WRITES = "operator, live", "Task and the two writes"


def measure(cluster: Cluster, count: int, rounds: int) -> Iterator[Figure]:
    """Yield the figures of `rounds` rounds with `count` Tasks each."""
    rates = Rates()
    with _tutorial_resource(cluster):
        for number in range(1, rounds + 1):
            print(f"round {number} of {rounds}, {count} Tasks", file=sys.stderr, flush=True)
            rates.add(WRITES, _direct_writes(cluster, count))
            rates.add(BACKLOG, _backlog(cluster, count))
            rates.add(HANDLER, _handler(cluster, count))
            rates.add(ALL_WRITES, _all_directly(cluster, count))
            rates.add(LIVE, _live(cluster, count))
    against_writes, against_handler = rates.ratio(BACKLOG, WRITES), rates.ratio(BACKLOG, HANDLER)
    yield Figure(f"{count:,} Tasks waiting, converged by the operator", rates.text(BACKLOG))
    yield Figure("the same two writes, directly", rates.text(WRITES))
    yield Figure("ratio of the operator to them", f"{against_writes:.2f}", "≥ 0.8 (pass: 0.5)", against_writes >= 0.8)
    yield Figure("the handler of kopf's tutorial", rates.text(HANDLER))
    yield Figure("ratio of the operator to it", f"{against_handler:.1f}", "≥ 4", against_handler >= 4)
    yield Figure("ratio of the direct writes to it: the ceiling", f"{rates.ratio(WRITES, HANDLER):.1f}")
    yield Figure(f"{count:,} Tasks created while the operator watches", rates.text(LIVE))
    yield Figure("the Task and the two writes, directly", rates.text(ALL_WRITES))
    yield Figure("ratio of the operator, live, to them", f"{rates.ratio(LIVE, ALL_WRITES):.2f}")


def _backlog(cluster: Cluster, count: int) -> float:
    with namespace_for(cluster) as namespace:
        create_tasks(cluster, namespace, count)
        with _watches(cluster, namespace) as (first, done), operator(cluster, namespace) as process:
            done.wait(count, LONGEST_SECONDS, _alive(process.process))
            return _rate(first, done)


def _live(cluster: Cluster, count: int) -> float:
    with namespace_for(cluster) as namespace, operator(cluster, namespace) as process:
        process.wait_until_watching()
        created = Watch(cluster, tasks_path(namespace))
        done = Watch(cluster, tasks_path(namespace), is_ready)
        creating = direct(cluster, "tasks", namespace, count)
        done.wait(count, LONGEST_SECONDS, _alive(process.process))
        finish(creating)
        created.close()
        done.close()
        return _rate(created, done)


def _direct_writes(cluster: Cluster, count: int) -> float:
    with namespace_for(cluster) as namespace:
        create_tasks(cluster, namespace, count)
        writing = direct(cluster, "writes", namespace, count)
        assert writing.stdin is not None and writing.stdout is not None
        if writing.stdout.readline() != "ready\n":
            finish(writing)
        with _watches(cluster, namespace) as (first, done):
            writing.stdin.write("go\n")
            writing.stdin.flush()
            done.wait(count, LONGEST_SECONDS, _alive(writing))
            finish(writing)
            return _rate(first, done)


def _all_directly(cluster: Cluster, count: int) -> float:
    with namespace_for(cluster) as namespace:
        created = Watch(cluster, tasks_path(namespace))
        done = Watch(cluster, tasks_path(namespace), is_ready)
        writing = direct(cluster, "all", namespace, count)
        done.wait(count, LONGEST_SECONDS, _alive(writing))
        finish(writing)
        created.close()
        done.close()
        return _rate(created, done)


def _handler(cluster: Cluster, count: int) -> float:
    with namespace_for(cluster, TUTORIAL_PATH) as namespace:
        path = TUTORIAL_PATH.format(namespace)
        for task in tasks(namespace, 0, count):
            cluster.create(path, {**task, "apiVersion": f"{tutorial.GROUP}/{tutorial.VERSION}", "kind": tutorial.KIND})
        first = Watch(cluster, cron_jobs_path(namespace))
        done = Watch(cluster, path, _has_returned)
        with tutorial_program(cluster, namespace) as process:
            done.wait(count, LONGEST_SECONDS, _alive(process))
        first.close()
        done.close()
        return _rate(first, done)


def _has_returned(manifest: Mapping[str, Any]) -> bool:
    return bool((manifest.get("status") or {}).get("create_fn"))


@contextmanager
def _watches(cluster: Cluster, namespace: str) -> Iterator[tuple[Watch, Watch]]:
    first, done = Watch(cluster, cron_jobs_path(namespace)), Watch(cluster, tasks_path(namespace), is_ready)
    try:
        yield first, done
    finally:
        first.close()
        done.close()


def _rate(first: Watch, done: Watch) -> float:
    return len(done.times) / (max(done.times.values()) - min(first.times.values()))


def _alive(process: Any) -> Callable[[], None]:
    def check() -> None:
        if process.poll():
            raise RuntimeError(f"the program that is measured ended with {process.returncode}")

    return check


@contextmanager
def _tutorial_resource(cluster: Cluster) -> Iterator[None]:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    definition = tutorial.definition()
    path = f"{definitions}/{definition['metadata']['name']}"
    if cluster.find(path) is None:
        cluster.create(definitions, definition)
    wait_for("the tutorial's resource", lambda: cluster.http.get(TUTORIAL_PATH.format("default")).is_success)
    try:
        yield
    finally:
        cluster.delete(path)
