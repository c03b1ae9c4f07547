"""What the operator knows of the cluster, kept from watch events and its own writes, and the gathering of it for one
Task.

Objects are reduced to facts when they come in. A later version of an object is told from an earlier one by its
resource version, which Kubernetes promises to be a growing number since 1.35 (KEP-5504) and has kept as one before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from cronwright.names import TASK_LABEL
from cronwright.observed.cronjob import CronJobFacts, parse_cron_job
from cronwright.observed.job import JobFacts, parse_job
from cronwright.observed.manifest import Manifest
from cronwright.observed.pod import PodFacts, parse_pod
from cronwright.run.ticks import TickFacts
from cronwright.status import TaskStatus, load_status
from cronwright.task import Task, TaskError, parse_task
from cronwright_operator.kubernetes import Kind
from cronwright_operator.metrics import OBJECTS


class Key(NamedTuple):
    """Which Task: its namespace and metadata.name."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A Task with its status; `task` is None and `error` says why where it can't be read."""

    resource_version: str
    uid: str
    generation: int
    status: TaskStatus
    task: Task | None
    error: TaskError | None
    deleted: bool


def parse_task_facts(manifest: Manifest) -> TaskFacts:
    """Return the facts of a Task."""
    metadata = manifest["metadata"]
    task, error = None, None
    try:
        task = parse_task(manifest)
    except TaskError as found:
        error = found
    return TaskFacts(
        resource_version=metadata["resourceVersion"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        status=load_status(manifest),
        task=task,
        error=error,
        deleted="deletionTimestamp" in metadata,
    )


Facts = TypeVar("Facts", TaskFacts, CronJobFacts, JobFacts, PodFacts)


@dataclass(slots=True)
class _Shelf(Generic[Facts]):
    """The objects of one kind: by (namespace, name), and of which Task each is."""

    parse: Callable[[Manifest], Facts]
    task_of: Callable[[Manifest], str]
    objects: dict[Key, Facts] = field(default_factory=dict)
    of_task: dict[Key, dict[Key, None]] = field(default_factory=dict)
    tasks: dict[Key, Key] = field(default_factory=dict)

    def put(self, manifest: Manifest) -> Key:
        place, task = _place(manifest), Key(manifest["metadata"]["namespace"], self.task_of(manifest))
        known = self.objects.get(place)
        if known is None or int(known.resource_version) <= int(manifest["metadata"]["resourceVersion"]):
            self.objects[place] = self.parse(manifest)
            self.of_task.setdefault(task, {})[place] = None
            self.tasks[place] = task
        return task

    def drop(self, place: Key, until: int | None = None) -> Key | None:
        """Forget the object, unless its version is later than `until`; return whose it was."""
        known = self.objects.get(place)
        if known is None or (until is not None and int(known.resource_version) > until):
            return None
        del self.objects[place]
        task = self.tasks.pop(place)
        of_task = self.of_task[task]
        del of_task[place]
        if not of_task:
            del self.of_task[task]
        return task

    def of(self, task: Key) -> Iterator[Facts]:
        return (self.objects[place] for place in self.of_task.get(task, ()))


@dataclass(frozen=True, slots=True)
class Observation:
    """All that a decision about one Task needs. `refusals` are the Job controller's complaints, by Job uid; `reported`
    are the uids of Jobs and pods whose word is on the timeline.

    Of a loop, `ticks` is what the timeline says of its runs, None until it was asked, `timeline_problem` is why it
    can't be, and `has_room` says whether there is a place for it among the loops.
    """

    task: TaskFacts
    cron_job: CronJobFacts | None
    jobs: tuple[JobFacts, ...]
    pods: tuple[PodFacts, ...]
    refusals: Mapping[str, str]
    reported: frozenset[str]
    ticks: TickFacts | None = None
    timeline_problem: str = ""
    has_room: bool = True

    def pods_of(self, job: JobFacts) -> list[PodFacts]:
        """Return the pods of one Job."""
        return [pod for pod in self.pods if pod.job_uid == job.uid]


class Observed:
    """Everything that the operator has seen."""

    def __init__(self) -> None:
        self.tasks = _Shelf(parse_task_facts, _own_name)
        # its name is its Task's, whatever another hand made of the labels
        self.cron_jobs = _Shelf(parse_cron_job, _own_name)
        self.jobs = _Shelf(parse_job, _labelled_name)
        self.pods = _Shelf(parse_pod, _labelled_name)
        self._shelves: dict[Kind, _Shelf[Any]] = {
            "tasks": self.tasks,
            "cronjobs": self.cron_jobs,
            "jobs": self.jobs,
            "pods": self.pods,
        }
        for kind, shelf in self._shelves.items():
            OBJECTS.labels(kind).set_function(partial(_size, shelf))
        # uids of Jobs whose end is on the timeline, by the runner or the operator, and of pods whose word was passed on
        self.reported: set[str] = set()
        # Tasks whose CronJob is that of a loop in force, or on its way to be
        self.loops: set[Key] = set()

    def put(self, kind: Kind, manifest: Manifest) -> Key:
        """Take in an object as it is now; return the key of its Task."""
        key = self._shelves[kind].put(manifest)
        if kind == "pods":
            self._note_delivery(self.pods.objects[_place(manifest)])
        if kind == "cronjobs":
            self._note_loop(key)
        return key

    def _note_loop(self, key: Key) -> None:
        cron_job = self.cron_jobs.objects.get(key)
        if cron_job is not None and cron_job.loop_start is not None:
            self.loops.add(key)
        else:
            self.loops.discard(key)

    def _note_delivery(self, pod: PodFacts) -> None:
        """Note that the runner has told the timeline itself; its pod may be gone before its Job."""
        termination = pod.ended.termination if pod.ended else None
        job = self.jobs.objects.get(Key(pod.namespace, pod.job_name))
        if termination and termination.delivered and job and job.uid == pod.job_uid:
            self.reported.add(job.uid)

    def knows(self, kind: Kind, manifest: Manifest) -> bool:
        """Return whether this very version of the object has been taken in before."""
        known = self._shelves[kind].objects.get(_place(manifest))
        return known is not None and known.resource_version == manifest["metadata"]["resourceVersion"]

    def drop(self, kind: Kind, manifest: Manifest) -> Key:
        """Forget a deleted object; return the key of its Task."""
        place = _place(manifest)
        if kind in ("jobs", "pods"):
            self.reported.discard(manifest["metadata"]["uid"])
        dropped = self._shelves[kind].drop(place)
        if kind == "cronjobs":
            self._note_loop(place)
        return dropped or Key(place.namespace, self._shelves[kind].task_of(manifest))

    def replace(self, kind: Kind, namespace: str | None, manifests: Iterable[Manifest], version: int) -> set[Key]:
        """Take in a whole list of resource version `version`; return the keys of the Tasks it concerns, also by
        absence.
        """
        shelf = self._shelves[kind]
        before = {place for place in shelf.objects if namespace in (None, place.namespace)}
        keys = set()
        for manifest in manifests:
            keys.add(self.put(kind, manifest))
            before.discard(_place(manifest))
        keys.update(key for key in (shelf.drop(place, version) for place in before) if key)
        if kind == "cronjobs":
            for place in before:
                self._note_loop(place)
        return keys

    def has_window(self, key: Key) -> bool:
        """Return whether the Job of a window of the Task's loop has not ended."""
        return any(job.due.window and job.ended is None for job in self.jobs.of(key))

    def look(self, key: Key) -> Observation | None:
        """Return what is known of a Task, or None where there is none."""
        task = self.tasks.objects.get(key)
        if task is None or task.deleted:
            return None
        jobs = tuple(job for job in self.jobs.of(key) if job.task_uid == task.uid)
        pods = tuple(self.pods.of(key))
        return Observation(
            task=task,
            cron_job=self.cron_jobs.objects.get(key),
            jobs=jobs,
            pods=pods,
            refusals={},
            reported=frozenset(self.reported.intersection({job.uid for job in jobs} | {pod.uid for pod in pods})),
        )


def _size(shelf: _Shelf[Any]) -> int:
    return len(shelf.objects)


def _place(manifest: Manifest) -> Key:
    return Key(manifest["metadata"]["namespace"], manifest["metadata"]["name"])


def _own_name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["name"])


def _labelled_name(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"].get(TASK_LABEL, manifest["metadata"]["name"]))
