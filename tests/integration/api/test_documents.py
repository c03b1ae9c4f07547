"""Each example of docs/api.md, run as it stands in the order of the page, and what it prints compared with the page.

A block of JSON or text is what the command ahead of it prints. `…` in it stands for anything: within a string, as a
whole value, as the last of a list for further ones, as a member for further members. `ID` is the Task of the page.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cronwright.reasons import Outcome, Reason
from cronwright.timeline.event import dump_event
from cronwright.timeline.span import dump_span
from support.cluster import CORE, Cluster, wait_for

from .conftest import World
from .events import end, span, start
from .people import RBAC
from .tasks import ok

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
TASK_ID = re.compile(r"(?<!-)\bID\b")
"""Not that of the header Last-Event-ID."""
ADDRESS = "http://localhost:6336"
LEAST_COMMANDS, LEAST_OUTPUTS = 18, 12
CLUSTER_ROLE = "task-reader"


@dataclass
class Example:
    """A command of the page, and what the page says that it prints, where it says so."""

    command: str
    language: str = ""
    output: str = ""

    @property
    def deletes(self) -> bool:
        """Whether it ends the Task of the page."""
        return "-X DELETE" in self.command


def examples() -> list[Example]:
    found: list[Example] = []
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        if language:
            assert found and not found[-1].output, f"what prints this?\n{text}"
            found[-1].language, found[-1].output = language, text
        else:
            commands = [line for part in text.strip().split("\n\n") for line in one_by_one(part)]
            assert all(command.startswith(("curl ", "kubectl ")) for command in commands), text
            found += map(Example, commands)
    # Others work with the Task
    return sorted(found, key=lambda example: example.deletes)


def one_by_one(text: str) -> list[str]:
    """Several commands of kubectl stand one below the other."""
    return text.splitlines() if text.startswith("kubectl ") else [text]


@pytest.fixture
def surroundings(world: World, cluster: Cluster) -> Iterator[None]:
    """What the page takes for granted: the namespace shop with a run on the timeline, and nothing of what it makes."""

    def clear() -> None:
        for found in ok(world.api.get("/api/task?filter[name]=cleanup_old_data", world.writes_all))["data"]:
            ok(world.api.send("DELETE", f"/api/task/{found['id']}", world.writes_all))
        if cluster.find(f"{RBAC}/clusterroles/{CLUSTER_ROLE}") is not None:
            cluster.delete(f"{RBAC}/clusterroles/{CLUSTER_ROLE}")

    with ExitStack() as stack:
        clear()
        stack.callback(clear)
        if cluster.find(f"{CORE}/namespaces/shop") is not None:
            gone(cluster, "shop")
        cluster.create(f"{CORE}/namespaces", {"metadata": {"name": "shop"}})
        stack.callback(gone, cluster, "shop")
        failed = end(0, Outcome.FAILED, reason=Reason.ACTION_FAILED, message="sh ended with exit code 3")
        for attributes in (dump_event(start(0)), dump_event(failed), dump_span(span(1, 9))):
            ok(world.api.post(world.operator, {"type": "timeline", "attributes": attributes}), 201)
        yield


def gone(cluster: Cluster, namespace: str) -> None:
    cluster.delete(f"{CORE}/namespaces/{namespace}")
    wait_for(f"no namespace {namespace}", lambda: cluster.find(f"{CORE}/namespaces/{namespace}") is None)


def test_every_example_of_the_page(world: World, surroundings: None) -> None:
    identity = ""
    ran = examples()
    assert len(ran) >= LEAST_COMMANDS
    assert sum(bool(example.output) for example in ran) >= LEAST_OUTPUTS
    for example in ran:
        command = TASK_ID.sub(identity, example.command) if identity else example.command
        printed = run(world, command, until="data: " if example.language == "text" else "id: ")
        if "-X POST" in command and '"cleanup_old_data"' in command:
            identity = json.loads(printed)["data"]["id"]
        expected = TASK_ID.sub(identity, example.output)
        if example.language == "json":
            problem = difference(json.loads(expected), json.loads(printed), "")
            assert problem is None, f"{example.command}\n{problem}\n{printed}"
        elif example.language:
            assert fits(expected.strip(), printed.strip()), f"{example.command}\n{printed}"
    assert world.api.get(f"/api/task/{identity}", world.writes_all).status_code == 404


def run(world: World, command: str, until: str) -> str:
    """Run `command` in a shell, and return what it prints, as if the API were at the page's address; of a stream the
    first frame that has a line beginning with `until`."""
    shown = command.replace("curl ", "exec curl --silent --show-error ", 1).replace(ADDRESS, world.api.url)
    environment = os.environ | {
        "TOKEN": world.writes_all,
        "REPORTER": world.operator,
        "KUBECONFIG": str(world.cluster.kubeconfig),
    }
    pipe = subprocess.PIPE
    with subprocess.Popen(["bash", "-c", shown], env=environment, stdout=pipe, stderr=pipe, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        if "curl -N" in command:
            printed = frame(running.stdout, until)
            running.send_signal(signal.SIGTERM)
        else:
            printed, said = running.communicate()
            assert running.returncode == 0, f"{command}\n{printed}{said}"
    return printed.replace(world.api.url, ADDRESS)


def frame(lines: Any, until: str) -> str:
    read: list[str] = []
    for line in lines:
        if line.strip():
            read.append(line)
        elif any(each.startswith(until) for each in read):
            return "".join(read)
        else:
            read = []
    raise AssertionError(f"the stream has ended: {read}")


def difference(expected: Any, found: Any, where: str) -> str | None:
    """Say where `found` is not as the page has it, None where it is."""
    if expected == "…":
        return None
    if isinstance(expected, dict) and isinstance(found, dict):
        open_ended = "…" in expected
        members = {key: value for key, value in expected.items() if key != "…"}
        if members.keys() - found.keys() or (found.keys() - members.keys() and not open_ended):
            return f"{where}: the members are {sorted(found)}, not {sorted(members)}"
        return first(difference(value, found[key], f"{where}/{key}") for key, value in members.items())
    if isinstance(expected, list) and isinstance(found, list):
        open_ended = expected[-1:] == ["…"] and len(found) >= len(expected) - 1
        wanted = expected[:-1] if open_ended else expected
        if len(found) != len(wanted) and not open_ended:
            return f"{where}: there are {len(found)}, not {len(wanted)}"
        return first(
            difference(one, other, f"{where}/{at}") for at, (one, other) in enumerate(zip(wanted, found, strict=False))
        )
    if isinstance(expected, str) and isinstance(found, str) and fits(expected, found):
        return None
    same = type(expected) is type(found) and expected == found
    return None if same else f"{where}: it is {found!r}, not {expected!r}"


def first(problems: Iterator[str | None]) -> str | None:
    return next((problem for problem in problems if problem), None)


def fits(expected: str, found: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, expected.split("…"))), found) is not None
