"""Edit, resume, schedule change and time-zone change never fire a run, wherever between two writes the operator stops.

Each row of the table is an edit whose new schedule has a fire time just behind it, which the CronJob controller would
make up for if it were let. Each is made once for every write that the operator may be stopped after. All of them stand
side by side, so that the minutes are waited for once.

An edit of a loop ends a pod and starts another. Wherever the operator stops, no window of a plan is opened twice, no
tick runs in two pods, and the next operator finds the rest to do.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cronwright.instants import format_seconds
from cronwright.schedule.grammar import Every
from cronwright.schedule.grid import go_duration, tick_at_or_before
from support import cut_operator, outage
from support.cluster import CORE, Cluster, cron_jobs_path, is_ready, task_manifest, tasks_path, wait_for
from support.expected import differences, plan_of, runner_settings
from support.jobs import JobRecord, MadeJob, recorded_jobs
from support.openings import create_calm
from support.operators import OperatorProcess, timeline_of_runs
from support.schedules import MINUTE, daily_at, every_few_minutes_at, interval, minute_before

NOWHERE = {"cronwright.dev/tests": "nowhere"}
"""A node selector that no node fits: the Jobs are what is looked at, their pods need not start."""

WORKERS = "256"
"""A Task at its cut keeps its worker."""


@dataclass(frozen=True)
class Edit:
    """A Task with the fields `before`, whose CronJob fired last at `remembered`, is given the fields `after`.

    `writes` is how many times the CronJob is written for it. `soon` says that it has a fire time within some minutes.
    """

    name: str
    before: Mapping[str, Any]
    remembered: datetime
    after: Mapping[str, Any]
    writes: int
    soon: bool = True


def edits(now: datetime) -> list[Edit]:
    """Return the table for a test that starts at `now`."""
    due = minute_before(now)  # a minute or two ago
    long_ago = due - timedelta(hours=12)
    frequent, rare = every_few_minutes_at(due, 2), daily_at(due)
    rare_long_ago = daily_at(long_ago)
    ticked_before_due, ticked_when_due = every_few_minutes_at(due - MINUTE, 4), every_few_minutes_at(due, 4)
    short = interval(now, last_tick=(20, 60), next_tick=(150, 190))
    short_after_a_tick = interval(now, last_tick=(190, 280), next_tick=(150, 190))
    ticking = interval(now, last_tick=(10, 100), next_tick=(60, 140), shortest=100)
    ticked_minutes_ago = interval(now, last_tick=(300, 420), next_tick=(400, 6000))
    long = interval(now, last_tick=(260, 600), next_tick=(400, 6000))

    def ticked(every: Every, at: datetime = now) -> datetime:
        return tick_at_or_before(every, at)

    return [
        Edit("frequent-to-rare", on(ticked_before_due), due - MINUTE, on(rare), 2, soon=False),
        Edit("frequent-to-rare-ticked", on(ticked_when_due), due, on(daily_at(due - 2 * MINUTE)), 2, soon=False),
        Edit("rare-to-frequent", on(rare_long_ago), long_ago, on(frequent), 2),
        Edit("rare-to-rare", on(rare_long_ago), long_ago, on(rare), 2, soon=False),
        Edit("cron-to-every", on(rare_long_ago), long_ago, on(short), 3),
        Edit("frequent-cron-to-every", on(ticked_before_due), due - MINUTE, on(short_after_a_tick), 3),
        Edit("every-to-cron", on(ticked_minutes_ago), ticked(ticked_minutes_ago), on(frequent), 2),
        Edit("every-to-rare-cron", on(ticked_minutes_ago), ticked(ticked_minutes_ago), on(rare), 2, soon=False),
        Edit("every-to-shorter", on(ticked_minutes_ago), ticked(ticked_minutes_ago), on(short), 3),
        Edit("every-to-longer", on(ticking), ticked(ticking), on(long), 3, soon=False),
        Edit("zone", on(rare, "Etc/GMT+3"), due - timedelta(hours=21), on(rare, "Etc/UTC"), 2, soon=False),
        Edit("zone-and-line", on(rare_long_ago, "Etc/GMT+3"), due - timedelta(hours=9), on(frequent, "Asia/Tokyo"), 2),
        Edit("resumed-cron", paused(frequent), long_ago, RESUMED, 2),
        Edit("resumed-every", paused(short), ticked(short, long_ago), RESUMED, 3),
        Edit("resumed-with-a-new-line", paused(rare_long_ago), long_ago, {**RESUMED, **on(frequent)}, 2),
        Edit("manual-to-cron", on("@manual"), long_ago, on(frequent), 2),
        Edit("manual-to-every", on("@manual"), long_ago, on(short), 3),
        Edit("paused", on(ticked_when_due), due, {"isActive": False}, 1, soon=False),
        Edit("other-attributes", on(ticked_when_due), due, {"attributes": {"command": ["true"]}}, 1),
    ]


def on(schedule: str | Every, zone: str | None = None) -> dict[str, Any]:
    """Return the fields of a Task with this schedule."""
    text = f"@every {go_duration(schedule.seconds)}" if isinstance(schedule, Every) else schedule
    return {"schedule": text, "timeZone": zone}


def paused(schedule: str | Every) -> dict[str, Any]:
    """Return the fields of a Task with this schedule that is paused."""
    return {**on(schedule), "isActive": False}


RESUMED = {"isActive": True}


@dataclass(frozen=True)
class Case:
    """An edit, and after which write of the CronJob the operator is stopped; None lets it end its work."""

    edit: Edit
    cut: int | None

    @property
    def name(self) -> str:
        """The name of the Task that the case is played with."""
        return f"{self.edit.name}-{'uncut' if self.cut is None else f'cut-after-{self.cut}'}"


@dataclass(frozen=True)
class LoopEdit:
    """A Task with the fields `before` (None: there is none), whose window is served, is given the fields `after`.

    `writes` are those of the CronJob, of the window's pod and of its Job. With `paused` it was paused after that.
    """

    name: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any]
    writes: int
    paused: bool = False


@dataclass(frozen=True)
class LoopCase:
    """An edit of a loop, and after which write the operator is stopped; None lets it end its work."""

    edit: LoopEdit
    cut: int | None

    @property
    def name(self) -> str:
        """The name of the Task that the case is played with."""
        return f"{self.edit.name}-{'uncut' if self.cut is None else f'cut-after-{self.cut}'}"


def loop_edits(now: datetime) -> list[LoopEdit]:
    """Return the table of edits to, of and from loops for a test that starts at `now`."""
    loop, other = on("@every 10s"), on("@every 15s")
    rare, every = on(daily_at(now - timedelta(minutes=3))), on(interval(now, (20, 60), (400, 6000)))
    return [
        LoopEdit("create", None, loop, 3),
        LoopEdit("interval", loop, other, 5),
        LoopEdit("pause", loop, {"isActive": False}, 2),
        LoopEdit("resume", loop, RESUMED, 4, paused=True),
        LoopEdit("to-cron", loop, rare, 3),
        LoopEdit("to-every", loop, every, 4),
        LoopEdit("to-manual", loop, on("@manual"), 2),
        LoopEdit("from-cron", rare, loop, 3),
        LoopEdit("from-every", every, loop, 3),
    ]


class Stage:
    """The cluster as the cases stand on it."""

    def __init__(self, cluster: Cluster, namespace: str, image: str, record: JobRecord, folder: Path) -> None:
        self.cluster, self.namespace, self.image, self.record = cluster, namespace, image, record
        self._writes, self._log = folder / "writes", folder / "operator.log"
        self._writes.touch()
        self._timeline = timeline_of_runs(cluster, folder)
        self._pool = ThreadPoolExecutor(8)

    def each(self, work: Any, cases: Sequence[Case | LoopCase]) -> None:
        """Do `work` for all cases, some at a time."""
        list(self._pool.map(work, cases))

    def tasks(self) -> list[Any]:
        """Return all Tasks."""
        return self.cluster.items(tasks_path(self.namespace))

    def differing(self) -> dict[str, list[str]]:
        """Return how CronJobs differ from what their Tasks say, by name; those that do not are left out."""
        settings = runner_settings(self.image, self._timeline)
        found = {made["metadata"]["name"]: made for made in self.cluster.items(cron_jobs_path(self.namespace))}
        told = {
            task["metadata"]["name"]: differences(task, found.get(task["metadata"]["name"]), settings)
            for task in self.tasks()
        }
        return {name: how for name, how in told.items() if how}

    def create(self, case: Case) -> None:
        """Make the case's Task as it is before the edit."""
        self.make(
            case.name,
            case.edit.before,
            successfulJobsHistoryLimit=0,
            failedJobsHistoryLimit=0,
            template={"spec": {"nodeSelector": NOWHERE}},
        )

    def make(self, name: str, fields: Mapping[str, Any], **more: Any) -> None:
        """Make a Task, none of whose windows opens during the test where it is a loop."""
        given = {key: value for key, value in fields.items() if value is not None}
        create_calm(self.cluster, task_manifest(self.namespace, name, **given, concurrencyPolicy="Allow", **more))

    def edit(self, case: Case) -> None:
        """Edit the case's Task."""
        self.edit_of(case.name, case.edit.after)

    def edit_of(self, name: str, fields: Mapping[str, Any]) -> None:
        """Edit a Task."""
        self.cluster.patch(tasks_path(self.namespace, name), {"spec": fields})

    def remember(self, case: Case) -> None:
        """Let the controller remember the last fire time, as if the CronJob had been there for long."""
        self.remember_of(case.name, case.edit.remembered)

    def remember_of(self, name: str, time: datetime) -> None:
        """Write a CronJob's last fire time."""
        path = f"{cron_jobs_path(self.namespace, name)}/status"
        self.cluster.patch(path, {"status": {"lastScheduleTime": format_seconds(time)}})

    @contextmanager
    def operator(self, cuts: Mapping[str, int] | None = None) -> Iterator[None]:
        """Run an operator meanwhile. With `cuts` each Task of that name is left after so many writes of its CronJob."""
        self._writes.write_text("")
        process = OperatorProcess(
            self.cluster,
            self.namespace,
            self.image,
            self._log,
            cut_operator.__name__,
            CUT_LOG=str(self._writes),
            CUT_AFTER=json.dumps(cuts or {}),
            CRONWRIGHT_WORKERS=WORKERS,
            **self._timeline,
        )
        try:
            process.wait_until_watching()
            yield
        finally:
            process.kill()

    def writes(self, *kinds: str) -> Counter[str]:
        """Return how often the last operator wrote for each Task, its status and Events left aside, or by `kinds`."""
        lines = [line.split() for line in self._writes.read_text().splitlines()]
        return Counter(name for name, write in lines if write in (kinds or cut_operator.COUNTED))

    def touch_all(self, cases: Sequence[Case | LoopCase], mark: str) -> None:
        """Write a label on every CronJob, so that the controller looks at each, and return when it has.

        It has when it looks at one that was touched after them: a CronJob edited without the lever, which fires.
        """
        bait = f"bait-{mark}"
        self._lay_out(bait)
        self.each(lambda case: self._touch(case.name, mark), cases)
        self._touch(bait, mark)
        wait_for(f"the controller to fire {bait}, as it does an edit without the lever", lambda: self.record.of(bait))
        self.cluster.delete(cron_jobs_path(self.namespace, bait))

    def _touch(self, name: str, mark: str) -> None:
        self.cluster.patch(cron_jobs_path(self.namespace, name), {"metadata": {"labels": {"touched": mark}}})

    def _lay_out(self, bait: str) -> None:
        due = minute_before(datetime.now(UTC))
        pod = {
            "restartPolicy": "Never",
            "nodeSelector": NOWHERE,
            "containers": [{"name": "bait", "image": self.image}],
        }
        job = {"spec": {"template": {"spec": pod}}}
        spec = {"schedule": daily_at(due - timedelta(hours=12)), "jobTemplate": job}
        self.cluster.create(cron_jobs_path(self.namespace), {"metadata": {"name": bait}, "spec": spec})
        self.remember_of(bait, due - timedelta(hours=12))
        self.cluster.patch(cron_jobs_path(self.namespace, bait), {"spec": {"schedule": daily_at(due)}})


