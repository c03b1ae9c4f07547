"""Loops on a cluster as tests handle them: Tasks of one namespace, their windows' pods, and what befalls these."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from cronwright.instants import parse_instant
from cronwright.names import JOB_NAME_LABEL, LOOP_START_ANNOTATION, RUNNER_CONTAINER, TASK_LABEL, TICKER_CONTAINER
from cronwright.plan.windows import Ownership, windows_of
from cronwright.run.ids import scheduled_minute, scheduled_run_id
from support.cluster import (
    CORE,
    Cluster,
    cron_jobs_path,
    is_ready,
    jobs_path,
    task_manifest,
    tasks_path,
    wait_for,
)
from support.killing import Killer
from support.loops import Account, Ledger
from support.witness import Note, Witness


@dataclass(frozen=True)
class Stage:
    """Where loops are tested: the cluster, a namespace of it, the timeline, and who looks and kills.

    `made` are the loops so far.
    """

    cluster: Cluster
    namespace: str
    api: httpx.Client
    witness: Witness
    killer: Killer
    window_seconds: int
    made: list["Loop"] = field(default_factory=list, kw_only=True)

    def loop(self, name: str, schedule: str, hold: float = 0, **spec: Any) -> "Loop":
        """Create a Task and return once it is Ready; without another action in `spec` the witness notes its runs."""
        fields = {**self.witness.action(name, hold), **spec}
        manifest = task_manifest(self.namespace, name, schedule, fields.pop("actionName"), **fields)
        created = self.cluster.create(tasks_path(self.namespace), manifest)
        made = Loop(self, name, created["metadata"]["uid"], schedule)
        self.made.append(made)
        made.wait_until_ready()
        return made


@dataclass(frozen=True)
class Loop:
    """One Task."""

    stage: Stage
    name: str
    uid: str
    schedule: str

    @property
    def ledger(self) -> Ledger:
        """What the timeline has of it."""
        return Ledger(self.stage.api, self.stage.namespace, self.uid, self.schedule)

    def task(self) -> Any:
        """Return the Task as it is."""
        return self.stage.cluster.get(tasks_path(self.stage.namespace, self.name))

    def edit(self, **spec: Any) -> None:
        """Change fields of the Task."""
        self.stage.cluster.patch(tasks_path(self.stage.namespace, self.name), {"spec": spec})

    def delete(self) -> None:
        """Delete the Task."""
        self.stage.cluster.delete(tasks_path(self.stage.namespace, self.name))

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Return once the present generation is in force."""
        wait_for(f"{self.name} to be in force", lambda: is_ready(self.task()), seconds)

    def start(self) -> datetime:
        """Return since when the present plan owns ticks."""
        cron_job = self.stage.cluster.get(cron_jobs_path(self.stage.namespace, self.name))
        annotations = cron_job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["annotations"]
        return parse_instant(annotations[LOOP_START_ANNOTATION])

    def start_of(self, pod: Mapping[str, Any]) -> datetime:
        """Return since when the plan of one of its pods owns ticks."""
        return parse_instant(pod["metadata"]["annotations"][LOOP_START_ANNOTATION])

    def jobs(self) -> list[Any]:
        """Return the Jobs of its windows, and those made by hand, that exist."""
        return self.stage.cluster.items(jobs_path(self.stage.namespace), f"{TASK_LABEL}={self.name}")

    def pods(self) -> list[Any]:
        """Return its pods that exist, the oldest first."""
        pods = self.stage.cluster.items(self._pods_path, f"{TASK_LABEL}={self.name}")
        return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))

    def pod(self, seconds: float = 30, other_than: str | None = None) -> Any:
        """Return the newest pod whose ticker and runner run, of another uid than `other_than`."""

        def look() -> Any | None:
            found = [
                pod
                for pod in self.pods()
                if works(pod) and "deletionTimestamp" not in pod["metadata"] and pod["metadata"]["uid"] != other_than
            ]
            return found[-1] if found else None

        return wait_for(f"a pod of {self.name} that works", look, seconds)

    def delete_pod(self, pod: Mapping[str, Any]) -> None:
        """Delete one of its pods."""
        self.stage.cluster.delete(f"{self._pods_path}/{pod['metadata']['name']}")

    def evict(self, pod: Mapping[str, Any]) -> None:
        """Evict one of its pods, as a drain does."""
        name = pod["metadata"]["name"]
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": self.stage.namespace},
        }
        self.stage.cluster.create(f"{self._pods_path}/{name}/eviction", eviction)

    def log(self, pod: Mapping[str, Any], container: str = RUNNER_CONTAINER) -> str:
        """Return what a container of a pod has logged."""
        path = f"{self._pods_path}/{pod['metadata']['name']}/log"
        return self.stage.cluster.http.get(path, params={"container": container}).text

    def kill(self, container: str, seconds: float = 40) -> None:
        """Kill a container of the present pod, and return when the kubelet has started it again."""
        pod = self.pod()
        before = restarts(pod, container)
        self.stage.killer.kill_container(pod, container)
        path = f"{self._pods_path}/{pod['metadata']['name']}"

        def is_back() -> bool:
            now = self.stage.cluster.get(path)
            return restarts(now, container) > before and works(now)

        wait_for(f"{container} of {self.name} to run again", is_back, seconds)

    def run_under_way(self, seconds: float = 40) -> Note:
        """Return a run that has just begun and has not ended, as the witness sees it."""
        known = {note.key for note in self.notes(60)}

        def look() -> Note | None:
            fresh = [note for note in self.notes(5) if note.key not in known and not note.answered]
            return fresh[-1] if fresh else None

        return wait_for(f"a run of {self.name} to begin", look, seconds)

    def notes(self, since_seconds: int | None = None) -> list[Note]:
        """Return the runs that reached the witness, all or those of the last seconds, as they came."""
        return list(self.stage.witness.notes(self.name, since_seconds))

    def tick_of(self, note: Note) -> datetime:
        """Return which tick a run was for."""
        near = self.ledger.every.seconds * 1000
        second = int(note.at.timestamp())
        for back in range(near):
            tick = datetime.fromtimestamp(second - back, UTC)
            if str(scheduled_run_id(self.uid, tick)) == note.key:
                return tick
        raise AssertionError(f"{note} is no run of a tick of {self.name}")

    def settled(self, first: datetime, last: datetime, seconds: float = 40) -> Account:
        """Return the account of the ticks from `first` to `last` (inclusive) once each is there just once.

        Fails where the witness saw a run twice, or saw one that the timeline says was never started.
        """
        found = self.ledger.settled(first, last, seconds)
        seen: dict[str, Note] = {}
        for note in self.notes():
            assert note.key not in seen, f"{self.name}: run twice: {note} and {seen[note.key]}\n{found}"
            seen[note.key] = note
        unrun = [tick for tick in found.spans if found.spans[tick].outcome in ("missed", "skipped")]
        ghosts = [tick for tick in unrun if str(scheduled_run_id(self.uid, tick)) in seen]
        assert not ghosts, f"{self.name}: these were run, and the timeline says they were not: {ghosts}\n{found}"
        return found

    def owned(self, opened: datetime) -> Ownership:
        """Return the ticks of the window that `opened`, under the present plan."""
        return windows_of(self.uid, self.stage.window_seconds).owned(opened, self.start())

    def next_opening(self, after: datetime) -> datetime:
        """Return when the first window after `after` opens."""
        windows = windows_of(self.uid, self.stage.window_seconds)
        return windows.opened_at_or_before(after) + timedelta(seconds=self.stage.window_seconds)

    def opened(self, pod: Mapping[str, Any]) -> datetime:
        """Return when the window of a pod opened."""
        minute = scheduled_minute(self.name, pod["metadata"]["labels"][JOB_NAME_LABEL])
        assert minute is not None, f"{pod['metadata']['name']} is no pod of a window"
        return minute

    @property
    def _pods_path(self) -> str:
        return f"{CORE}/namespaces/{self.stage.namespace}/pods"


def works(pod: Mapping[str, Any]) -> bool:
    """Return whether a window's pod has its ticker and its runner running."""
    status = pod["status"]
    states = {
        entry["name"]: entry["state"]
        for entry in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    }
    return all("running" in states.get(name, {}) for name in (TICKER_CONTAINER, RUNNER_CONTAINER))


def restarts(pod: Mapping[str, Any], container: str) -> int:
    """Return how often a container of a pod was started again."""
    status = pod["status"]
    entries = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return int(next(entry["restartCount"] for entry in entries if entry["name"] == container))


def times_in(text: str) -> list[datetime]:
    """Return the scheduled times that a log names, such as 2027-01-04T08:00:05Z."""
    return [parse_instant(found) for found in re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)]
