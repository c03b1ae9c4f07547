"""docs/loops.md as a reader follows it: its Task, then its commands in order, on a cluster with Cronwright in it."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from integration.cli.program import PROGRAMS, ROOT
from support.cluster import Cluster, is_ready, tasks_path, wait_for
from support.loops import Ledger

PAGE = (ROOT / "docs" / "loops.md").read_text()
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]
SHOWN = {"kubectl logs": "alive", "kubectl cronwright timeline": "succeeded"}
"""What commands that begin like this show, once the first tick is over."""
SECONDS = 90


@pytest.fixture
def reader(cluster: Cluster, namespace: str, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody whose kubectl is in the namespace."""
    missing = [name for name in ("CRONWRIGHT_URL", "CRONWRIGHT_TOKEN") if not os.environ.get(name)]
    if missing:
        pytest.fail(f'{" and ".join(missing)} not set; run: make up && eval "$(make -s env)"')
    config = tmp_path / "kubeconfig"
    config.write_text(cluster.kubeconfig.read_text())
    env = os.environ | {"KUBECONFIG": str(config), "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    assert _give(f"kubectl config set-context --current --namespace={namespace}", env) is not None
    return env


def test_its_commands_do_what_it_says(cluster: Cluster, namespace: str, reader: dict[str, str]) -> None:
    (manifest,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=manifest)
    assert all(any(command.startswith(begin) for command in COMMANDS) for begin in SHOWN)
    for command in COMMANDS:
        shown = next((word for begin, word in SHOWN.items() if command.startswith(begin)), "")
        # A reader who is quicker than the pod gives the command again
        wait_for(command, lambda: _shows(command, shown, reader), SECONDS, pause=1)  # noqa: B023
    task = cluster.get(tasks_path(namespace, "heartbeat"))
    assert (task["spec"]["schedule"], task["spec"]["isActive"]) == ("@every 2s", True)
    wait_for("Ready", lambda: is_ready(cluster.get(tasks_path(namespace, "heartbeat"))), SECONDS)
    authorization = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=authorization) as api:
        timeline = Ledger(api, namespace, task["metadata"]["uid"], "@every 2s")
        (manual,) = timeline.rows("run", trigger="manual")
        assert (manual["state"], manual["reason"]) == ("ended", "Completed")


def _shows(command: str, word: str, env: Mapping[str, str]) -> bool:
    said = _give(command, env)
    return said is not None and word in said


def _give(command: str, env: Mapping[str, str]) -> str | None:
    """Return what the command printed, or None where it failed."""
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, timeout=SECONDS, env=dict(env), check=False
    )
    return done.stdout if done.returncode == 0 else None