@pytest.fixture
def record(cluster: Cluster, namespace: str) -> Iterator[JobRecord]:
    """Every Job of the test's namespace, also those that the operator has deleted since."""
    with recorded_jobs(cluster, namespace) as found:
        yield found


def test_edits_fire_nothing(
    cluster: Cluster, namespace: str, runner_image: str, record: JobRecord, tmp_path: Path
) -> None:
    stage = Stage(cluster, namespace, runner_image, record, tmp_path)
    cases = [Case(edit, cut) for edit in edits(datetime.now(UTC)) for cut in (*range(1, edit.writes + 1), None)]

    # Ahead of the operator: a Task may be made, deleted and made again, and its CronJob would be that of the first
    stage.each(stage.create, cases)
    with stage.operator():
        wait_for("all Tasks to be in force", lambda: all(map(is_ready, stage.tasks())), 60)
    stage.each(stage.remember, cases)
    assert not record.jobs(), "the fire times that the CronJobs remember leave nothing to fire"

    edited = datetime.now(UTC)
    stage.each(stage.edit, cases)
    due = {case.name: case.cut or case.edit.writes for case in cases}
    with stage.operator(cuts={case.name: case.cut for case in cases if case.cut}):
        wait_for("each Task to reach its cut", lambda: stage.writes() >= Counter(due), 60)
        uncut = {case.name for case in cases if case.cut is None}
        wait_for(
            "the uncut to be in force",
            lambda: all(is_ready(task) for task in stage.tasks() if task["metadata"]["name"] in uncut),
        )
        assert stage.writes() == due, "each edit takes as many writes as the table says"
    look(stage, edited, "the edit")

    stage.touch_all(cases, "at-once")
    look(stage, edited, "a label written at once")

    wait_for("a minute to pass", lambda: datetime.now(UTC) > edited + MINUTE, 90)
    stage.touch_all(cases, "a-minute-later")
    look(stage, edited, "a label written a minute later")

    outage.restart("controller-manager")
    stage.touch_all(cases, "after-a-restart")
    look(stage, edited, "a restart of the controller manager")

    with stage.operator():
        wait_for("all Tasks to be in force", lambda: all(map(is_ready, stage.tasks())), 60)
        assert not stage.differing()
        stage.touch_all(cases, "after-all")
        look(stage, edited, "the next operator's work")
        soon = {case.name for case in cases if case.edit.soon}
        plans = {name: plan_of(cluster.get(tasks_path(namespace, name))) for name in soon}

        def still_to_fire() -> set[str]:
            return soon - {
                job.cron_job
                for job in fired_after(record, edited)
                if job.cron_job in soon and plans[job.cron_job].fire_times.is_fire_time(scheduled(job))
            }

        wait_for("the fire times after the edit to fire", lambda: not still_to_fire(), 300)
    look(stage, edited, "fire times after the edit")


