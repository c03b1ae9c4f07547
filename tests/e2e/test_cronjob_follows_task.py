"""The CronJob follows its Task: created, edited, paused, resumed, deleted, put back after other hands; and what each of
these costs in writes to the API server.

One operator serves all tests of this module. Their Tasks run once a day, so that nothing happens by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cronwright.instants import format_seconds, parse_instant
from cronwright.schedule.grid import go_duration
from support.cluster import (
    CORE,
    Cluster,
    condition,
    cron_jobs_path,
    is_ready,
    jobs_path,
    namespace_in,
    task_manifest,
    tasks_path,
    wait_for,
)
from support.expected import differences, plan_of, runner_settings
from support.openings import create_calm
from support.operators import OperatorProcess
from support.schedules import daily_at, interval

FULL_PASS_SECONDS = 10
"""The shortest that the operator takes."""

STALLED_RETRY_SECONDS = 60
"""How soon the operator looks again at what stood in a Task's way."""

MIN_INTERVAL = "10s"
"""The shortest interval of a loop that the operator takes."""

QUIET = timedelta(minutes=2)
"""For so long no window of a test's loop opens: it would add writes to those of the test's change."""

NOWHERE = {"spec": {"nodeSelector": {"cronwright.dev/tests": "nowhere"}}}
REFUSED = {"spec": {"dnsPolicy": "Nonsense"}}
"""A template that only the API server can tell is wrong."""


@dataclass
class Room:
    """A namespace and the operator that serves it, alone."""

    cluster: Cluster
    namespace: str
    image: str
    operator: OperatorProcess
    start: Callable[[], OperatorProcess]

    def create(self, name: str, schedule: str, before_each: Callable[[], object] = lambda: None, **fields: Any) -> Any:
        """Create a Task, and return it once it is in force; `before_each` is called before each try to create it."""
        manifest = task_manifest(self.namespace, name, schedule, **fields)
        create_calm(self.cluster, manifest, QUIET, before_each)
        return self.in_force(name)

    def edit(self, name: str, **fields: Any) -> Any:
        """Edit a Task's spec, and return it once it is in force."""
        self.cluster.patch(tasks_path(self.namespace, name), {"spec": fields})
        return self.in_force(name)

    def task(self, name: str) -> Any:
        """Return a Task."""
        return self.cluster.get(tasks_path(self.namespace, name))

    def in_force(self, name: str, seconds: float = 30) -> Any:
        """Return a Task once its present generation is in force."""
        return wait_for(
            f"{name} to be in force", lambda: task if is_ready(task := self.task(name)) else None, seconds, 0.1
        )

    def stalled(self, name: str, reason: str) -> Any:
        """Return a Task once its present generation is stalled for `reason`."""

        def look() -> Any:
            task = self.task(name)
            stalled = condition(task, "Stalled")
            present = stalled.get("observedGeneration") == task["metadata"]["generation"]
            return task if present and stalled["reason"] == reason else None

        return wait_for(f"{name} to be stalled: {reason}", look)

    def cron_job(self, name: str) -> Any:
        """Return a CronJob, or None where there is none."""
        return self.cluster.find(cron_jobs_path(self.namespace, name))

    def differences(self, name: str) -> list[str]:
        """Return how a Task's CronJob differs from what the Task says."""
        return differences(self.task(name), self.cron_job(name), runner_settings(self.image))

    def events(self, name: str) -> list[tuple[str, str]]:
        """Return type and reason of all Events about a Task, in their order."""
        events = [
            event
            for event in self.cluster.items(f"{CORE}/namespaces/{self.namespace}/events")
            if event["involvedObject"]["kind"] == "Task" and event["involvedObject"]["name"] == name
        ]
        return [
            (event["type"], event["reason"])
            for event in sorted(events, key=lambda event: int(event["metadata"]["resourceVersion"]))
        ]


