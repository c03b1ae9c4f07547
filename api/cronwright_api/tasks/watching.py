"""The watch that keeps the cache true: list, then watch from there; a new list where the watch can't go on.

Kubernetes ends each watch after WATCH_SECONDS, and with that says that there is nothing else, so silence beyond it
means a dead connection, even where nobody closed it. A version that is too old (410), an error within the watch, or a
watch that is refused lead to a new list; a connection that breaks off, to a new watch from the last version heard.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import cast
from urllib.parse import quote, urlencode

import stamina
import structlog

from cronwright.jsontypes import JSON
from cronwright.names import GROUP, PLURAL, VERSION
from cronwright_api.cluster import Cluster, WatchRefused
from cronwright_api.errors import Unavailable
from cronwright_api.metrics import Metrics
from cronwright_api.tasks.cache import TaskCache
from cronwright_api.tasks.record import Manifest, record_of

WATCH_SECONDS = 10
"""How long a watch lasts. Where nothing happens to Tasks no bookmark comes, so the watch's end has to tell that."""
SILENCE_SECONDS = WATCH_SECONDS + 5.0
LIST_CHUNK = 500
"""Tasks that are read at once: a list of ten thousand as one document would take ten times the memory of the cache."""
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS, _JITTER_SECONDS = 0.1, 3.0, 0.5

_log = structlog.get_logger()


def collection_path(namespace: str) -> str:
    """Return the path of a namespace's Tasks, or with an empty name of all."""
    base = f"/apis/{GROUP}/{VERSION}"
    return f"{base}/namespaces/{quote(namespace, safe='')}/{PLURAL}" if namespace else f"{base}/{PLURAL}"


async def watch_all(cluster: Cluster, cache: TaskCache, metrics: Metrics) -> None:
    """Keep `cache` true, until cancelled."""
    async with asyncio.TaskGroup() as group:
        for scope in cache.scopes:
            group.create_task(Watch(cluster, cache, scope, metrics).forever())


class Watch:
    """The watch of one scope. `version` is where the next one begins; None asks for a list."""

    def __init__(self, cluster: Cluster, cache: TaskCache, scope: str, metrics: Metrics) -> None:
        self._cluster, self._cache, self._scope, self._metrics = cluster, cache, scope, metrics
        self.version: str | None = None

    async def forever(self) -> None:
        """Keep the scope true, until cancelled."""
        while True:
            tries = stamina.retry_context(
                on=Unavailable,
                attempts=None,
                timeout=None,
                wait_initial=_FIRST_WAIT_SECONDS,
                wait_max=_LONGEST_WAIT_SECONDS,
                wait_jitter=_JITTER_SECONDS,
            )
            async for attempt in tries:
                with attempt:
                    await self._once()

    async def _once(self) -> None:
        """List where that is needed, and watch until Kubernetes ends the watch. Raises Unavailable."""
        try:
            if self.version is None:
                self.version = await self._list()
            await self._watch(self.version)
        except WatchRefused as error:
            self.version = None
            self._lost(error)
            raise
        except Unavailable as error:
            self._lost(error)
            raise

    def _lost(self, error: Unavailable) -> None:
        self._metrics.task_watch_errors.inc()
        if self._cache.lost(self._scope, error.detail):
            # Once for each time; the tries go on, however long it takes
            _log.warning("the watch of Tasks broke off", namespace=self._scope, detail=error.detail)

    async def _list(self) -> str:
        """Put the whole list into the cache, and return its version."""
        records, proceed = [], ""
        while True:
            query = urlencode({"limit": LIST_CHUNK} | ({"continue": proceed} if proceed else {}))
            answer = await self._cluster.get(f"{collection_path(self._scope)}?{query}")
            if answer.status != 200:
                # 410, where the list took so long that Kubernetes has forgotten its beginning, is met by a new one
                said = answer.message or answer.status
                raise Unavailable("list_refused", f"Kubernetes refuses the list of Tasks to this API: {said}")
            metadata = cast(Mapping[str, str], answer.body["metadata"])
            records += [record_of(item) for item in cast("list[Manifest]", answer.body["items"] or [])]
            proceed = metadata.get("continue", "")
            if not proceed:
                break
        self._cache.replace(self._scope, records)
        self._metrics.task_lists.inc()
        _log.info("Tasks listed", namespace=self._scope, count=len(records))
        return metadata["resourceVersion"]

    async def _watch(self, version: str) -> None:
        asked = {"watch": 1, "allowWatchBookmarks": "true", "resourceVersion": version, "timeoutSeconds": WATCH_SECONDS}
        path = f"{collection_path(self._scope)}?{urlencode(asked)}"
        began, heard = time.monotonic(), False
        async with aclosing(self._cluster.watch(path, SILENCE_SECONDS)) as events:
            async for event in events:
                kind, manifest = event["type"], cast(Manifest, event["object"])
                if kind == "ERROR":
                    raise WatchRefused(cast(int, manifest.get("code", 0)), str(manifest.get("message", "")))
                self._take(str(kind), manifest)
                heard = True
        if time.monotonic() - began > WATCH_SECONDS / 2:
            self._cache.heard(self._scope)
        elif not heard:
            raise Unavailable("watch_ended", "Kubernetes ended the watch at once and without a word")

    def _take(self, kind: str, manifest: Manifest) -> None:
        metadata = cast(Mapping[str, JSON], manifest["metadata"])
        if kind == "DELETED":
            self._cache.drop(self._scope, str(metadata["uid"]))
        elif kind != "BOOKMARK":
            self._cache.put(self._scope, record_of(manifest))
        self.version = str(metadata["resourceVersion"])
        self._cache.heard(self._scope)
