"""An operator that stops between two writes: a program to run in the real one's place, with its code but for the cut.

Two ways to stop, both set by the environment. `CUT_AFTER` is JSON such as {"backup": 2}: after its second write of a
CronJob, of a loop's pod or of a loop's Job, Task backup is never worked on again. `DIE_ORDER` is the path of a file:
once it holds the name of a write, such as SetLever, the process dies when the next write of that name has been
answered. Every write is a line in the file `CUT_LOG`: the Task's name and the write's.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from kubernetes.aio import client

from cronwright.names import TASK_LABEL
from cronwright.observed.manifest import Manifest
from cronwright_operator import logs
from cronwright_operator.kubernetes import Kubernetes
from cronwright_operator.main import serve
from cronwright_operator.settings import Settings

CRON_JOB_WRITES = ("CreateCronJob", "ReplaceCronJob", "SetLever")
LOOP_WRITES = ("AskToEnd", "DeleteWindow")
COUNTED = (*CRON_JOB_WRITES, *LOOP_WRITES)
EXIT_CODE = 70
"""Of a process that died where it was told to."""


class CutKubernetes(Kubernetes):
    """The connection of the operator, which sees every write; what is cut here, the operator never knows of."""

    def __init__(self, api_client: client.ApiClient) -> None:
        super().__init__(api_client)
        self._cuts: Mapping[str, int] = json.loads(os.environ.get("CUT_AFTER", "{}"))
        self._order = Path(os.environ["DIE_ORDER"]) if "DIE_ORDER" in os.environ else None
        self._log = Path(os.environ["CUT_LOG"])
        self._written: Counter[str] = Counter()

    async def create_cron_job(self, manifest: Mapping[str, Any]) -> Manifest:
        """Create, then see whether this was the last write."""
        written = await super().create_cron_job(manifest)
        await self._wrote("CreateCronJob", manifest["metadata"]["name"])
        return written

    async def replace_cron_job(self, manifest: Mapping[str, Any], resource_version: str) -> Manifest:
        """Replace, then see whether this was the last write."""
        written = await super().replace_cron_job(manifest, resource_version)
        await self._wrote("ReplaceCronJob", manifest["metadata"]["name"])
        return written

    async def set_last_schedule_time(self, namespace: str, name: str, time: str, resource_version: str) -> Manifest:
        """Pull the lever, then see whether this was the last write."""
        written = await super().set_last_schedule_time(namespace, name, time, resource_version)
        await self._wrote("SetLever", name)
        return written

    async def annotate_pod(self, namespace: str, name: str, uid: str, annotations: Mapping[str, str]) -> Manifest:
        """Ask a pod to end, then see whether this was the last write."""
        written = await super().annotate_pod(namespace, name, uid, annotations)
        await self._wrote("AskToEnd", written["metadata"]["labels"][TASK_LABEL])
        return written

    async def delete_job_after_its_pods(self, namespace: str, name: str, uid: str) -> Manifest | None:
        """Delete a window's Job, then see whether this was the last write."""
        left = await super().delete_job_after_its_pods(namespace, name, uid)
        await self._wrote("DeleteWindow", name.rpartition("-")[0])
        return left

    async def patch_task_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> Manifest:
        """Write the status, then see whether this was the last write."""
        written = await super().patch_task_status(namespace, name, status)
        await self._wrote("WriteStatus", name)
        return written

    async def _wrote(self, write: str, name: str) -> None:
        with self._log.open("a") as log:
            log.write(f"{name} {write}\n")
        if self._order and self._order.exists() and self._order.read_text() == write:
            self._order.unlink()
            _die()
        if write in COUNTED:
            self._written[name] += 1
            if self._written[name] == self._cuts.get(name):
                await asyncio.Event().wait()


def _die() -> NoReturn:
    # As by a crash: nothing is closed, flushed or answered any more.
    os._exit(EXIT_CODE)


def main(arguments: list[str]) -> None:
    """Run the operator with the cut of the environment."""
    settings = Settings()
    logs.configure(settings.log_format, settings.log_level)
    asyncio.run(serve(settings, CutKubernetes.connect))
