"""The control group below which all pods of a local cluster run, on cgroup v1 and v2."""

import os
from pathlib import Path

from progress import Failure

ROOT = Path("/sys/fs/cgroup")
V2_CONTROLLERS = ("cpuset", "cpu", "io", "memory", "pids")


def ensure(group: str) -> None:
    """Makes the group in every hierarchy. Raises Failure where the machine doesn't hand its controllers on."""
    if _is_v2():
        _hand_on(ROOT)
        (ROOT / group.lstrip("/")).mkdir(exist_ok=True)
        _hand_on(ROOT / group.lstrip("/"))
        return
    for hierarchy in _hierarchies():
        folder = hierarchy / group.lstrip("/")
        folder.mkdir(exist_ok=True)
        # An empty set of processors or memory nodes would admit no process.
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (folder / name).exists() and not (folder / name).read_text().strip():
                (folder / name).write_text((hierarchy / name).read_text())


def remove(group: str) -> None:
    """Removes the group and those below it; its processes must have ended."""
    for hierarchy in [ROOT] if _is_v2() else _hierarchies():
        top = hierarchy / group.lstrip("/")
        if top.exists():
            for folder, _, _ in os.walk(top, topdown=False):
                Path(folder).rmdir()


def _is_v2() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _hierarchies() -> list[Path]:
    return [folder for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists() and not folder.is_symlink()]


def _hand_on(folder: Path) -> None:
    available = (folder / "cgroup.controllers").read_text().split()
    handed_on = (folder / "cgroup.subtree_control").read_text().split()
    wanted = [name for name in V2_CONTROLLERS if name in available and name not in handed_on]
    try:
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))
    except OSError as error:
        raise Failure(
            f"{folder} can't hand on its controllers ({error}): inside a container, start it with its own cgroup "
            f"namespace and no process in the top group, or use CLUSTER=kind."
        ) from error
