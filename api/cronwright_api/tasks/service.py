"""Tasks read, made, changed, deleted and run for a caller: what the routes call, one method each."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID, uuid4
from weakref import WeakValueDictionary

import stamina

from cronwright.jsontypes import JSON
from cronwright.names import RUN_REQUESTED_ANNOTATION
from cronwright.run.requests import (
    RequestError,
    RunRequest,
    TooManyRequests,
    append,
    dump_requests,
    parse_requests,
    requested_run_id,
)
from cronwright_api.auth.people import People
from cronwright_api.auth.readers import Reader, Readers
from cronwright_api.errors import Conflict, Forbidden, Invalid, Unavailable
from cronwright_api.tasks.cache import TaskCache
from cronwright_api.tasks.found import Finder, not_found
from cronwright_api.tasks.kubernetes import Changed, NameTaken, TasksInKubernetes
from cronwright_api.tasks.record import Manifest, Record, record_of
from cronwright_api.tasks.refusals import ATTRIBUTES
from cronwright_api.tasks.rendering import Rendering
from cronwright_api.tasks.written import change_of, new_task

_TRIES = 30
"""A Task that is written all the time: each try fails only where another write came through in between."""
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS, _PATIENCE_SECONDS = 0.01, 0.3, 20.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: known to Kubernetes, with the token that writes are sent with."""

    reader: Reader
    token: str


class TaskService:
    """Reads and writes of Tasks."""

    def __init__(
        self,
        cache: TaskCache,
        kubernetes: TasksInKubernetes,
        readers: Readers,
        people: People,
        default_namespace: str,
    ) -> None:
        self.cache, self.default_namespace = cache, default_namespace
        self._kubernetes, self._readers, self._people = kubernetes, readers, people
        self.rendering = Rendering()
        self._finder = Finder(cache, kubernetes)
        self._writing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def caller(self, token: str) -> Caller:
        """Return who holds `token`.

        Raises:
            Unauthenticated: Kubernetes doesn't know it.
            Unavailable: Kubernetes can't be asked.
        """
        return Caller(await self._readers.of(token), token)

    async def read(self, caller: Caller, identity: str) -> Record:
        """Return the Task with this id. Raises NotFound and Unavailable."""
        return record_of(await self.manifest(caller, identity))

    async def manifest(self, caller: Caller, identity: str) -> Manifest:
        """Return the manifest of the Task with this id. Raises as `read`."""
        return await self._finder.find(caller.reader, caller.token, identity)

    async def require_visible(self, caller: Caller, manifest: Manifest) -> None:
        """Check that the caller may list Tasks where `manifest` is. Raises Forbidden."""
        where = cast("Mapping[str, str]", manifest["metadata"])["namespace"]
        if not (await caller.reader.visible([where])).shows(where):
            detail = (
                f"you may not list Tasks in namespace {where!a}; ask for the verb list on tasks.cronwright.dev there"
            )
            raise Forbidden("namespace_forbidden", detail, pointer=f"{ATTRIBUTES}/namespace")

    async def create(self, caller: Caller, attributes: Mapping[str, JSON]) -> Record:
        """Make a Task.

        Raises:
            Invalid: an attribute is not as it must be.
            Conflict: the name is taken.
            Problem: Kubernetes refuses it, or can't be asked.
        """
        manifest = new_task(attributes, self.default_namespace)
        metadata = cast("Mapping[str, str]", manifest["metadata"])
        where, name = metadata["namespace"], metadata["name"]
        if not self.cache.serves(where):
            detail = f"no Tasks of namespace {where!a} are served here; write one of {', '.join(self.cache.scopes)}"
            raise Invalid("namespace_not_served", detail, pointer=f"{ATTRIBUTES}/namespace")
        try:
            made = record_of(await self._kubernetes.create(caller.token, where, manifest))
        except NameTaken:
            raise await self._name_taken(caller, where, name, str(attributes["name"])) from None
        self.cache.wrote(made)
        return made

    async def change(self, caller: Caller, identity: str, attributes: Mapping[str, JSON]) -> Record:
        """Change a Task, again and again where others write to it at the same time.

        Raises:
            NotFound: there is none that the caller may see.
            Invalid: an attribute is not as it must be, or can't be changed.
            Problem: Kubernetes refuses the change, or can't be asked.
        """

        def operations(manifest: Manifest) -> Sequence[Mapping[str, JSON]]:
            return change_of(manifest, attributes).operations

        return await self._write(caller, identity, operations)

    async def delete(self, caller: Caller, identity: str) -> None:
        """Delete a Task. Raises NotFound, or what Kubernetes says."""
        manifest = await self.manifest(caller, identity)
        try:
            await self._kubernetes.delete(caller.token, manifest)
        except Changed:
            raise not_found(identity) from None
        self.cache.deleted(record_of(manifest))

    async def run(
        self,
        caller: Caller,
        identity: str,
        attributes: Mapping[str, JSON] | None,
        scheduled_at: datetime | None,
        now: datetime,
    ) -> tuple[Record, RunRequest, UUID]:
        """Ask for a run of a Task; return the Task, the request that stands for it and the run's id.

        Raises:
            NotFound: there is no Task that the caller may see.
            Conflict: the annotation was written by hand, and not as a list of requests.
            Unavailable: so many requests wait that the operator must be away; or Kubernetes can't be asked.
            Problem: Kubernetes refuses.
        """
        wanted = RunRequest(
            id=str(uuid4()),
            attributes=attributes,
            scheduled_time=scheduled_at,
            requested_by=await self._people.name_of(caller.token),
            requested_at=now.replace(microsecond=0),
        )
        stands = wanted

        def operations(manifest: Manifest) -> Sequence[Mapping[str, JSON]]:
            nonlocal stands
            annotated, stands = _appended(manifest, wanted)
            return annotated

        record = await self._write(caller, identity, operations)
        return record, stands, requested_run_id(record.uid, stands)

    async def _write(
        self, caller: Caller, identity: str, operations: Callable[[Manifest], Sequence[Mapping[str, JSON]]]
    ) -> Record:
        """Read, change and write the Task until nobody else has written it in between.

        Writes of this replica to one Task wait for each other, which is quicker than failing; others' make it try anew.
        """
        tries = stamina.retry_context(
            on=Changed,
            attempts=_TRIES,
            timeout=_PATIENCE_SECONDS,
            wait_initial=_FIRST_WAIT_SECONDS,
            wait_max=_LONGEST_WAIT_SECONDS,
            wait_jitter=_LONGEST_WAIT_SECONDS,
        )
        try:
            async for attempt in tries:
                with attempt:
                    async with self._writing.setdefault(identity.lower(), asyncio.Lock()):
                        manifest = await self.manifest(caller, identity)
                        wanted = operations(manifest)
                        if wanted:
                            manifest = await self._kubernetes.patch(caller.token, manifest, wanted)
                    record = record_of(manifest)
        except Changed:
            detail = "the Task is being written by others all the time; come again"
            raise Unavailable("task_busy", detail) from None
        if wanted:
            self.cache.wrote(record)
        return record

    async def _name_taken(self, caller: Caller, where: str, resource: str, name: str) -> Conflict:
        """Return the error for a taken name, with the other's id for those who may see the other."""
        detail, meta = f"the name {name!a} is taken in namespace {where}", {}
        if (await caller.reader.visible([where])).shows(where):
            other = await self._kubernetes.read(caller.token, where, resource)
            if other is not None:
                record = record_of(other)
                meta = {"id": record.uid}
                other_name = str(record.field("name"))
                called = "" if other_name == name else f", called {other_name}, whose resource has the same name"
                detail = f"{detail} by task {record.uid}{called}"
        detail = f"{detail}; change that one, or write another name"
        return Conflict("name_taken", detail, pointer=f"{ATTRIBUTES}/name", meta=meta)