def look(stage: Stage, edited: datetime, after: str) -> None:
    """Assert that no Job was made for a time up to the edit."""
    offences = [
        f"{job.name} for {scheduled(job)}"
        for job in stage.record.jobs()
        if scheduled(job) <= edited and not job.cron_job.startswith("bait-")
    ]
    assert not offences, f"after {after}, fired for times before the edit at {edited}: {offences}"


def fired_after(record: JobRecord, edited: datetime) -> list[MadeJob]:
    """Return the Jobs for times after the edit."""
    return [job for job in record.jobs() if scheduled(job) > edited]


def scheduled(job: MadeJob) -> datetime:
    """Return the time for which the controller made the Job."""
    assert job.scheduled is not None, f"{job.name} was not made by the controller"
    return job.scheduled


def test_edits_of_loops_open_each_window_once(
    cluster: Cluster, namespace: str, runner_image: str, record: JobRecord, tmp_path: Path
) -> None:
    stage = Stage(cluster, namespace, runner_image, record, tmp_path)
    edits = loop_edits(datetime.now(UTC))
    cases = [LoopCase(edit, cut) for edit in edits for cut in (*range(1, edit.writes + 1), None)]
    fields = {"attributes": {"command": ["true"]}}

    def make_before(case: LoopCase) -> None:
        if case.edit.before is not None:
            stage.make(case.name, case.edit.before, **fields)

    def make_or_edit(case: LoopCase) -> None:
        if case.edit.before is None:
            stage.make(case.name, case.edit.after, **fields)
        else:
            stage.edit_of(case.name, case.edit.after)

    stage.each(make_before, cases)
    with stage.operator():
        looping = {case.name for case in cases if plan_is_loop(case.edit.before)}
        wait_for("each loop to be served by one pod", lambda: serving(stage, "Running") == Counter(looping), 120)
        wait_for("all Tasks to be in force", lambda: all(map(is_ready, stage.tasks())), 60)
        paused = [case for case in cases if case.edit.paused]
        stage.each(lambda case: stage.edit_of(case.name, {"isActive": False}), paused)
        to_be_served = Counter(looping - {case.name for case in paused})
        wait_for("the paused ones to be served no more", lambda: serving(stage) == to_be_served, 60)
        wait_for("all Tasks to be in force", lambda: all(map(is_ready, stage.tasks())), 60)

    edited = datetime.now(UTC)
    stage.each(make_or_edit, cases)
    due = {case.name: case.cut or case.edit.writes for case in cases}
    with stage.operator(cuts={case.name: case.cut for case in cases if case.cut}):
        wait_for("each Task to reach its cut", lambda: stage.writes() >= Counter(due), 120)
        uncut = {case.name for case in cases if case.cut is None}
        wait_for(
            "the uncut to be in force",
            lambda: all(is_ready(task) for task in stage.tasks() if task["metadata"]["name"] in uncut),
        )
        # A pod that ends late, where the machine is busy with all of them, has its Job deleted, which is one write more
        more = stage.writes() - Counter(due)
        assert more <= stage.writes("DeleteWindow"), "each edit takes as many writes as the table says"
    look_at_windows(stage, edited, "the edit")

    stage.touch_all(cases, "at-once")
    look_at_windows(stage, edited, "a label written at once")
    outage.restart("controller-manager")
    stage.touch_all(cases, "after-a-restart")
    look_at_windows(stage, edited, "a restart of the controller manager")

    with stage.operator():
        wait_for("all Tasks to be in force", lambda: all(map(is_ready, stage.tasks())), 120)
        look_at_windows(stage, edited, "the next operator's work")
        to_be_served = Counter(
            case.name for case in cases if plan_is_loop({**(case.edit.before or {}), **case.edit.after})
        )
        wait_for("each loop to be served by one pod, and nothing else", lambda: serving(stage) == to_be_served, 60)
        stage.touch_all(cases, "after-all")
        look_at_windows(stage, edited, "a label written after all")
    assert not stage.differing()
    assert not ticks_of_two_pods(namespace)


