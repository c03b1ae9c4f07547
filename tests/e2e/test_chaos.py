"""Thirty Tasks are created, edited, paused, resumed and deleted at random while the operator dies between two writes.

In the end each CronJob is what its Task says, and no fire time was started twice. Beside them Tasks that go wrong, each
in its own way, say why on their status, and those that go right run on time.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from cronwright.plan.pod import RunnerSettings
from cronwright.run.termination import load_termination
from support import cut_operator, operators
from support.cluster import (
    CORE,
    Cluster,
    condition,
    cron_jobs_path,
    is_ready,
    namespace_in,
    task_manifest,
    tasks_path,
    wait_for,
)
from support.expected import differences, runner_settings
from support.jobs import JobRecord, MadeJob, recorded_jobs
from support.operators import OperatorProcess

TASKS = 30
SEED = int(os.environ.get("CRONWRIGHT_CHAOS_SEED") or random.randrange(2**32))
"""Set the variable to play a failure again, as far as chance goes: the clock plays, too."""

EVERY_MINUTE = "* * * * *"
NOWHERE = {"spec": {"nodeSelector": {"cronwright.dev/tests": "nowhere"}}}
"""The Tasks of chance only make Jobs; thirty pods a minute would measure the machine."""

ON_TIME = timedelta(seconds=60)
"""A run of every minute that starts later is skipped."""

POINTS = ("SetLever", "ReplaceCronJob", "CreateCronJob", "WriteStatus")
SCHEDULES = (EVERY_MINUTE, "*/2 * * * *", "H/3 * * * *", "0 3 * * *", "@hourly", "@manual")
INTERVALS = ("@every 61s", "@every 90s", "@every 2m30s", "@every 7m", "@every 36h")
RESUMED = {"isActive": True}
ZONES = (None, "Europe/Berlin", "Asia/Kathmandu")


def wrong() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the Tasks that go wrong: the reason that each must give, and its fields."""
    unpullable = {"name": "runner", "image": "nowhere.invalid/none:1", "imagePullPolicy": "IfNotPresent"}
    # Python itself gives up before the runner's first line.
    crashing = {"name": "runner", "env": [{"name": "PYTHONHOME", "value": "/nonexistent"}]}
    return {
        "hangs": ("TimedOut", {"attributes": {"command": ["sleep", "600"]}, "timeoutSeconds": 5}),
        "crash-loops": ("RunnerCrashed", {"template": {"spec": {"containers": [crashing]}}}),
        "without-image": ("ImagePull", {"template": {"spec": {"containers": [unpullable]}}}),
    }


RIGHT = ("steady-one", "steady-two")
OVER_QUOTA = "over-quota"


