"""The writes of the operator without the operator, by its own client: what the API server and Python give at best.

A program of its own, so that it has an interpreter to itself as the operator has. What it will write is worked out
before it starts to write.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from tasks import MONTHLY, WORKERS, tasks

from cronwright.observed.manifest import Manifest
from cronwright.plan.lever import CreateCronJob
from cronwright.plan.pod import RunnerSettings
from cronwright_operator.actions import WriteStatus
from cronwright_operator.decide import decide
from cronwright_operator.kubernetes import Kubernetes
from cronwright_operator.observe import Observation, parse_task_facts
from cronwright_operator.settings import Settings

Item = TypeVar("Item")


class Client(Kubernetes):
    """The operator's client, which besides creates Tasks."""

    @classmethod
    async def connect(cls, concurrency: int) -> "Client":
        """Return a connection as the operator's."""
        connected = await super().connect(concurrency)
        assert isinstance(connected, cls)
        return connected

    async def create_task(self, manifest: dict[str, Any]) -> Manifest:
        """Create the Task."""
        path = f"/apis/cronwright.dev/v1/namespaces/{manifest['metadata']['namespace']}/tasks"
        return await self._request("POST", path, manifest)


def main() -> None:
    """Do one of three things; `writes` waits for a line on stdin before it starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["tasks", "writes", "all"])
    parser.add_argument("namespace")
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0, help="number of the first Task")
    parser.add_argument("--schedule", default=MONTHLY)
    arguments = parser.parse_args()
    end = arguments.first + arguments.count
    manifests = tasks(arguments.namespace, arguments.first, end, arguments.schedule)
    asyncio.run(_run(arguments.what, arguments.namespace, manifests))


async def _run(what: str, namespace: str, manifests: Sequence[dict[str, Any]]) -> None:
    runner = Settings().runner()
    client = await Client.connect(WORKERS)

    async def write(actions: tuple[CreateCronJob, WriteStatus, str]) -> None:
        await client.create_cron_job(actions[0].manifest)
        await client.patch_task_status(namespace, actions[2], actions[1].patch)

    async def create(manifest: dict[str, Any]) -> None:
        await client.create_task(manifest)

    async def create_and_write(manifest: dict[str, Any]) -> None:
        await write(_writes(await client.create_task(manifest), runner))

    try:
        if what == "writes":
            present, _ = await client.list_all("tasks", namespace)
            pairs = [_writes(manifest, runner) for manifest in present]
            await client.list_all(
                "cronjobs", namespace
            )  # the connection is there before the clock runs, as the operator's
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            await _each(pairs, write)
        else:
            await _each(manifests, create if what == "tasks" else create_and_write)
    finally:
        await client.close()


def _writes(task: Manifest, runner: RunnerSettings) -> tuple[CreateCronJob, WriteStatus, str]:
    seen = Observation(parse_task_facts(task), None, (), (), {}, frozenset())
    create, status = decide(seen, runner, datetime.now(UTC)).actions
    assert isinstance(create, CreateCronJob) and isinstance(status, WriteStatus), json.dumps(task)
    return create, status, task["metadata"]["name"]


async def _each(items: Iterable[Item], act: Callable[[Item], Awaitable[None]]) -> None:
    queue = iter(items)

    async def work() -> None:
        for item in queue:
            await act(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work())


if __name__ == "__main__":
    main()
