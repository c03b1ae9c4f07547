"""Carrying out of actions, one write each, in their order. What a write returns is taken in at once, so the next one
builds on it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

import structlog

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSON
from cronwright.names import API_VERSION, END_ANNOTATION, KIND
from cronwright.observed.cronjob import parse_cron_job
from cronwright.observed.job import JobFacts
from cronwright.plan.lever import CreateCronJob, ReplaceCronJob, SetLever
from cronwright.plan.loop.steps import AskToEnd, CloseCronJob, DeleteWindow, ResumeCronJob
from cronwright.plan.manifests import written_over
from cronwright.reasons import Reason
from cronwright.run.end import dump_end
from cronwright_operator.actions import Action, Claim, DeleteJob, EndJob, Report, Tell, TryCronJob, WriteStatus
from cronwright_operator.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    StalledError,
    TimelineError,
)
from cronwright_operator.kubernetes import Kubernetes
from cronwright_operator.metrics import TIMELINE_EVENTS, WRITES
from cronwright_operator.notices import Notice
from cronwright_operator.observe import Key, Observed, TaskFacts
from cronwright_operator.timeline import Timeline

log = structlog.get_logger(__name__)


class Writer:
    """Applies actions to the cluster and to the timeline."""

    def __init__(self, kubernetes: Kubernetes, timeline: Timeline, observed: Observed) -> None:
        self._kubernetes, self._timeline, self._observed = kubernetes, timeline, observed

    async def apply(self, key: Key, task: TaskFacts, actions: Iterable[Action], now: datetime) -> bool:
        """Apply `actions` in their order; return whether the timeline took all reports.

        Raises:
            StalledError: the CronJob can't be written until a person acts.
            KubernetesError: Kubernetes did not take a write; the rest was not tried.
        """
        delivered = True
        for action in actions:
            WRITES.labels(type(action).__name__).inc()
            match action:
                case CreateCronJob() | ReplaceCronJob() | SetLever() | CloseCronJob() | ResumeCronJob() | TryCronJob():
                    await self._write_cron_job(key, task, action)
                case WriteStatus(patch):
                    self._observed.put("tasks", await self._kubernetes.patch_task_status(*key, patch))
                case Tell(notice):
                    await self._tell(key, task, notice, now)
                case AskToEnd(pod, request):
                    annotations = {END_ANNOTATION: dump_end(request)}
                    patched = await self._kubernetes.annotate_pod(pod.namespace, pod.name, pod.uid, annotations)
                    self._observed.put("pods", patched)
                case DeleteWindow(job):
                    await self._delete_window(job)
                case Report():
                    delivered = await self._report(action) and delivered
                case Claim():
                    delivered = await self._claim(key, action) and delivered
                case DeleteJob(job):
                    await self._kubernetes.delete_job(job.namespace, job.name, job.uid)
                case EndJob(job):
                    self._observed.put("jobs", await self._kubernetes.end_job(job.namespace, job.name))
        return delivered

    async def _write_cron_job(
        self,
        key: Key,
        task: TaskFacts,
        action: CreateCronJob | ReplaceCronJob | SetLever | CloseCronJob | ResumeCronJob | TryCronJob,
    ) -> None:
        log.debug("writes the CronJob", task=key.name, namespace=key.namespace, action=type(action).__name__)
        try:
            match action:
                case CreateCronJob(manifest):
                    written = await self._kubernetes.create_cron_job(manifest)
                case ReplaceCronJob(manifest):
                    written = await self._kubernetes.replace_cron_job(*self._over(key, manifest))
                case SetLever(time):
                    written = await self._kubernetes.set_last_schedule_time(
                        *key, format_seconds(time), self._version(key)
                    )
                case CloseCronJob(start):
                    written = await self._kubernetes.close_cron_job(*key, self._version(key), format_seconds(start))
                case ResumeCronJob():
                    written = await self._kubernetes.resume_cron_job(*key, self._version(key))
                case TryCronJob(manifest):
                    await self._kubernetes.try_cron_job(*self._over(key, manifest))
                    return
        except RefusedError as error:
            raise StalledError(
                Reason.CRON_JOB_REFUSED, f"the API server refuses the CronJob: {error.message}"
            ) from error
        except (ConflictError, NotFoundError) as error:
            await self._look_again(key, task)
            raise error
        self._observed.put("cronjobs", written)

    def _over(self, key: Key, manifest: Mapping[str, JSON]) -> tuple[Mapping[str, JSON], str]:
        return written_over(manifest, self._observed.cron_jobs.objects[key]), self._version(key)

    def _version(self, key: Key) -> str:
        return self._observed.cron_jobs.objects[key].resource_version

    async def _look_again(self, key: Key, task: TaskFacts) -> None:
        """After a conflict the live CronJob decides: ours is taken in for the next try, another's stalls the Task."""
        try:
            live = await self._kubernetes.get("cronjobs", *key)
        except NotFoundError:
            self._observed.cron_jobs.drop(key)
            return
        if not parse_cron_job(live).is_of(task.uid):
            raise StalledError(
                Reason.NAME_TAKEN,
                f"CronJob {key.name} exists in namespace {key.namespace} and belongs to someone else; "
                "delete or rename it, or give the Task another metadata.name",
            )
        self._observed.put("cronjobs", live)

    async def _tell(self, key: Key, task: TaskFacts, notice: Notice, now: datetime) -> None:
        # The name follows from what is told, so that telling it twice is one Event.
        told = f"{task.uid}/{task.generation}/{notice.reason}/{notice.message}"
        at = format_seconds(now)
        await self._kubernetes.create_event(
            key.namespace,
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {
                    "name": f"{key.name}.{hashlib.sha256(told.encode()).hexdigest()[:16]}",
                    "namespace": key.namespace,
                },
                "involvedObject": {
                    "apiVersion": API_VERSION,
                    "kind": KIND,
                    "namespace": key.namespace,
                    "name": key.name,
                    "uid": task.uid,
                },
                "type": notice.type,
                "reason": notice.reason,
                "message": notice.message[:1024],
                "source": {"component": "cronwright"},
                "reportingComponent": "cronwright.dev/operator",
                "firstTimestamp": at,
                "lastTimestamp": at,
                "count": 1,
            },
        )

    async def _delete_window(self, job: JobFacts) -> None:
        left = await self._kubernetes.delete_job_after_its_pods(job.namespace, job.name, job.uid)
        if left is not None:
            self._observed.put("jobs", left)

    async def _claim(self, key: Key, claim: Claim) -> bool:
        """Post what can be told again later, or leave it to the timeline to keep until it can be posted."""
        if not claim.of:
            self._timeline.keep(claim.spans)
            return True
        try:
            if claim.spans:
                await self._timeline.post(claim.spans)
        except TimelineError as error:
            TIMELINE_EVENTS.labels("failed").inc()
            log.warning("the timeline did not take spans", task=key.name, namespace=key.namespace, error=str(error))
            return False
        TIMELINE_EVENTS.labels("posted").inc()
        self._observed.reported.add(claim.of)
        return True

    async def _report(self, report: Report) -> bool:
        try:
            await self._timeline.post([report.event])
        except TimelineError as error:
            TIMELINE_EVENTS.labels("failed").inc()
            log.warning(
                "the timeline did not take an end",
                task=report.job.task,
                namespace=report.job.namespace,
                error=str(error),
            )
            return False
        TIMELINE_EVENTS.labels("posted").inc()
        self._observed.reported.add(report.job.uid)
        return True