@pytest.fixture(scope="module")
def room(cluster: Cluster, runner_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """One for all tests of the module."""
    log = tmp_path_factory.mktemp("follows") / "operator.log"
    with namespace_in(cluster, "follows-task") as namespace:

        def start() -> OperatorProcess:
            operator = OperatorProcess(cluster, namespace, runner_image, log, CRONWRIGHT_MIN_INTERVAL=MIN_INTERVAL)
            operator.wait_until_watching()
            return operator

        found = Room(cluster, namespace, runner_image, start(), start)
        yield found
        found.operator.stop()


def in_hours(hours: int) -> str:
    """Return the line of once a day, some hours from now."""
    return daily_at(datetime.now(UTC) + timedelta(hours=hours))


def long_every(hours: int) -> str:
    """Return an `@every` of the plan `every`, whose next tick is an hour away or more."""
    now = datetime.now(UTC)
    every = interval(now, (600, 10**6), (3600, 10**6), shortest=hours * 3600, longest=(hours + 10) * 3600)
    return f"@every {go_duration(every.seconds)}"


@dataclass
class Encounter:
    """A Task that met someone else's CronJob of its name, and that CronJob before and after; it is gone since."""

    task: Any
    before: Any
    after: Any


@pytest.fixture(scope="module")
def encounter(room: Room) -> Encounter:
    """One for the module, so that the operator's next look, a minute later, is waited for beside the other tests."""
    container = {"name": "theirs", "image": room.image}
    pod = {"restartPolicy": "Never", "containers": [container]}
    theirs = {
        "metadata": {"name": "taken"},
        "spec": {"schedule": in_hours(7), "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }
    before = room.cluster.create(cron_jobs_path(room.namespace), theirs)
    room.cluster.create(tasks_path(room.namespace), task_manifest(room.namespace, "taken", in_hours(5)))
    task = room.stalled("taken", "NameTaken")
    wait_for("the Event", lambda: room.events("taken") == [("Warning", "NameTaken")])
    after = room.cron_job("taken")
    room.cluster.delete(cron_jobs_path(room.namespace, "taken"))
    return Encounter(task, before, after)


def test_a_cronjob_of_someone_else_is_left_alone(room: Room, encounter: Encounter) -> None:
    assert encounter.after == encounter.before
    assert condition(encounter.task, "Ready")["status"] == "False"
    assert condition(encounter.task, "Ready")["reason"] == "NameTaken"
    told = condition(encounter.task, "Stalled")["message"]
    assert f"CronJob taken exists in namespace {room.namespace} and belongs to someone else" in told
    assert "delete or rename it, or give the Task another metadata.name" in told


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, int]] = {
    "created-cron": ({"schedule": in_hours(5)}, None, 2),
    "created-preset": ({"schedule": "@yearly"}, None, 2),
    "created-manual": ({"schedule": "@manual"}, None, 2),
    "created-paused-every": ({"schedule": long_every(12), "isActive": False}, None, 2),
    "created-every": ({"schedule": long_every(12)}, None, 3),
    "edited-line": ({"schedule": in_hours(5)}, {"schedule": in_hours(6)}, 3),
    "edited-zone": ({"schedule": in_hours(5)}, {"timeZone": "Asia/Tokyo"}, 3),
    "edited-attributes": ({"schedule": in_hours(5)}, {"attributes": {"command": ["true"]}}, 2),
    "edited-history": ({"schedule": in_hours(5)}, {"successfulJobsHistoryLimit": 40}, 2),
    "paused": ({"schedule": in_hours(5)}, {"isActive": False}, 2),
    "resumed": ({"schedule": in_hours(5), "isActive": False}, {"isActive": True}, 3),
    "edited-to-every": ({"schedule": in_hours(5)}, {"schedule": long_every(12)}, 4),
    "edited-every": ({"schedule": long_every(12)}, {"schedule": long_every(23)}, 4),
    "resumed-every": ({"schedule": long_every(12), "isActive": False}, {"isActive": True}, 4),
    "every-with-other-attributes": ({"schedule": long_every(12)}, {"attributes": {"command": ["true"]}}, 2),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_in_force_with_few_writes(room: Room, name: str) -> None:
    before, edit, writes = CHANGES[name]
    counted = 0

    def count() -> None:
        nonlocal counted
        counted = room.operator.writes()

    task = room.create(name, before_each=count, **before)
    if edit is not None:
        count()
        task = room.edit(name, **edit)

    assert room.differences(name) == []
    plan = plan_of(task)
    assert task["status"]["plan"]["kind"] == plan.kind
    expected_next = plan.next_run_time(datetime.now(UTC))
    assert task["status"].get("nextRunTime") == (format_seconds(expected_next) if expected_next else None)
    settle(room)
    assert room.operator.writes() - counted == writes
    assert room.events(name) == [], "an ordinary change is no event"


def settle(room: Room) -> None:
    """Return when the operator rests: what its own writes brought about is taken in, too."""
    seen = [-1]

    def rests() -> bool:
        seen.append(room.operator.reconciliations())
        return seen[-1] == seen[-2]

    wait_for("the operator to rest", rests, pause=0.4)


LOOP: dict[str, Any] = {"schedule": "@every 30s", "template": NOWHERE}

LOOP_CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any] | None, int]] = {
    # CronJob closed, lever, CronJob open, status
    "created-loop": (LOOP, None, 4),
    "created-paused-loop": ({**LOOP, "isActive": False}, None, 2),
    # CronJob closed, Job deleted, status; lever, CronJob open, status
    "edited-loop": (LOOP, {"schedule": "@every 20s"}, 6),
    "edited-history-of-a-loop": (LOOP, {"failedJobsHistoryLimit": 40}, 2),
    # CronJob, Job deleted, status
    "paused-loop": (LOOP, {"isActive": False}, 3),
    "resumed-loop": ({**LOOP, "isActive": False}, {"isActive": True}, 4),
    "cron-to-loop": ({"schedule": in_hours(5), "template": NOWHERE}, {"schedule": "@every 30s"}, 4),
    # lever, CronJob, Job deleted, status; status
    "loop-to-cron": (LOOP, {"schedule": in_hours(5)}, 5),
    "loop-to-manual": (LOOP, {"schedule": "@manual"}, 4),
    "loop-to-every": (LOOP, {"schedule": long_every(12)}, 6),
}


