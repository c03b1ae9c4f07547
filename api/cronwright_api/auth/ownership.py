"""Which Task a pod runs for: pod → Job → CronJob → Task by owner references, each read and held against its UID."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from cronwright.jsontypes import JSON
from cronwright.names import (
    AS_USER_ANNOTATION,
    GROUP,
    KIND,
    RUN_REQUEST_ANNOTATION,
    SCHEDULED_TIME_ANNOTATION,
)
from cronwright_api.auth.cache import AnswerCache
from cronwright_api.auth.identity import Identity
from cronwright_api.cluster import Cluster
from cronwright_api.errors import Forbidden, Unavailable

KEPT_SECONDS = 300.0
"""A pod never changes its owners; the time bounds only what is remembered of pods that are gone."""
KEPT_PODS = 4096


@dataclass(frozen=True, slots=True)
class PodOfTask:
    """A pod whose Job the CronJob of a Task owns. `is_of_controller`: the CronJob controller made the Job;
    `may_be_scheduled`: it did, or the pod names a time; `request_id`: it is for the run request of this id."""

    name: str
    uid: str
    namespace: str
    task: str
    task_uid: str
    as_user_email: str | None
    may_be_scheduled: bool
    is_of_controller: bool
    job_uid: str
    request_id: str | None = None


class Ownership:
    """Finds a pod's Task, and remembers it. `namespace_of` says in which namespace the Task with a UID is, None where
    there is none (any more)."""

    def __init__(self, cluster: Cluster, namespace_of: Callable[[str], str | None]) -> None:
        self._cluster, self._namespace_of = cluster, namespace_of
        self._known: AnswerCache[str, PodOfTask] = AnswerCache(KEPT_SECONDS, KEPT_PODS)

    async def of(self, identity: Identity) -> PodOfTask:
        """Return the pod of `identity`, whose token must be bound to one.

        Raises:
            Forbidden: the token is bound to no pod, the pod is gone, or no Task owns its Job; the sentence says which.
            Unavailable: Kubernetes can't be asked.
        """
        namespace, name, uid = identity.namespace, identity.pod_name, identity.pod_uid
        if namespace is None or name is None or uid is None:
            raise Forbidden(
                "not_a_run",
                f"{identity.username} is neither the operator nor a pod; only they write to the timeline",
            )
        return await self._known.get(uid, lambda: self._find(namespace, name, uid))

    async def _find(self, namespace: str, name: str, uid: str) -> PodOfTask:
        pod = await self._read(f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}", "pod", name, uid)
        job_owner = _owner(pod, "batch", "Job", controller=True)
        if job_owner is None:
            raise Forbidden(
                "pod_without_job", f"pod {name} belongs to no Job; only the pods of a Task's Jobs write to the timeline"
            )
        job_name, job_uid = job_owner
        job = await self._read(
            f"/apis/batch/v1/namespaces/{quote(namespace)}/jobs/{quote(job_name)}", "Job", job_name, job_uid
        )
        # A Job that was made by hand has its CronJob as an owner, but not as its controller
        cron_job_owner = _owner(job, "batch", "CronJob", controller=False)
        if cron_job_owner is None:
            raise Forbidden(
                "job_without_cronjob",
                f"Job {job_name} belongs to no CronJob; make it with kubectl create job --from=cronjob/NAME",
            )
        cron_job_name, cron_job_uid = cron_job_owner
        path = f"/apis/batch/v1/namespaces/{quote(namespace)}/cronjobs/{quote(cron_job_name)}"
        cron_job = await self._read(path, "CronJob", cron_job_name, cron_job_uid)
        task_owner = _owner(cron_job, GROUP, KIND, controller=True)
        if task_owner is None:
            raise Forbidden("cronjob_without_task", f"CronJob {cron_job_name} belongs to no Task")
        # Whoever makes a CronJob may write any UID there, and Kubernetes only sweeps it up later
        if self._namespace_of(task_owner[1]) not in (None, namespace):
            raise Forbidden("cronjob_without_task", f"CronJob {cron_job_name} belongs to no Task of its namespace")
        annotations = _annotations(pod)
        request_id = _annotations(job).get(RUN_REQUEST_ANNOTATION)
        as_user = annotations.get(AS_USER_ANNOTATION)
        is_of_controller = _owner(job, "batch", "CronJob", controller=True) is not None
        return PodOfTask(
            name=name,
            uid=uid,
            namespace=namespace,
            task=task_owner[0],
            task_uid=task_owner[1],
            as_user_email=as_user if isinstance(as_user, str) and as_user else None,
            may_be_scheduled=is_of_controller or SCHEDULED_TIME_ANNOTATION in annotations,
            is_of_controller=is_of_controller,
            job_uid=job_uid,
            request_id=request_id if isinstance(request_id, str) else None,
        )

    async def _read(self, path: str, kind: str, name: str, uid: str) -> Mapping[str, JSON]:
        answer = await self._cluster.get(path)
        if answer.status == 404:
            raise Forbidden("owner_gone", f"{kind} {name} is gone, so its Task can't be told")
        if answer.status != 200:
            raise Unavailable(
                "read_refused",
                f"Kubernetes refuses to show {kind} {name} to this API: {answer.message or answer.status}",
            )
        if _metadata(answer.body).get("uid") != uid:
            raise Forbidden(
                "owner_replaced", f"{kind} {name} is another one of the same name now, so its Task can't be told"
            )
        return answer.body


def _metadata(manifest: Mapping[str, JSON]) -> Mapping[str, JSON]:
    metadata = manifest.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _annotations(manifest: Mapping[str, JSON]) -> Mapping[str, JSON]:
    annotations = _metadata(manifest).get("annotations")
    return annotations if isinstance(annotations, Mapping) else {}


def _owner(manifest: Mapping[str, JSON], group: str, kind: str, *, controller: bool) -> tuple[str, str] | None:
    """Return name and UID of the first owner of that kind, or with `controller` of the one that controls."""
    references = _metadata(manifest).get("ownerReferences")
    for reference in references if isinstance(references, Sequence) else ():
        if not isinstance(reference, Mapping) or reference.get("kind") != kind:
            continue
        if str(reference.get("apiVersion")).partition("/")[0] != group or (
            controller and reference.get("controller") is not True
        ):
            continue
        return str(reference.get("name")), str(reference.get("uid"))
    return None