def _appended(manifest: Manifest, wanted: RunRequest) -> tuple[Sequence[Mapping[str, JSON]], RunRequest]:
    """Return the operations that append `wanted` to the Task's requests, none where one stands for it already."""
    metadata = cast("Mapping[str, JSON]", manifest["metadata"])
    annotations = cast("Mapping[str, str]", metadata.get("annotations") or {})
    status = cast("Mapping[str, JSON]", manifest.get("status") or {})
    handled = cast("Sequence[str]", status.get("handledRunRequests") or ())
    try:
        before = parse_requests(annotations.get(RUN_REQUESTED_ANNOTATION))
        after, stands = append(before, wanted, handled)
    except RequestError as error:
        detail = f"the Task's annotation {RUN_REQUESTED_ANNOTATION} was written by hand and is wrong: {error}"
        raise Conflict("run_requests_broken", detail) from error
    except TooManyRequests:
        detail = "as many runs are asked for as a Task can hold; see that the operator runs, and come again"
        raise Unavailable("run_requests_full", detail) from None
    if stands is not wanted:
        return (), stands
    if not annotations:
        added: Mapping[str, JSON] = {RUN_REQUESTED_ANNOTATION: dump_requests(after)}
        return [{"op": "add", "path": "/metadata/annotations", "value": added}], stands
    path = f"/metadata/annotations/{RUN_REQUESTED_ANNOTATION.replace('/', '~1')}"
    return [{"op": "add", "path": path, "value": dump_requests(after)}], stands