def plan_is_loop(fields: Mapping[str, Any] | None) -> bool:
    """Return whether a Task with these fields is a loop that is not paused."""
    return bool(fields and fields["schedule"] in ("@every 10s", "@every 15s") and fields.get("isActive", True))


def serving(stage: Stage, *phases: str) -> Counter[str]:
    """Return how many pods each Task has that run or will, or that are in one of `phases`."""
    pods = stage.cluster.items(f"{CORE}/namespaces/{stage.namespace}/pods")
    return Counter(
        pod["metadata"]["labels"]["cronwright.dev/task"]
        for pod in pods
        if pod["status"]["phase"] in (phases or ("Pending", "Running")) and "deletionTimestamp" not in pod["metadata"]
    )


def look_at_windows(stage: Stage, edited: datetime, after: str) -> None:
    """Assert that each plan of a loop opened the window of its start once, and no Job was made for a past time else."""
    made: dict[tuple[str, datetime], list[MadeJob]] = defaultdict(list)
    offences = []
    for job in stage.record.jobs():
        if job.cron_job.startswith("bait-") or scheduled(job) > edited:
            continue
        if job.loop_start is not None:
            made[job.cron_job, job.loop_start].append(job)
        elif job.created > edited:
            offences.append(f"{job.name} for {scheduled(job)}")
    offences += [f"{name} of {start} in {len(jobs)} Jobs" for (name, start), jobs in made.items() if len(jobs) > 1]
    assert not offences, f"after {after}, opened or fired what was not meant: {offences}"


def ticks_of_two_pods(namespace: str) -> list[str]:
    """Return the ticks that ended in more than one pod, by the timeline."""
    headers = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    pods: dict[tuple[str, str], set[str]] = defaultdict(set)
    parameters = {"filter[namespace]": namespace, "sort": "created_at", "page[size]": "500"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=headers, timeout=30) as api:
        while True:
            rows = api.get("/api/timeline", params=parameters).raise_for_status().json()["data"]
            for row in rows:
                attributes = row["attributes"]
                if attributes["kind"] == "end" and attributes["trigger"] == "schedule":
                    pods[attributes["task"], attributes["scheduled_at"]].add(attributes["pod_uid"])
            if len(rows) < int(parameters["page[size]"]):
                break
            parameters["page[after]"] = rows[-1]["id"]
    assert pods, "ticks are on the timeline"
    return [f"{task} at {tick}" for (task, tick), uids in pods.items() if len(uids) > 1]