@pytest.mark.parametrize("name", LOOP_CHANGES)
def test_a_change_of_a_loop_is_in_force_with_few_writes(room: Room, name: str) -> None:
    """Their pods find no node, so that nothing but the change is written."""
    before, edit, writes = LOOP_CHANGES[name]
    labelled = f"cronwright.dev/task={name}"
    counted = 0

    def count() -> None:
        nonlocal counted
        settle(room)
        counted = room.operator.writes()

    room.create(name, before_each=count, **before)
    if edit is not None:
        if before.get("isActive", True) and before["schedule"] == LOOP["schedule"]:
            pods = f"{CORE}/namespaces/{room.namespace}/pods"
            wait_for("the window's pod", lambda: room.cluster.items(pods, labelled))
        count()
        room.edit(name, **edit)

    assert room.differences(name) == []
    settle(room)
    assert room.operator.writes() - counted == writes
    assert room.events(name) == [], "an ordinary change is no event"
    # A pod that finds no node makes its Task unhealthy after a while, which would be counted with the next change
    room.cluster.delete(tasks_path(room.namespace, name))
    wait_for("the Jobs to be gone", lambda: not room.cluster.items(jobs_path(room.namespace), labelled), 60)


def test_a_loop_is_served_edited_paused_resumed_and_deleted(room: Room) -> None:
    """The way of one whose pods run: each step takes effect within fifteen seconds, and one pod serves at a time."""
    pods = f"{CORE}/namespaces/{room.namespace}/pods"

    def living() -> list[Any]:
        """The pods that start ticks or will; one that is being deleted starts none."""
        found = room.cluster.items(pods, "cronwright.dev/task=served")
        at_work = [pod for pod in found if pod["status"]["phase"] in ("Pending", "Running")]
        return [pod for pod in at_work if "deletionTimestamp" not in pod["metadata"]]

    def served_by_another_than(before: str) -> str:
        def look() -> Any:
            found = [pod for pod in living() if pod["status"]["phase"] == "Running" and uid_of(pod) != before]
            assert len(living()) <= 1
            return found

        return uid_of(wait_for("a pod that runs", look, WITHIN_SECONDS)[0])

    command = {"command": ["true"]}
    room.create("served", "@every 10s", attributes=command)
    first = served_by_another_than("")
    room.cluster.patch(tasks_path(room.namespace, "served"), {"spec": {"schedule": "@every 15s"}})
    room.in_force("served", WITHIN_SECONDS)
    assert first not in {uid_of(pod) for pod in living()}, "no pod of the plan before, once the next is in force"
    second = served_by_another_than(first)
    room.edit("served", isActive=False)
    wait_for("the pod to end by itself", lambda: not living(), WITHIN_SECONDS)
    [job] = room.cluster.items(jobs_path(room.namespace), "cronwright.dev/task=served")
    wait_for("its Job to be complete", lambda: room.cluster.get(job_path(room, job))["status"].get("succeeded"))
    room.edit("served", isActive=True)
    third = served_by_another_than(second)
    room.cluster.delete(cron_jobs_path(room.namespace, "served"))
    wait_for("another CronJob", lambda: room.cron_job("served") and not room.differences("served"), WITHIN_SECONDS)
    fourth = served_by_another_than(third)
    [job] = room.cluster.items(jobs_path(room.namespace), "cronwright.dev/task=served")
    room.cluster.delete(job_path(room, job))
    fifth = served_by_another_than(fourth)
    room.edit("served", schedule=in_hours(5))
    assert fifth not in {uid_of(pod) for pod in living()}
    room.edit("served", schedule="@every 10s")
    served_by_another_than(fifth)
    room.cluster.delete(tasks_path(room.namespace, "served"))
    wait_for("the pods to be gone", lambda: not room.cluster.items(pods, "cronwright.dev/task=served"), WITHIN_SECONDS)


