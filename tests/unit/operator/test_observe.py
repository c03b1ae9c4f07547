"""What the operator keeps of what it has seen: later versions win, and what is gone is forgotten."""

from typing import Any

import pytest

from cronwright_operator.observe import Key, Observed
from support.facts import TASK_UID, a_cron_job, a_job, a_pod, a_task

KEY = Key("shop", "backup")
TASK = a_task()
JOB = a_job(TASK)
POD = a_pod(JOB)


def version(manifest: dict[str, Any], number: str, **metadata: Any) -> dict[str, Any]:
    """Return an object as it was at another resource version."""
    return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": number, **metadata}}


def test_an_earlier_version_does_not_take_the_place_of_a_later_one() -> None:
    """As the watch's news of a change that the operator made itself, and knows of already."""
    observed = Observed()
    observed.put("tasks", version(TASK, "10", generation=2))
    observed.put("tasks", version(TASK, "9", generation=1))
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.task.generation == 2


def test_versions_are_numbers_of_any_length() -> None:
    observed = Observed()
    observed.put("tasks", version(TASK, "9", generation=1))
    observed.put("tasks", version(TASK, "10", generation=2))
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.task.generation == 2


def test_each_object_says_whose_it_is() -> None:
    observed = Observed()
    assert observed.put("tasks", TASK) == KEY
    assert observed.put("cronjobs", a_cron_job(TASK)) == KEY
    assert observed.put("jobs", JOB) == KEY
    assert observed.put("pods", POD) == KEY
    assert observed.drop("jobs", JOB) == KEY
    assert observed.drop("jobs", JOB) == KEY, "a second time, too"


def test_what_belongs_to_a_task_is_seen_with_it() -> None:
    observed = Observed()
    for kind, manifest in (("tasks", TASK), ("cronjobs", a_cron_job(TASK)), ("jobs", JOB), ("pods", POD)):
        observed.put(kind, manifest)  # type: ignore[arg-type]  # each is one of the four kinds
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.cron_job is not None
    assert [job.name for job in seen.jobs] == [JOB["metadata"]["name"]]
    assert [pod.name for pod in seen.pods_of(seen.jobs[0])] == [POD["metadata"]["name"]]


def test_a_job_of_a_deleted_task_of_the_same_name_is_not_its_own() -> None:
    observed = Observed()
    observed.put("tasks", version(TASK, "1", uid="b4a2c1de-0000-4000-8000-000000000001"))
    observed.put("jobs", JOB)
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.jobs == ()


ABSENT: dict[str, dict[str, Any]] = {
    "never seen": {},
    "being deleted": version(TASK, "1", deletionTimestamp="2027-01-04T08:00:00Z"),
}


@pytest.mark.parametrize("manifest", ABSENT.values(), ids=ABSENT)
def test_no_task_no_observation(manifest: dict[str, Any]) -> None:
    observed = Observed()
    if manifest:
        observed.put("tasks", manifest)
    assert observed.look(KEY) is None


def test_a_cronjob_is_its_namesakes_whatever_its_labels_say() -> None:
    observed = Observed()
    observed.put("tasks", TASK)
    assert observed.put("cronjobs", a_cron_job(TASK, labels={"cronwright.dev/task": "another"})) == KEY
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.cron_job is not None
    assert seen.cron_job.touched


def test_a_cronjob_without_labels_is_known_by_its_owner() -> None:
    observed = Observed()
    observed.put("tasks", TASK)
    observed.put("cronjobs", a_cron_job(TASK, labels={}))
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.cron_job is not None
    assert seen.cron_job.is_of(TASK_UID)


def test_a_full_list_takes_in_all_and_forgets_what_is_not_in_it() -> None:
    observed = Observed()
    observed.put("tasks", version(TASK, "5"))
    observed.put("tasks", version(TASK, "5", name="gone"))
    observed.put("tasks", version(TASK, "5", namespace="elsewhere"))
    observed.put("tasks", version(TASK, "30", name="made-since"))

    keys = observed.replace("tasks", "shop", [version(TASK, "7", generation=2)], 20)

    assert keys == {KEY, Key("shop", "gone")}
    assert set(observed.tasks.objects) == {KEY, Key("elsewhere", "backup"), Key("shop", "made-since")}
    seen = observed.look(KEY)
    assert seen is not None
    assert seen.task.generation == 2