@dataclass
class Chance:
    """Random changes to Tasks, and what each Task now says."""

    cluster: Cluster
    namespace: str
    dice: random.Random
    alive: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def names(self) -> list[str]:
        """Return the names of all Tasks that there may be."""
        return [f"chance-{number:02}" for number in range(TASKS)]

    def create_all(self) -> None:
        """Create every Task."""
        for name in self.names():
            self._create(name)

    def change(self) -> None:
        """Change one Task in one way."""
        name = self.dice.choice(self.names())
        if name not in self.alive:
            self._create(name)
            return
        match self.dice.choice(("edit", "edit", "pause", "resume", "attributes", "delete")):
            case "edit":
                self._patch(name, "edited", self._schedule())
            case "pause":
                self._patch(name, "paused", {"isActive": False})
            case "resume":
                self._patch(name, "resumed", RESUMED)
            case "attributes":
                self._patch(name, "given attributes", {"attributes": {"command": ["echo", str(self.dice.random())]}})
            case "delete":
                self.cluster.delete(tasks_path(self.namespace, name))
                self.alive.remove(name)
                self.done["deleted"] += 1

    def change_all(self) -> None:
        """Give every Task an interval of its own, which takes the most writes."""
        for name in sorted(self.alive):
            schedule = {"schedule": self.dice.choice(INTERVALS), "timeZone": None}
            self._patch(name, "edited", {**RESUMED, **schedule})

    def _create(self, name: str) -> None:
        fields = {key: value for key, value in self._schedule().items() if value is not None}
        policy = self.dice.choice(("Allow", "Forbid", "Replace"))
        limits: dict[str, Any] = {"successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0}
        manifest = task_manifest(self.namespace, name, **fields, concurrencyPolicy=policy, template=NOWHERE, **limits)
        self.cluster.create(tasks_path(self.namespace), manifest)
        self.alive.add(name)
        self.done["created"] += 1

    def _patch(self, name: str, what: str, fields: Mapping[str, Any]) -> None:
        self.cluster.patch(tasks_path(self.namespace, name), {"spec": fields})
        self.done[what] += 1

    def _schedule(self) -> dict[str, Any]:
        if self.dice.random() < 0.5:
            return {"schedule": self.dice.choice(INTERVALS), "timeZone": None}
        return {"schedule": self.dice.choice(SCHEDULES), "timeZone": self.dice.choice(ZONES)}


class Operators:
    """One operator after another: each is told at which write to die."""

    def __init__(
        self, cluster: Cluster, namespaces: str, image: str, folder: Path, settings: Mapping[str, str]
    ) -> None:
        self._cluster, self._namespaces, self._image, self._settings = cluster, namespaces, image, settings
        self._order, self._writes, self._log = folder / "order", folder / "writes", folder / "operator.log"
        self.died: list[str] = []
        self._process = self._start()

    def die_at(self, point: str) -> None:
        """Let the operator die at its next write of the name `point`."""
        self._order.write_text(point)

    def revive(self) -> None:
        """Start the next operator if the last has died, and note at which point."""
        code = self._process.process.poll()
        if code is None:
            return
        assert code == cut_operator.EXIT_CODE, f"the operator ended with {code}:\n{self._log.read_text()[-4000:]}"
        self.died.append(self._writes.read_text().splitlines()[-1].split()[1])
        self._process = self._start()

    def is_alive(self) -> bool:
        """Return whether the present operator runs."""
        return self._process.process.poll() is None

    def is_at_work(self) -> bool:
        """Return whether the present operator watches."""
        return self._process.is_watching()

    def stop(self) -> None:
        """End the present operator."""
        self._process.stop()

    def _start(self) -> OperatorProcess:
        return OperatorProcess(
            self._cluster,
            self._namespaces,
            self._image,
            self._log,
            cut_operator.__name__,
            CUT_LOG=str(self._writes),
            DIE_ORDER=str(self._order),
            **self._settings,
        )


@pytest.fixture
def full_namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace whose quota leaves no room for a pod."""
    with namespace_in(cluster, "chaos-quota") as name:
        quota = {"metadata": {"name": "no-pods"}, "spec": {"hard": {"pods": "0"}}}
        cluster.create(f"{CORE}/namespaces/{name}/resourcequotas", quota)
        wait_for(
            "the quota to be counted",
            lambda: (cluster.get(f"{CORE}/namespaces/{name}/resourcequotas/no-pods").get("status") or {}).get("used"),
        )
        yield name


@pytest.mark.parametrize(
    ("seconds", "deaths"), [(70, 4), pytest.param(300, 10, marks=pytest.mark.slow)], ids=["a-minute", "five-minutes"]
)
def test_chaos(
    cluster: Cluster,
    namespace: str,
    full_namespace: str,
    runner_image: str,
    tmp_path: Path,
    seconds: int,
    deaths: int,
) -> None:
    print(f"CRONWRIGHT_CHAOS_SEED={SEED}")
    chance = Chance(cluster, namespace, random.Random(SEED))
    settings = operators.timeline_of_runs(cluster, tmp_path)
    with recorded_jobs(cluster, namespace) as record, pod_words(cluster, namespace) as words:
        under = Operators(cluster, f"{namespace},{full_namespace}", runner_image, tmp_path, settings)
        try:
            create_beside(cluster, namespace, full_namespace)
            chance.create_all()
            wait_for("all Tasks to be in force", lambda: all(map(is_ready, tasks_of(cluster, namespace))), 120)
            began = datetime.now(UTC)
            make_trouble(chance, under, seconds, deaths)
            ended = datetime.now(UTC)
            print(f"{dict(chance.done)}; the operator died at {under.died}")
            check_what_is_left(chance, runner_settings(runner_image, settings))
            check_reasons(cluster, namespace, full_namespace)
            check_started_once(record)
            check_on_time(record, words, began, ended)
            check_timeline(namespace, settings)
        finally:
            under.stop()


def create_beside(cluster: Cluster, namespace: str, full_namespace: str) -> None:
    """Create the Tasks that are not left to chance, all of every minute."""
    for name, (_, fields) in wrong().items():
        spec = {"attributes": {"command": ["true"]}, **fields}
        cluster.create(tasks_path(namespace), task_manifest(namespace, name, EVERY_MINUTE, **spec))
    limits: dict[str, Any] = {"successfulJobsHistoryLimit": 30, "failedJobsHistoryLimit": 30}
    for name in RIGHT:
        right = task_manifest(namespace, name, EVERY_MINUTE, attributes={"command": ["true"]}, **limits)
        cluster.create(tasks_path(namespace), right)
    refused = task_manifest(full_namespace, OVER_QUOTA, EVERY_MINUTE, attributes={"command": ["true"]})
    cluster.create(tasks_path(full_namespace), refused)


def make_trouble(chance: Chance, under: Operators, seconds: int, deaths: int) -> None:
    """Change Tasks for so many `seconds`, while the operator dies as many times as `deaths` says.

    It dies for the last time while all are edited at once, so that what its successor finds is broken in many places,
    and no later edit mends it.
    """
    start = time.monotonic()
    orders = 0
    while time.monotonic() < start + seconds or len(under.died) < deaths - 1:
        assert time.monotonic() < start + 3 * seconds, f"the operator died only {len(under.died)} times: {under.died}"
        if (
            orders < deaths - 1
            and time.monotonic() >= start + orders * seconds / (deaths + 1)
            and orders == len(under.died)
        ):
            under.die_at(POINTS[orders % len(POINTS)])
            orders += 1
        chance.change()
        under.revive()
        time.sleep(chance.dice.uniform(0, 0.4))  # the pace of people, not a wait for anything
    wait_for("the operator to be at work", under.is_at_work, 60)
    under.die_at("ReplaceCronJob")
    chance.change_all()
    wait_for("the last death", lambda: not under.is_alive(), 60)
    under.revive()


def tasks_of(cluster: Cluster, namespace: str) -> list[Any]:
    """Return all Tasks of a namespace."""
    return cluster.items(tasks_path(namespace))


def check_what_is_left(chance: Chance, runner: RunnerSettings) -> None:
    """Assert that each CronJob is what its Task says, and that no other is there."""

    def look() -> dict[str, list[str]]:
        tasks = {task["metadata"]["name"]: task for task in tasks_of(chance.cluster, chance.namespace)}
        found = {item["metadata"]["name"]: item for item in chance.cluster.items(cron_jobs_path(chance.namespace))}
        assert chance.alive == {name for name in tasks if name.startswith("chance-")}
        told = {
            name: differences(task, found.get(name), runner) for name, task in tasks.items() if name in chance.alive
        }
        told |= {name: ["the Task is not in force"] for name in chance.alive if not is_ready(tasks[name])}
        told |= {name: ["there is no such Task"] for name in found if name not in tasks}
        return {name: differing for name, differing in told.items() if differing}

    last: dict[str, list[str]] = {}

    def nothing_differs() -> bool:
        last.clear()
        last.update(look())
        return not last

    try:
        wait_for("each CronJob to be what its Task says", nothing_differs, 90, pause=1)
    except AssertionError as error:
        raise AssertionError(f"{error}; with seed {SEED} there remained {last}") from error


def check_reasons(cluster: Cluster, namespace: str, full_namespace: str) -> None:
    """Assert that each Task that goes wrong says why."""
    expected = {(namespace, name): reason for name, (reason, _) in wrong().items()}
    expected[full_namespace, OVER_QUOTA] = "QuotaExceeded"

    def told() -> dict[tuple[str, str], str]:
        healthy = {place: condition(cluster.get(tasks_path(*place)), "Healthy") for place in expected}
        return {place: found["reason"] for place, found in healthy.items() if found.get("status") == "False"}

    wait_for(f"the reasons {sorted(expected.values())}", lambda: told() == expected, 120, pause=1)
    for place in expected:
        task = cluster.get(tasks_path(*place))
        assert condition(task, "Ready")["status"] == "True", "a run that fails never blocks a deployment"
        assert len(condition(task, "Healthy")["message"]) > 40


def check_started_once(record: JobRecord) -> None:
    """Assert that the controller made at most one Job for each fire time."""
    started = Counter((job.cron_job, job.scheduled) for job in record.jobs())
    twice = {fire_time: times for fire_time, times in started.items() if times > 1}
    assert not twice, f"with seed {SEED}, started more than once: {twice}"


def check_on_time(record: JobRecord, words: Mapping[str, str], began: datetime, ended: datetime) -> None:
    """Assert that those that go right had a run for each minute, and that each started in time and succeeded."""
    minute = began.replace(second=0, microsecond=0) + timedelta(minutes=1)
    expected = []
    while minute <= ended - timedelta(seconds=5):
        expected.append(minute)
        minute += timedelta(minutes=1)
    assert expected
    for name in RIGHT:
        jobs = {job.scheduled: job for job in record.of(name)}
        for fire_time in expected:
            assert fire_time in jobs, f"{name} has no run for {fire_time}"
            check_run(jobs[fire_time], fire_time, words)


def check_run(job: MadeJob, fire_time: datetime, words: Mapping[str, str]) -> None:
    """Assert that the Job's run started in time and succeeded, by its own word."""
    word = wait_for(f"the runner's word of {job.name}", lambda: words.get(job.name), 90)
    termination = load_termination(word)
    assert termination is not None, f"{job.name} left {word!r}"
    assert termination.outcome == "succeeded", termination
    assert termination.started_at is not None
    assert termination.started_at - fire_time < ON_TIME


@contextmanager
def pod_words(cluster: Cluster, namespace: str) -> Iterator[Mapping[str, str]]:
    """The termination messages of the namespace's pods by Job, as they stand when asked."""

    class Words(dict[str, str]):
        def get(self, job: str, default: Any = None) -> Any:
            for pod in cluster.items(f"{CORE}/namespaces/{namespace}/pods", f"batch.kubernetes.io/job-name={job}"):
                for status in (pod.get("status") or {}).get("containerStatuses") or ():
                    if ended := (status.get("state") or {}).get("terminated"):
                        return ended.get("message", "") or "nothing"
            return default

    yield Words()


def check_timeline(namespace: str, settings: Mapping[str, str]) -> None:
    """Assert that no run is on the timeline twice."""
    headers = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=headers, timeout=30) as api:
        answer = api.get("/api/run", params={"filter[namespace]": namespace, "page[size]": "100"})
    assert answer.status_code == 200, answer.text
    rows = [row["attributes"] for row in answer.json()["data"]]
    runs = Counter((row["task_uid"], row["scheduled_at"]) for row in rows)
    assert {row["task"] for row in rows} >= set(RIGHT)
    assert max(runs.values()) == 1, f"on the timeline twice: {[run for run, times in runs.items() if times > 1]}"
