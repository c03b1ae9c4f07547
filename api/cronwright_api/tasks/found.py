"""A Task by its id: its place from the cache, or on a miss from one live list; then itself, live, with the caller's
token."""

import asyncio
from collections.abc import Mapping
from typing import cast
from uuid import UUID

from cronwright_api.auth.readers import Reader
from cronwright_api.errors import NotFound
from cronwright_api.tasks.cache import TaskCache
from cronwright_api.tasks.kubernetes import TasksInKubernetes
from cronwright_api.tasks.record import Manifest

Places = Mapping[str, tuple[str, str]]


class Finder:
    """Finds Tasks by id on every replica at once, whatever its own cache has heard."""

    def __init__(self, cache: TaskCache, kubernetes: TasksInKubernetes) -> None:
        self._cache, self._kubernetes = cache, kubernetes
        self._running: asyncio.Future[Places] | None = None
        self._waiting: asyncio.Future[Places] | None = None

    async def find(self, reader: Reader, token: str, identity: str) -> Manifest:
        """Return the Task with the id `identity` as it is now.

        Raises:
            NotFound: there is none that the reader may see.
            Unavailable: Kubernetes can't be asked.
        """
        try:
            uid = str(UUID(identity))
        except ValueError:
            raise not_found(identity) from None
        record = self._cache.find(uid)
        place = (record.namespace, record.resource_name) if record else (await self._places()).get(uid)
        if place is None or not (await reader.visible([place[0]])).shows(place[0]):
            raise not_found(identity)
        manifest = await self._kubernetes.read(token, *place)
        # Another UID under this name is another Task: this one is gone, and never comes back
        if manifest is None or cast("Mapping[str, str]", manifest["metadata"])["uid"] != uid:
            raise not_found(identity)
        return manifest

    async def _places(self) -> Places:
        """Return the places of all Tasks by a list that begins after this call; those who wait for it share one."""
        if self._waiting is None:
            self._waiting = asyncio.ensure_future(self._after(self._running))
        return await asyncio.shield(self._waiting)

    async def _after(self, former: "asyncio.Future[Places] | None") -> Places:
        if former is not None:
            await asyncio.wait([former])
        self._running, self._waiting = self._waiting, None
        found: dict[str, tuple[str, str]] = {}
        for scope in self._cache.scopes:
            found |= await self._kubernetes.places(scope)
        return found


def not_found(identity: str) -> NotFound:
    """Return the error for an id that is none, or none that the caller may see."""
    return NotFound("not_found", f"there is no task {identity[:80]!a}, or not in a namespace where you may list Tasks")
