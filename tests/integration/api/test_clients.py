"""Real JSON:API clients, two of npm and two of PyPI: each lists with paging, makes, reads, changes, filters and deletes
a Task, reads the timeline, and gets an error that it understands."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cronwright.timeline.event import dump_event
from support.cluster import namespace_in

from .conftest import World
from .events import end, start
from .python_clients import by_jsonapi_client, by_jsonapi_requests
from .tasks import make, ok

FOLDER = Path(__file__).parent / "clients"
INSTALL_SECONDS, RUN_SECONDS = 600, 120

EXPECTED = {
    "pages": [["page-0", "page-1"], ["page-2", "page-3"], ["page-4"]],
    "created": ["made_here", {"days_old": 30}],
    "read": "every day at 00:00 UTC",
    "updated": ["@every 2h", "made_here"],
    "filtered": ["made_here"],
    "timeline": [["first", "start"], ["first", "end"]],
    "error": [
        "Unprocessable content",
        "day 31 does not exist in month 2, so the task would never run; write a day that the month has, such as 28",
    ],
}


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of `clients/` and what they need, as package-lock.json has it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        _install_node()
    lock = (FOLDER / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("CRONWRIGHT_CACHE") or _user_cache() / "cronwright") / "npm"
    kept = cache / hashlib.sha256(lock).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (kept / "ready").exists():
            shutil.rmtree(kept, ignore_errors=True)
            kept.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(FOLDER / name, kept)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            done = subprocess.run(
                command, cwd=kept, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS
            )
            assert done.returncode == 0, done.stdout + done.stderr
            (kept / "ready").touch()
    folder = tmp_path_factory.mktemp("clients")
    for program in FOLDER.glob("*.js"):
        shutil.copy(program, folder)
    (folder / "node_modules").symlink_to(kept / "node_modules")
    return folder


@pytest.fixture
def tasks(world: World) -> Iterator[str]:
    """A namespace with five Tasks, and one run on the timeline."""
    with namespace_in(world.cluster, "client") as namespace:
        for number in range(5):
            make(world.api, world.writes_all, namespace, name=f"page-{number}")
        run = uuid4()
        for event in (start(run_id=run, namespace=namespace), end(run_id=run, namespace=namespace)):
            attributes = dump_event(event) | {"title": "first"}
            ok(world.api.post(world.operator, {"type": "timeline", "attributes": attributes}), 201)
        yield namespace


@pytest.mark.parametrize("program", ["devour.js", "daptin.js"])
def test_a_client_of_npm(world: World, node_modules: Path, tasks: str, program: str) -> None:
    environment = os.environ | {"URL": world.api.url, "TOKEN": world.writes_all, "NAMESPACE": tasks}
    done = subprocess.run(
        ["node", program],
        cwd=node_modules,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    check(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("client", [by_jsonapi_requests, by_jsonapi_client])
def test_a_client_of_pypi(world: World, tasks: str, client: Callable[[str, str, str], Any]) -> None:
    check(client(world.api.url, world.writes_all, tasks))


def check(told: Any) -> None:
    title, detail = told.pop("deleted")
    assert title == "Not found"
    assert detail.startswith("there is no task '")
    assert told == EXPECTED


def _install_node() -> None:
    # As the cluster installs what it needs of the distribution, by a module of its own folder
    cluster = Path(__file__).parents[3] / "dev" / "cluster"
    wanted = "import host; host.ensure_packages({'/usr/bin/node': 'nodejs', '/usr/bin/npm': 'npm'})"
    subprocess.run(
        [sys.executable, "-c", wanted], cwd=cluster, env=os.environ | {"PYTHONPATH": str(cluster)}, check=True
    )


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
