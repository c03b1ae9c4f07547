"""How many writes a converged Task costs, an edit, and a full pass that finds nothing to do.

Counted by the operator's own metric, and beside it by what a watch of the namespace saw change: a write that the
operator did not count, or that kopf made behind its back, would show there.
"""

from collections.abc import Iterator
from dataclasses import replace

from cleanup import RUNS, namespace_for
from figures import Figure
from tasks import EVERY, LOOP, MONTHLY
from watching import Watch

from programs import create_tasks, dry_runs, installed_runner_image, operator, wait_for_full_passes, writes
from support.cluster import Cluster, cron_jobs_path, is_ready, tasks_path
from support.operators import OperatorProcess

PASS_SECONDS = 10
PASSES = 3
LONGEST_SECONDS = 300
LOOPS = 10
"""Each is a pod."""


def measure(cluster: Cluster, count: int) -> Iterator[Figure]:
    """Yield the figures for `count` Tasks of each kind."""
    with (
        namespace_for(cluster) as namespace,
        operator(cluster, namespace, CRONWRIGHT_FULL_PASS_SECONDS=str(PASS_SECONDS)) as process,
    ):
        process.wait_until_watching()
        yield _creates(cluster, namespace, process, count, "a Task with a preset", MONTHLY, 2)
        yield _edits(cluster, namespace, process, count)
        yield _full_passes(cluster, namespace, process, count)
    with (
        namespace_for(cluster) as namespace,
        operator(cluster, namespace, CRONWRIGHT_FULL_PASS_SECONDS=str(PASS_SECONDS)) as process,
    ):
        process.wait_until_watching()
        yield _creates(cluster, namespace, process, count, "an `every` Task", EVERY, 3)
    yield _loops(cluster)


def _creates(
    cluster: Cluster, namespace: str, process: OperatorProcess, count: int, what: str, schedule: str, goal: int
) -> Figure:
    done = Watch(cluster, tasks_path(namespace), is_ready)
    children = Watch(cluster, cron_jobs_path(namespace))
    before = writes(process)
    create_tasks(cluster, namespace, count, schedule)
    done.wait(count, LONGEST_SECONDS)
    _settle(process)
    seen = done.changes - count + children.changes  # a Task's creation is not the operator's
    done.close()
    children.close()
    return _per_task(f"writes to converge {what}", writes(process) - before, seen, count, goal)


def _loops(cluster: Cluster) -> Figure:
    """Count the writes until all are Ready: later the status tells of their ticks. A watch would show the controller's
    own writes as well.
    """
    image = installed_runner_image(cluster)
    with (
        namespace_for(cluster, *RUNS) as namespace,
        operator(cluster, namespace, image, CRONWRIGHT_FULL_PASS_SECONDS=str(LONGEST_SECONDS)) as process,
    ):
        process.wait_until_watching()
        done = Watch(cluster, tasks_path(namespace), is_ready)
        before = writes(process)
        create_tasks(cluster, namespace, LOOPS, LOOP)
        done.wait(LOOPS, LONGEST_SECONDS)
        made = writes(process) - before
        done.close()
    return Figure("writes to converge a loop", f"{made / LOOPS:.2f}", "4", made == 4 * LOOPS)


def _edits(cluster: Cluster, namespace: str, process: OperatorProcess, count: int) -> Figure:
    done = Watch(cluster, tasks_path(namespace), is_ready)
    children = Watch(cluster, cron_jobs_path(namespace))
    before, asked_before = writes(process), dry_runs(process)
    for task in cluster.items(tasks_path(namespace)):
        cluster.patch(tasks_path(namespace, task["metadata"]["name"]), {"spec": {"schedule": "30 4 1 * *"}})
    done.wait(count, LONGEST_SECONDS)
    _settle(process)
    seen = done.changes - count + children.changes
    done.close()
    children.close()
    asked = dry_runs(process) - asked_before
    figure = _per_task("writes for an edited schedule", writes(process) - before, seen, count, 3)
    return replace(figure, measured=f"{figure.measured}, after {asked / count:.2f} dry runs")


def _full_passes(cluster: Cluster, namespace: str, process: OperatorProcess, count: int) -> Figure:
    _settle(process)
    tasks, children = Watch(cluster, tasks_path(namespace)), Watch(cluster, cron_jobs_path(namespace))
    before = writes(process)
    for _ in wait_for_full_passes(process, PASSES, PASS_SECONDS):
        pass
    made, seen = writes(process) - before, tasks.changes + children.changes
    tasks.close()
    children.close()
    return Figure(
        f"writes in {PASSES} full passes over {count} unchanged Tasks",
        f"{made} (a watch saw {seen})",
        "0",
        made == seen == 0,
    )


def _settle(process: OperatorProcess) -> None:
    """Let what the writes themselves have caused come in and be looked at."""
    for _ in wait_for_full_passes(process, 2, PASS_SECONDS):
        pass


def _per_task(name: str, made: int, seen: int, count: int, goal: int) -> Figure:
    return Figure(name, f"{made / count:.2f} (a watch saw {seen / count:.2f})", str(goal), made == goal * count)
