"""Outages of the cluster's own programs, through the tool that started them."""

import subprocess
import sys
from pathlib import Path

CLUSTER_TOOL = Path(__file__).parents[2] / "dev" / "cluster"


def restart(component: str) -> None:
    """End the control plane's `component` (such as controller-manager) and return when its successor works."""
    done = subprocess.run(
        [sys.executable, str(CLUSTER_TOOL), "restart", component], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{component} was not restarted:\n{done.stdout}{done.stderr}"