WITHIN_SECONDS = 15


def uid_of(manifest: Mapping[str, Any]) -> str:
    """Return the uid of an object."""
    return str(manifest["metadata"]["uid"])


def job_path(room: Room, job: Mapping[str, Any]) -> str:
    """Return the path of a Job."""
    return jobs_path(room.namespace, job["metadata"]["name"])


HAND_EDITS: dict[str, dict[str, Any]] = {
    "schedule": {"spec": {"schedule": "0 0 1 1 *"}},
    "zone": {"spec": {"timeZone": "Asia/Tokyo"}},
    "suspend": {"spec": {"suspend": True}},
    "added-deadline": {"spec": {"startingDeadlineSeconds": 10}},
    "concurrency": {"spec": {"concurrencyPolicy": "Replace"}},
    "job-template": {"spec": {"jobTemplate": {"spec": {"backoffLimit": 6}}}},
    "added-annotation-of-pods": {
        "spec": {"jobTemplate": {"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}}
    },
    "label-off-managed-by": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
    "label-off-task": {"metadata": {"labels": {"cronwright.dev/task": None}}},
    "label-off-task-uid": {"metadata": {"labels": {"cronwright.dev/task-uid": None}}},
    "label-of-another-task": {"metadata": {"labels": {"cronwright.dev/task": "another"}}},
    "all-labels-off": {"metadata": {"labels": None}},
    "owner-off": {"metadata": {"ownerReferences": None}},
    "hash-off": {"metadata": {"annotations": None}},
}


@pytest.mark.parametrize("name", HAND_EDITS)
@pytest.mark.parametrize("kind", ["cron", "every"])
def test_a_hand_edited_cronjob_is_put_back(room: Room, kind: str, name: str) -> None:
    task = f"hand-{kind}-{name}"
    room.create(task, in_hours(5) if kind == "cron" else long_every(12))
    before = room.cron_job(task)

    room.cluster.patch(cron_jobs_path(room.namespace, task), HAND_EDITS[name])

    # An `@every` that another schedule had replaced gets back to its grid by a write that comes after that of its spec
    wait_for(
        "the hand's change to be undone, and the grid",
        lambda: restored(before, room.cron_job(task)) and room.differences(task) == [],
    )
    assert is_ready(room.task(task))


@pytest.mark.parametrize("schedule", [in_hours(5), long_every(12)], ids=["cron", "every"])
def test_what_others_note_on_a_cronjob_stays(room: Room, schedule: str) -> None:
    name = "noted" if schedule[0] != "@" else "noted-every"
    room.create(name, schedule)
    notes = {"labels": {"team": "reports"}, "annotations": {"team.example/why": "audit"}}
    room.cluster.patch(cron_jobs_path(room.namespace, name), {"metadata": notes})

    room.edit(name, schedule=in_hours(7), timeoutSeconds=77)

    metadata = room.cron_job(name)["metadata"]
    assert metadata["labels"]["team"] == "reports"
    assert metadata["annotations"]["team.example/why"] == "audit"
    assert room.differences(name) == []


def restored(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether a CronJob is what it was, but for what the API server counts."""
    kept = ("labels", "annotations", "ownerReferences", "uid")
    return bool(
        before["spec"] == now["spec"]
        and all(before["metadata"].get(field) == now["metadata"].get(field) for field in kept)
    )


@pytest.mark.parametrize("schedule", [in_hours(5), long_every(12)], ids=["cron", "every"])
def test_a_hand_deleted_cronjob_is_made_again(room: Room, schedule: str) -> None:
    name = "deleted-by-hand" if schedule[0] != "@" else "deleted-by-hand-every"
    room.create(name, schedule)
    before = room.cron_job(name)["metadata"]["uid"]

    room.cluster.delete(cron_jobs_path(room.namespace, name))

    wait_for(
        "another CronJob",
        lambda: (found := room.cron_job(name)) and found["metadata"]["uid"] != before and not room.differences(name),
    )


def test_delete_takes_cronjob_jobs_and_pods_with_it(room: Room) -> None:
    due = datetime.now(UTC) - timedelta(hours=1)
    room.create("short-lived", daily_at(due), template=NOWHERE)
    path, labelled = cron_jobs_path(room.namespace, "short-lived"), "cronwright.dev/task=short-lived"
    forgotten = {"lastScheduleTime": format_seconds(due - timedelta(hours=2))}
    room.cluster.patch(f"{path}/status", {"status": forgotten})
    pods = f"{CORE}/namespaces/{room.namespace}/pods"
    wait_for("a pod of its run", lambda: room.cluster.items(pods, labelled))

    room.cluster.delete(tasks_path(room.namespace, "short-lived"))

    wait_for("the CronJob to be gone", lambda: room.cron_job("short-lived") is None, 60)
    wait_for("the Jobs to be gone", lambda: not room.cluster.items(jobs_path(room.namespace), labelled), 60)
    wait_for("the pods to be gone", lambda: not room.cluster.items(pods, labelled), 60)


@pytest.mark.parametrize(("name", "before"), {"cron": in_hours(5), "every": long_every(12)}.items())
def test_a_template_that_kubernetes_refuses_stalls_until_it_is_mended(room: Room, name: str, before: str) -> None:
    name = f"refused-{name}"
    room.create(name, before)
    good = room.cron_job(name)

    room.cluster.patch(tasks_path(room.namespace, name), {"spec": {"schedule": in_hours(6), "template": REFUSED}})

    task = room.stalled(name, "CronJobRefused")
    assert condition(task, "Ready")["status"] == "False"
    assert "dnsPolicy" in condition(task, "Stalled")["message"]
    settle(room)
    assert room.cron_job(name) == good, "the last good plan goes on, and remembers what it did"
    assert task["status"]["nextRunTime"] == next_of(good, task)
    wait_for("the Event", lambda: room.events(name) == [("Warning", "CronJobRefused")])

    room.edit(name, template=None)
    assert room.differences(name) == []
    wait_for("the Event", lambda: room.events(name) == [("Warning", "CronJobRefused"), ("Normal", "InForce")])


def next_of(cron_job: Mapping[str, Any], task: Mapping[str, Any]) -> str:
    """Return the next fire time of a CronJob that goes on although its Task says something else."""
    spec = {**task["spec"], "schedule": cron_job["spec"]["schedule"], "template": None}
    fire_time = plan_of({**task, "spec": spec}).next_run_time(datetime.now(UTC))
    assert fire_time is not None
    return format_seconds(fire_time)


BAD_EDITS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown-zone": ({"timeZone": "Europe/Berlinn"}, "UnknownTimeZone", "Europe/Berlinn"),
    "a-short-loop": ({"schedule": "@every 5s"}, "IntervalTooShort", f"@every {MIN_INTERVAL}"),
    "large-attributes": ({"attributes": {"text": "x" * 65536}}, "AttributesTooLarge", "64 KiB"),
    "no-such-day": ({"schedule": "0 3 31/1 2 *"}, "InvalidSchedule", "day 31/1"),
}


@pytest.mark.parametrize("name", BAD_EDITS)
def test_the_last_good_plan_goes_on_beside_a_bad_edit(room: Room, name: str) -> None:
    edit, reason, told = BAD_EDITS[name]
    room.create(name, in_hours(5))
    good = room.cron_job(name)
    counted = room.operator.writes()

    room.cluster.patch(tasks_path(room.namespace, name), {"spec": edit})

    task = room.stalled(name, reason)
    assert told in condition(task, "Stalled")["message"]
    assert condition(task, "Ready")["status"] == "False"
    assert task["status"]["nextRunTime"] == format_seconds(parse_instant(task["status"]["nextRunTime"]))
    settle(room)
    assert room.operator.writes() - counted == 2, "the status and one Event"
    assert room.cron_job(name) == good
    assert room.events(name) == [("Warning", reason)]


@pytest.mark.parametrize("name", BAD_EDITS)
def test_a_bad_task_gets_no_cronjob(room: Room, name: str) -> None:
    edit, reason, _ = BAD_EDITS[name]
    spec = {"schedule": in_hours(5), **edit}
    room.cluster.create(tasks_path(room.namespace), task_manifest(room.namespace, f"born-with-{name}", **spec))

    room.stalled(f"born-with-{name}", reason)

    assert room.cron_job(f"born-with-{name}") is None


def test_a_task_that_no_operator_has_seen_is_not_ready(cluster: Cluster, namespace: str) -> None:
    task = cluster.create(tasks_path(namespace), task_manifest(namespace, "unseen", "@daily"))
    assert task["status"] == {"observedGeneration": -1}


def test_the_name_of_a_cronjob_that_is_gone_is_free(room: Room, encounter: Encounter) -> None:
    room.in_force("taken", STALLED_RETRY_SECONDS + 30)
    assert room.differences("taken") == []
    wait_for("the Event", lambda: room.events("taken") == [("Warning", "NameTaken"), ("Normal", "InForce")])


def test_neither_a_restart_nor_a_full_pass_writes_anything(room: Room, tmp_path: Any) -> None:
    """Over all that the tests before have left: Tasks of every plan, paused, stalled and mended ones."""
    tasks = len(room.cluster.items(tasks_path(room.namespace)))
    if not tasks:
        room.create("alone", in_hours(5))
        room.create("alone-every", long_every(12))
    settle(room)
    room.operator.stop()

    room.operator = OperatorProcess(
        room.cluster,
        room.namespace,
        room.image,
        tmp_path / "operator.log",
        CRONWRIGHT_FULL_PASS_SECONDS=str(FULL_PASS_SECONDS),
        CRONWRIGHT_MIN_INTERVAL=MIN_INTERVAL,
    )
    room.operator.wait_until_watching()
    wait_for("a look at each Task", lambda: room.operator.reconciliations() >= tasks)
    settle(room)
    assert room.operator.writes() == 0, "after a restart"

    passed, looked = room.operator.last_full_pass(), room.operator.reconciliations()
    wait_for("a full pass", lambda: room.operator.last_full_pass() > passed, 3 * FULL_PASS_SECONDS)
    wait_for("another look at each Task", lambda: room.operator.reconciliations() >= looked + tasks)
    settle(room)
    assert room.operator.writes() == 0, "after a full pass"
