"""What a pod can know of its scheduled time, its Job's name, held against what the CronJob controller says of that Job.

The controller itself starts the last fire time of each schedule when it is made to forget it, so nothing waits for one.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cronwright.instants import format_seconds, parse_instant
from cronwright.names import TASK_ANNOTATION
from cronwright.run.document import load_document
from cronwright.run.gate import Due, due
from cronwright.run.ids import job_name
from cronwright.schedule.grid import go_duration, next_tick
from support.cluster import (
    Cluster,
    cron_jobs_path,
    is_ready,
    jobs_path,
    namespace_in,
    task_manifest,
    tasks_path,
    wait_for,
)
from support.expected import plan_of
from support.jobs import MadeJob, made_job
from support.operators import OperatorProcess
from support.schedules import interval

NOWHERE = {"spec": {"nodeSelector": {"cronwright.dev/tests": "nowhere"}}}

SCHEDULES: dict[str, tuple[str, str | None]] = {
    "every-minute": ("* * * * *", None),
    "list-and-step": ("*/7 8-18/2,22,23,0-7 * * *", None),
    "hash": ("H H * * *", None),
    "preset": ("@monthly", None),
    "leap-day": ("0 0 29 2 *", None),
    "either-day": ("0 0 13 * fri", None),
    "sunday-as-seven": ("30 6 * * 7", None),
    "zone": ("0 3 * * *", "Europe/Berlin"),
    "zone-of-half-hours": ("30 2 * * *", "America/St_Johns"),
    "zone-of-quarter-hours": ("15,45 8-18 * * mon-fri", "Asia/Kathmandu"),
    "zone-ahead-of-the-day": ("@daily", "Pacific/Kiritimati"),
    "every-that-a-line-says": ("@every 5m", None),
    "every-week": ("@every 168h", None),
    "every-61-seconds": ("@every 61s", None),
    "every-90-seconds": ("@every 90s", None),
    "every-7-minutes": ("@every 7m", None),
    "every-45-minutes": ("@every 45m", None),
    "every-36-hours": ("@every 36h", None),
    "every-odd-second": ("@every 10h0m1s", None),
    "every-year": ("@every 8760h", None),
}

MANUAL_NAMES = ("by-hand", "2", "{cron_job}-by-hand", "{cron_job}-2", "{cron_job}-20261124", "{cron_job}-029899999")
"""Of Jobs that a person makes. None is a minute of the controller's, though some look like one."""


@pytest.fixture(scope="module")
def scheduled(cluster: Cluster, runner_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A namespace with an operator of its own, and a Task in force for each schedule, and one that ticks soon."""
    log: Path = tmp_path_factory.mktemp("scheduled") / "operator.log"
    soon = interval(datetime.now(UTC), last_tick=(30, 80), next_tick=(20, 40))
    schedules = {**SCHEDULES, "on-request": ("@manual", None), "soon": (f"@every {go_duration(soon.seconds)}", None)}
    with namespace_in(cluster, "scheduled-time") as namespace:
        operator = OperatorProcess(cluster, namespace, runner_image, log)
        try:
            operator.wait_until_watching()
            for name, (schedule, zone) in schedules.items():
                fields: dict[str, Any] = {"timeZone": zone} if zone else {}
                manifest = task_manifest(namespace, name, schedule, **fields, template=NOWHERE)
                cluster.create(tasks_path(namespace), manifest)
            wait_for("all Tasks to be in force", lambda: all(map(is_ready, cluster.items(tasks_path(namespace)))))
            yield namespace
        finally:
            operator.stop()


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_name_of_a_job_says_its_scheduled_time(cluster: Cluster, scheduled: str, name: str) -> None:
    plan = plan_of(cluster.get(tasks_path(scheduled, name)))
    last = plan.fire_times.at_or_before(datetime.now(UTC))
    assert last is not None
    # One that fires often may have fired by itself; its Job never ends, and the controller starts none beside it
    if not jobs_of(cluster, scheduled, name):
        forget(cluster, scheduled, name, last - timedelta(seconds=plan.every.seconds if plan.every else 1))
        started = wait_for("the controller to start the last fire time", lambda: jobs_of(cluster, scheduled, name))
        assert (started[-1].scheduled or datetime.min.replace(tzinfo=UTC)) >= last

    job = jobs_of(cluster, scheduled, name)[-1]
    manifest = cluster.get(jobs_path(scheduled, job.name))
    document = load_document(manifest["spec"]["template"]["metadata"]["annotations"][TASK_ANNOTATION])

    assert job.scheduled is not None
    assert plan.fire_times.is_fire_time(job.scheduled)
    assert due(document, job.name, None) == Due(job.scheduled)
    assert job.name == job_name(name, job.scheduled)
    wait_for("the controller to remember it", lambda: remembered(cluster, scheduled, name) == job.scheduled)


@pytest.mark.parametrize("cron_job", ["every-minute", "every-90-seconds", "on-request"])
@pytest.mark.parametrize("name", MANUAL_NAMES)
def test_a_job_made_by_hand_has_none(cluster: Cluster, scheduled: str, cron_job: str, name: str) -> None:
    name = name.format(cron_job=cron_job)
    name = name if name.startswith(cron_job) else f"{name}-{cron_job}"
    cluster.kubectl("create", "job", name, "-n", scheduled, f"--from=cronjob/{cron_job}")

    manifest = cluster.get(jobs_path(scheduled, name))
    document = load_document(manifest["spec"]["template"]["metadata"]["annotations"][TASK_ANNOTATION])

    assert made_job(manifest).scheduled is None
    assert due(document, name, None) == Due(None)


def test_an_every_stays_on_the_grid_by_itself(cluster: Cluster, scheduled: str) -> None:
    """The lever puts it there once; the controller's own next tick is on it, too."""
    every = plan_of(cluster.get(tasks_path(scheduled, "soon"))).every
    assert every is not None
    created = parse_instant(cluster.get(cron_jobs_path(scheduled, "soon"))["metadata"]["creationTimestamp"])

    ticked = wait_for("its first tick", lambda: jobs_of(cluster, scheduled, "soon"), 90)[0]

    assert ticked.scheduled == next_tick(every, created), "and not an interval after it was made"
    wait_for("the controller to remember it", lambda: remembered(cluster, scheduled, "soon") == ticked.scheduled)


def forget(cluster: Cluster, namespace: str, name: str, last: datetime) -> None:
    """Let the controller remember nothing after `last`; it looks at once, as after any write but of the schedule."""
    path = f"{cron_jobs_path(namespace, name)}/status"
    cluster.patch(path, {"status": {"lastScheduleTime": format_seconds(last)}})


def remembered(cluster: Cluster, namespace: str, name: str) -> datetime:
    """Return the last fire time that the controller remembers."""
    return parse_instant(cluster.get(cron_jobs_path(namespace, name))["status"]["lastScheduleTime"])


def jobs_of(cluster: Cluster, namespace: str, name: str) -> list[MadeJob]:
    """Return the Jobs that the controller made of a CronJob, in their order."""
    jobs = [made_job(job) for job in cluster.items(jobs_path(namespace), f"cronwright.dev/task={name}")]
    return sorted((job for job in jobs if job.scheduled), key=lambda job: job.name)
