"""The only module that calls the Kubernetes API. It sends manifests as they are and turns every failure into one of our
errors.

Requests go through the client's configuration, TLS and token renewal, but as raw JSON: building the client's models
and taking them apart again costs more than the request.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from kubernetes.aio import client, config

from cronwright.names import (
    FIELD_MANAGER,
    GROUP,
    LOOP_START_ANNOTATION,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    PLURAL,
    TASK_LABEL,
    TASK_UID_LABEL,
    VERSION,
)
from cronwright.observed.manifest import Manifest
from cronwright_operator.errors import ConflictError, KubernetesError, NotFoundError, RefusedError
from cronwright_operator.metrics import REQUESTS

REQUEST_TIMEOUT_SECONDS = 30
LIST_CHUNK = 500

Kind = Literal["tasks", "cronjobs", "jobs", "pods"]
KINDS: tuple[Kind, ...] = ("tasks", "cronjobs", "jobs", "pods")

_PREFIXES: dict[Kind, str] = {
    "tasks": f"/apis/{GROUP}/{VERSION}",
    "cronjobs": "/apis/batch/v1",
    "jobs": "/apis/batch/v1",
    "pods": "/api/v1",
}
CHILD_SELECTOR = f"{MANAGED_BY_LABEL}={MANAGED_BY},{TASK_LABEL},{TASK_UID_LABEL}"


_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def own_namespace() -> str:
    """Return the namespace of this pod, or `default` outside of one."""
    return _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else "default"


class Kubernetes:
    """A connection to the API server; close it when done."""

    def __init__(self, api_client: client.ApiClient) -> None:
        self._client = api_client
        self._host = api_client.configuration.host

    @classmethod
    async def connect(cls, concurrency: int) -> "Kubernetes":
        """Return a connection with the pod's service account, else with the caller's kubeconfig, for `concurrency`
        requests at once.
        """
        configuration = client.Configuration()
        try:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except config.ConfigException:
            await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        configuration.connection_pool_maxsize = concurrency
        # Looked up once: left to itself, aiohttp asks the environment and a thread for ~/.netrc before each request.
        server = urlsplit(configuration.host)
        if configuration.proxy is None and not proxy_bypass(server.netloc):
            configuration.proxy = getproxies().get(server.scheme)
        configuration.client_session_kwargs = {"trust_env": False}
        return cls(client.ApiClient(configuration))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def list_all(self, kind: Kind, namespace: str | None) -> tuple[list[Manifest], int]:
        """Return the objects of `kind` that concern us, and the resource version of the list, in one namespace or in
        all.
        """
        query = {"limit": str(LIST_CHUNK)}
        if kind != "tasks":
            query["labelSelector"] = CHILD_SELECTOR
        items: list[Manifest] = []
        while True:
            page = await self._request("GET", f"{_path(kind, namespace)}?{urlencode(query)}")
            items.extend(page["items"])
            following = page["metadata"].get("continue")
            if not following:
                return items, int(page["metadata"]["resourceVersion"])
            query["continue"] = following

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest:
        """Return the live object.

        Raises:
            NotFoundError: there is none.
        """
        return await self._request("GET", _path(kind, namespace, name))

    async def create_cron_job(self, manifest: Mapping[str, Any]) -> Manifest:
        """Create the CronJob.

        Raises:
            ConflictError: one of that name exists.
            RefusedError: the API server does not take it.
        """
        namespace = manifest["metadata"]["namespace"]
        return await self._request("POST", f"{_path('cronjobs', namespace)}?fieldManager={FIELD_MANAGER}", manifest)

    async def replace_cron_job(self, manifest: Mapping[str, Any], resource_version: str) -> Manifest:
        """Write the whole CronJob over the one of `resource_version`.

        Raises:
            ConflictError: it changed since.
            RefusedError: the API server does not take it.
        """
        return await self._put_cron_job(manifest, resource_version, "")

    async def try_cron_job(self, manifest: Mapping[str, Any], resource_version: str) -> None:
        """Ask what `replace_cron_job` would meet with, and change nothing.

        Raises:
            ConflictError: it changed since.
            RefusedError: the API server does not take it.
        """
        await self._put_cron_job(manifest, resource_version, "&dryRun=All")

    async def _put_cron_job(self, manifest: Mapping[str, Any], resource_version: str, options: str) -> Manifest:
        metadata = {**manifest["metadata"], "resourceVersion": resource_version}
        path = _path("cronjobs", metadata["namespace"], metadata["name"])
        query = f"?fieldManager={FIELD_MANAGER}{options}"
        return await self._request("PUT", path + query, {**manifest, "metadata": metadata})

    async def resume_cron_job(self, namespace: str, name: str, resource_version: str) -> Manifest:
        """Let the CronJob of `resource_version` be suspended no more.

        Raises:
            ConflictError: it changed since.
        """
        patch = {"metadata": {"resourceVersion": resource_version}, "spec": {"suspend": False}}
        return await self._patch(_path("cronjobs", namespace, name), patch)

    async def close_cron_job(self, namespace: str, name: str, resource_version: str, loop_start: str) -> Manifest:
        """Suspend the CronJob of `resource_version` of a loop, whose plan takes over anew at `loop_start`.

        Raises:
            ConflictError: it changed since.
        """
        template = {"metadata": {"annotations": {LOOP_START_ANNOTATION: loop_start}}}
        spec = {"suspend": True, "jobTemplate": {"spec": {"template": template}}}
        patch = {"metadata": {"resourceVersion": resource_version}, "spec": spec}
        return await self._patch(_path("cronjobs", namespace, name), patch)

    async def set_last_schedule_time(self, namespace: str, name: str, time: str, resource_version: str) -> Manifest:
        """Pull the lever: write `status.lastScheduleTime` of the CronJob of `resource_version`.

        Raises:
            ConflictError: it changed since.
        """
        patch = {"metadata": {"resourceVersion": resource_version}, "status": {"lastScheduleTime": time}}
        return await self._patch(f"{_path('cronjobs', namespace, name)}/status", patch)

    async def patch_task_status(self, namespace: str, name: str, status: Mapping[str, Any]) -> Manifest:
        """Merge `status` into the Task's."""
        return await self._patch(f"{_path('tasks', namespace, name)}/status", {"status": status})

    async def end_job(self, namespace: str, name: str) -> Manifest:
        """Let the Job's deadline pass now: the Job controller ends it and keeps it as failed."""
        return await self._patch(_path("jobs", namespace, name), {"spec": {"activeDeadlineSeconds": 1}})

    async def delete_job(self, namespace: str, name: str, uid: str) -> None:
        """Delete the Job of `uid` with its pods; one that is gone already is fine."""
        body = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        try:
            await self._request("DELETE", _path("jobs", namespace, name), body)
        except (NotFoundError, ConflictError):
            return

    async def delete_job_after_its_pods(self, namespace: str, name: str, uid: str) -> Manifest | None:
        """Tell Kubernetes to delete the Job of `uid` once its pods are gone, and return it as it is meanwhile; None
        where it is gone already.
        """
        body = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            answer = await self._request("DELETE", _path("jobs", namespace, name), body)
        except (NotFoundError, ConflictError):
            return None
        # Of a Job that is gone at once the answer is a Status
        return answer if answer.get("kind") == "Job" else None

    async def annotate_pod(self, namespace: str, name: str, uid: str, annotations: Mapping[str, str]) -> Manifest:
        """Set `annotations` on the pod of `uid`.

        Raises:
            NotFoundError: it is gone.
            ConflictError: there is another of its name.
        """
        patch = {"metadata": {"uid": uid, "annotations": annotations}}
        return await self._patch(_path("pods", namespace, name), patch)

    async def takes_cron_job(self, manifest: Mapping[str, Any]) -> str:
        """Return why the API server would not take the CronJob, empty where it would; nothing is made.

        Raises:
            KubernetesError: it did not say.
        """
        path = f"{_path('cronjobs', manifest['metadata']['namespace'])}?fieldManager={FIELD_MANAGER}&dryRun=All"
        try:
            await self._request("POST", path, manifest)
        except RefusedError as refused:
            if refused.status != 422:
                raise
            return refused.message
        return ""

    async def events_of(self, namespace: str, uid: str) -> list[Manifest]:
        """Return the v1 Events about the object of `uid`."""
        query = urlencode({"fieldSelector": f"involvedObject.uid={uid}"})
        page = await self._request("GET", f"/api/v1/namespaces/{quote(namespace)}/events?{query}")
        return list(page["items"])

    async def create_event(self, namespace: str, event: Mapping[str, Any]) -> None:
        """Create a v1 Event; one of the same name is the same Event."""
        try:
            await self._request("POST", f"/api/v1/namespaces/{quote(namespace)}/events", event)
        except ConflictError:
            return

    async def _patch(self, path: str, patch: Mapping[str, Any]) -> Manifest:
        query = f"?fieldManager={FIELD_MANAGER}"
        return await self._request("PATCH", path + query, patch, content_type="application/merge-patch+json")

    async def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, content_type: str = "application/json"
    ) -> Manifest:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        request = f"{method} {path.partition('?')[0]}"
        counted_as = "dry-run" if "dryRun=" in path else method.lower()
        try:
            await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            response = await self._client.rest_client.request(  # type: ignore[no-untyped-call]
                method, self._host + path, headers=headers, body=body, _request_timeout=_TIMEOUT
            )
            async with response.response:
                REQUESTS.labels(counted_as, response.status).inc()
                if response.status < 300:
                    return cast(Manifest, await response.response.json())
                raise await _error(request, response.response)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            REQUESTS.labels(counted_as, 0).inc()
            raise KubernetesError(request, 0, str(error) or type(error).__name__) from error


_TIMEOUT = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
_ERRORS: dict[int, type[KubernetesError]] = {
    400: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: ConflictError,
    422: RefusedError,
}


def _path(kind: Kind, namespace: str | None, name: str | None = None) -> str:
    scope = f"/namespaces/{quote(namespace)}" if namespace else ""
    resource = PLURAL if kind == "tasks" else kind
    return f"{_PREFIXES[kind]}{scope}/{resource}" + (f"/{quote(name)}" if name else "")


async def _error(request: str, response: aiohttp.ClientResponse) -> KubernetesError:
    text = await response.text()
    try:
        message = (await response.json(content_type=None))["message"]
    except (ValueError, KeyError, TypeError):
        message = text[:500] or response.reason or ""
    return _ERRORS.get(response.status, KubernetesError)(request, response.status, message)
