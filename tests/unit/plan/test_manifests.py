"""What a Task becomes, as files to read in `manifests/`; UPDATE_GOLDEN=1 in the environment writes them anew."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from cronwright.plan.choose import choose
from cronwright.plan.manifests import cron_job, manifest_hash
from cronwright.plan.pod import RunnerSettings
from cronwright.task import parse_task
from support.facts import RUNNER, WITH_TIMELINE, a_task

FOLDER = Path(__file__).parent / "manifests"

PRIVATE_REGISTRY = RunnerSettings(
    image="registry.example/cronwright/runner:1.0.0",
    image_pull_policy="Always",
    image_pull_secrets=("registry",),
    api_url="https://cronwright-api.cronwright-system:6336",
    resources={"limits": {"cpu": "1", "memory": "1Gi"}},
)

WITH_TLS = RunnerSettings(
    image="cronwright/runner:1.0.0",
    api_url="https://cronwright-api.cronwright-system.svc:6336",
    api_ca="-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIRAPx\n-----END CERTIFICATE-----\n",
)

TASKS: dict[str, tuple[dict[str, Any], RunnerSettings]] = {
    "cron": (
        {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin", "attributes": {"command": ["true"]}},
        WITH_TIMELINE,
    ),
    "every": (
        {
            "schedule": "@every 90s",
            "asUserEmail": "reports@example.com",
            "concurrencyPolicy": "Replace",
            "timeoutSeconds": 60,
            "retry": {"limit": 3, "backoffSeconds": 20},
            "successfulJobsHistoryLimit": 40,
        },
        WITH_TIMELINE,
    ),
    "tls": ({"schedule": "0 3 * * *", "attributes": {"command": ["true"]}}, WITH_TLS),
    "tls-loop": ({"schedule": "@every 5s", "attributes": {"command": ["true"]}}, WITH_TLS),
    "loop": (
        {
            "schedule": "@every 5s",
            "concurrencyPolicy": "Allow",
            "timeoutSeconds": 60,
            "template": {"spec": {"containers": [{"name": "runner", "image": "example/own-runner:2"}]}},
        },
        WITH_TIMELINE,
    ),
    "manual": ({"schedule": "@manual"}, RUNNER),
    "paused": ({"schedule": "@daily", "isActive": False, "suspendReason": "moving house"}, RUNNER),
    "template": (
        {
            "schedule": "@hourly",
            "template": {
                "metadata": {"labels": {"team": "mail"}, "annotations": {"example.com/why": "because"}},
                "spec": {
                    "nodeSelector": {"disk": "ssd"},
                    "restartPolicy": "OnFailure",
                    "automountServiceAccountToken": True,
                    "securityContext": {"runAsUser": 1234},
                    "containers": [
                        {
                            "name": "runner",
                            "image": "example/own-runner:2",
                            "command": ["sh"],
                            "env": [{"name": "POD_NAME", "value": "mine"}, {"name": "GREETING", "value": "hello"}],
                            "resources": {"limits": {"memory": "2Gi"}},
                            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                        },
                        {"name": "beside", "image": "example/beside:1"},
                    ],
                    "volumes": [{"name": "data", "emptyDir": {}}],
                },
            },
        },
        PRIVATE_REGISTRY,
    ),
}


def manifest(name: str) -> dict[str, Any]:
    """Return the CronJob of a Task of the table."""
    spec, runner = TASKS[name]
    task = parse_task(a_task(**spec))
    return cron_job(task, choose(task), runner)


@pytest.mark.parametrize("name", TASKS)
def test_golden(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    found = manifest(name)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        # Without this YAML would point from one label set to another, which reads badly.
        yaml.SafeDumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
        path.write_text(yaml.safe_dump(found, sort_keys=False, width=120, allow_unicode=True))
    assert found == yaml.safe_load(path.read_text())


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(TASKS)


def runner_of(name: str) -> dict[str, Any]:
    """Return the runner's container of a Task of the table."""
    pod: Any = manifest(name)["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return next(container for container in pod["containers"] if container["name"] == "runner")


def test_what_the_runner_needs_wins_over_the_template() -> None:
    pod: Any = manifest("template")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    runner = runner_of("template")
    assert runner["command"] == ["cronwright-runner"]
    assert {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}} in runner["env"]


def test_what_the_template_may_say_is_kept() -> None:
    pod: Any = manifest("template")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert [container["name"] for container in pod["containers"]] == ["runner", "beside"]
    assert pod["securityContext"]["runAsUser"] == 1234
    assert pod["securityContext"]["runAsNonRoot"] is True
    runner = runner_of("template")
    assert runner["image"] == "example/own-runner:2"
    assert {"name": "GREETING", "value": "hello"} in runner["env"]
    assert runner["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}


@pytest.mark.parametrize("name", TASKS)
def test_the_deadline_lies_after_every_attempt_and_pause(name: str) -> None:
    spec, _ = TASKS[name]
    task = parse_task(a_task(**spec))
    deadline: Any = manifest(name)["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"]
    attempts = task.retry.limit + 1
    served = 3600 + 300 + 60 if name.endswith("loop") else 600
    assert deadline == attempts * task.timeout_seconds + task.retry.total_pause() + served


@pytest.mark.parametrize("name", TASKS)
def test_no_deadline_of_the_cronjob_itself(name: str) -> None:
    """The gate holds to it; on the CronJob it would hide what was missed."""
    assert "startingDeadlineSeconds" not in manifest(name)["spec"]


def test_the_hash_is_that_of_the_content() -> None:
    assert manifest_hash(manifest("cron")) == manifest_hash(manifest("cron"))
    assert len({manifest_hash(manifest(name)) for name in TASKS}) == len(TASKS)
