"""The Jobs that the CronJob controller made, recorded while they come, so that one deleted since still counts."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cronwright.instants import parse_instant
from cronwright.observed.manifest import loop_start
from support.cluster import Cluster, jobs_path

WATCH_SECONDS = 2
"""How long one watch lasts; the end of a record waits for it."""

SCHEDULED_TIMESTAMP = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""The controller's note of the scheduled time, on the Job (batch/v1 types.go, CronJobScheduledTimestampAnnotation)."""


@dataclass(frozen=True, slots=True)
class MadeJob:
    """A Job of a CronJob. `scheduled` is the controller's annotation, None for a Job made by hand; `loop_start` is that
    of the plan of a loop's window.
    """

    cron_job: str
    name: str
    uid: str
    created: datetime
    scheduled: datetime | None
    loop_start: datetime | None = None


def made_job(manifest: Mapping[str, Any]) -> MadeJob:
    """Return what matters here of a batch/v1 Job that a CronJob owns."""
    metadata = manifest["metadata"]
    scheduled = (metadata.get("annotations") or {}).get(SCHEDULED_TIMESTAMP)
    return MadeJob(
        cron_job=next(owner["name"] for owner in metadata["ownerReferences"] if owner["kind"] == "CronJob"),
        name=metadata["name"],
        uid=metadata["uid"],
        created=parse_instant(metadata["creationTimestamp"]),
        scheduled=parse_instant(scheduled) if scheduled else None,
        loop_start=loop_start(manifest["spec"]["template"]),
    )


class JobRecord:
    """Every Job that was ever in a namespace since the record began."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster, self._path = cluster, jobs_path(namespace)
        self._lock = threading.Lock()
        self._jobs: dict[str, MadeJob] = {}
        self._fault: Exception | None = None
        self._ended = threading.Event()

    def jobs(self) -> list[MadeJob]:
        """Return all Jobs so far, those that exist at this moment included."""
        if self._fault:
            raise self._fault
        self._take_in(self._cluster.items(self._path))
        with self._lock:
            return list(self._jobs.values())

    def of(self, cron_job: str) -> list[MadeJob]:
        """Return the Jobs so far of one CronJob."""
        return [job for job in self.jobs() if job.cron_job == cron_job]

    def _take_in(self, manifests: list[Mapping[str, Any]]) -> None:
        with self._lock:
            for manifest in manifests:
                if manifest["metadata"].get("ownerReferences"):
                    self._jobs.setdefault(manifest["metadata"]["uid"], made_job(manifest))

    def _follow(self) -> None:
        try:
            listed = self._cluster.get(self._path)
            self._take_in(listed["items"])
            version = listed["metadata"]["resourceVersion"]
            while not self._ended.is_set():
                version = self._watch(version)
        except Exception as error:  # told by the next question: a record with a hole would prove nothing
            self._fault = error

    def _watch(self, version: str) -> str:
        query = {
            "watch": "1",
            "resourceVersion": version,
            "timeoutSeconds": str(WATCH_SECONDS),
            "allowWatchBookmarks": "true",
        }
        with self._cluster.http.stream("GET", self._path, params=query) as response:
            response.raise_for_status()
            for line in response.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise AssertionError(f"the record of {self._path} broke off: {event['object']['message']}")
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take_in([event["object"]])
        return version


@contextmanager
def recorded_jobs(cluster: Cluster, namespace: str) -> Iterator[JobRecord]:
    """Record the Jobs of a namespace, from now on."""
    record = JobRecord(cluster, namespace)
    follower = threading.Thread(target=record._follow, name=f"jobs of {namespace}")
    follower.start()
    try:
        yield record
    finally:
        record._ended.set()
        follower.join()
