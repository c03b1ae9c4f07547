"""The commands that the demo says to try next, given as a person would, on a cluster with Cronwright in it."""

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from integration.cli.program import PROGRAMS, ROOT
from support.cluster import Cluster, cron_jobs_path, tasks_path, wait_for


def steps() -> list[Any]:
    """The steps of dev/demo/next_steps.py that end by themselves."""
    spec = importlib.util.spec_from_file_location("demo_next_steps", ROOT / "dev/demo/next_steps.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [step for step in module.STEPS if not step.goes_on]


def test_each_does_what_it_says(cluster: Cluster, namespace: str) -> None:
    missing = [name for name in ("CRONWRIGHT_URL", "CRONWRIGHT_TOKEN") if not os.environ.get(name)]
    if missing:
        pytest.fail(f'{" and ".join(missing)} not set; run: make up && eval "$(make -s env)"')
    cluster.kubectl("apply", "-n", namespace, "-f", str(ROOT / "examples/demo-tasks.yaml"))
    wait_for("the CronJob", lambda: cluster.find(cron_jobs_path(namespace, "say-hello")), seconds=60)
    outputs = {step.shows: _give(step.command.replace("-n demo", f"-n {namespace}")) for step in steps()}
    described, quickened, paused, created, events = outputs.values()
    assert "fail-on-purpose" in described
    assert "patched" in quickened
    assert cluster.get(tasks_path(namespace, "heartbeat"))["spec"]["schedule"] == "@every 2s"
    assert "patched" in paused
    assert cluster.get(tasks_path(namespace, "fail-on-purpose"))["spec"]["isActive"] is False
    assert "created" in created
    assert isinstance(json.loads(events)["data"], list)


def _give(command: str) -> str:
    env = os.environ | {"PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=Path(ROOT), env=env, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
