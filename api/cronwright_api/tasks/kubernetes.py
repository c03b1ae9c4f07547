"""Tasks in Kubernetes, live and with the caller's own token, so that its rights and admission are those of the person.

What Kubernetes refuses comes out as an error of this API.
"""

from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import quote, urlencode

from cronwright.jsontypes import JSON
from cronwright_api.auth.bearer import HOW
from cronwright_api.cluster import Answer, Cluster
from cronwright_api.errors import Invalid, Unauthenticated, Unavailable
from cronwright_api.tasks.record import Manifest
from cronwright_api.tasks.refusals import ATTRIBUTES, refusal
from cronwright_api.tasks.watching import LIST_CHUNK, collection_path

FIELD_MANAGER = "cronwright-api"
_ONLY_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class NameTaken(Exception):
    """There is a Task of this name in this namespace."""


class Changed(Exception):
    """The Task is another one than was read: changed, deleted, or made anew."""


class TasksInKubernetes:
    """Live reads and writes."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def read(self, token: str, namespace: str, name: str) -> Manifest | None:
        """Return the Task as it is now, None where there is none or the caller may not list it.

        A list of one: it asks for the verb `list`, by which this API decides who sees what, and not for `get`, too.

        Raises:
            Unauthenticated: Kubernetes doesn't know the token.
            Unavailable: Kubernetes can't be asked.
        """
        query = urlencode({"fieldSelector": f"metadata.name={name}"})
        answer = await self._cluster.get_as(token, f"{collection_path(namespace)}?{query}")
        if answer.status == 401:
            raise Unauthenticated("token_unknown", f"Kubernetes does not know this token, or it has ended; {HOW}")
        if answer.status == 403:
            return None
        items = cast("Sequence[Manifest]", _body(answer, 200)["items"] or ())
        # Items of a list have neither, and a caller must not depend on where a manifest came from
        return {"apiVersion": "cronwright.dev/v1", "kind": "Task", **items[0]} if items else None

    async def places(self, scope: str) -> dict[str, tuple[str, str]]:
        """Return namespace and name of each Task of a scope by UID, as ourselves; for no caller's eyes.

        Raises:
            Unavailable: Kubernetes can't be asked.
        """
        found: dict[str, tuple[str, str]] = {}
        proceed = ""
        while True:
            query = urlencode({"limit": LIST_CHUNK} | ({"continue": proceed} if proceed else {}))
            answer = await self._cluster.get(f"{collection_path(scope)}?{query}", _ONLY_METADATA)
            if answer.status != 200:
                said = answer.message or answer.status
                raise Unavailable("list_refused", f"Kubernetes refuses the list of Tasks to this API: {said}")
            body = answer.body
            # Of an empty list of metadata Kubernetes sends null
            for item in cast("Sequence[Mapping[str, Mapping[str, str]]]", body["items"] or ()):
                metadata = item["metadata"]
                found[metadata["uid"]] = (metadata["namespace"], metadata["name"])
            proceed = cast("Mapping[str, str]", body["metadata"]).get("continue", "")
            if not proceed:
                return found

    async def create(self, token: str, namespace: str, manifest: Manifest) -> Manifest:
        """Create a Task, and return it.

        Raises:
            NameTaken: there is one of this name.
            Problem: Kubernetes refuses it, or can't be asked.
        """
        answer = await self._cluster.write_as(token, "POST", f"{collection_path(namespace)}?{_MANAGER}", manifest)
        if answer.status == 409:
            raise NameTaken
        if answer.status == 404:
            detail = f"there is no namespace {namespace!a}; write one that is there, or make it"
            raise Invalid("attribute_invalid", detail, pointer=f"{ATTRIBUTES}/namespace")
        return _body(answer, 201)

    async def patch(self, token: str, manifest: Manifest, operations: Sequence[Mapping[str, JSON]]) -> Manifest:
        """Change the Task that was read as `manifest` by `operations` of a JSON patch (RFC 6902), and return it.

        Raises:
            Changed: it is not what was read any more.
            Problem: Kubernetes refuses the change, or can't be asked.
        """
        namespace, name, version = (_metadata(manifest)[key] for key in ("namespace", "name", "resourceVersion"))
        locked = [{"op": "add", "path": "/metadata/resourceVersion", "value": version}, *operations]
        path = f"{collection_path(namespace)}/{quote(name, safe='')}?{_MANAGER}"
        answer = await self._cluster.write_as(token, "PATCH", path, locked, "application/json-patch+json")
        if answer.status in (404, 409):
            raise Changed
        return _body(answer, 200)

    async def delete(self, token: str, manifest: Manifest) -> None:
        """Delete the Task that was read as `manifest`.

        Raises:
            Changed: it is gone, or another one has its name.
            Problem: Kubernetes refuses, or can't be asked.
        """
        metadata = _metadata(manifest)
        path = f"{collection_path(metadata['namespace'])}/{quote(metadata['name'], safe='')}"
        options: Manifest = {"preconditions": {"uid": metadata["uid"]}, "propagationPolicy": "Background"}
        answer = await self._cluster.write_as(token, "DELETE", path, options)
        if answer.status in (404, 409):
            raise Changed
        if answer.status not in (200, 202):
            raise refusal(answer)


_MANAGER = urlencode({"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"})


def _metadata(manifest: Manifest) -> Mapping[str, str]:
    return cast("Mapping[str, str]", manifest["metadata"])


def _body(answer: Answer, expected: int) -> Manifest:
    if answer.status != expected:
        raise refusal(answer)
    return answer.body
