"""Whether the API can do its work: the store takes writes, Kubernetes answers, the Tasks are known.

Each check says why not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cronwright_api.auth.cache import AnswerCache
from cronwright_api.cluster import Cluster
from cronwright_api.errors import Unavailable
from cronwright_api.store.database import Database
from cronwright_api.store.probe import write_probe
from cronwright_api.tasks.cache import TaskCache

KEPT_SECONDS = 5.0
"""Probes of several kubelets and load balancers in this time share one look."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at; `problem` is empty where it is well. `age_seconds` is how old what is known is, where it is
    kept."""

    name: str
    problem: str
    age_seconds: float | None = None


class Readiness:
    """Looks whether the store takes writes, Kubernetes answers, and what is known of the Tasks is fresh."""

    def __init__(self, database: Database, cluster: Cluster, tasks: TaskCache) -> None:
        self._database, self._cluster, self._tasks = database, cluster, tasks
        self._looked: AnswerCache[str, Check] = AnswerCache(KEPT_SECONDS, 2)

    async def checks(self) -> Sequence[Check]:
        """Return what was found, at most KEPT_SECONDS ago."""
        return [
            await self._looked.get("store", self._store),
            await self._looked.get("kubernetes", self._kubernetes),
            Check("tasks", self._tasks.problem(), self._tasks.age_seconds()),
        ]

    async def _store(self) -> Check:
        try:
            await write_probe(self._database, datetime.now(UTC))
        except Unavailable as error:
            return Check("store", error.detail)
        return Check("store", "")

    async def _kubernetes(self) -> Check:
        try:
            answer = await self._cluster.get("/version")
        except Unavailable as error:
            return Check("kubernetes", error.detail)
        return Check(
            "kubernetes", "" if answer.status == 200 else f"Kubernetes answers {answer.status}: {answer.message}"
        )
