"""What the CLI writes and what `examples/` holds, against the real API server with the Task resource of the chart."""

import json
from typing import Any

import pytest

from integration.cli.program import ROOT, cronwright
from support.cluster import Cluster, namespace_in

EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.yaml") if path.name != "tasks.yaml")


@pytest.fixture(scope="module")
def home(cluster: Cluster) -> Any:
    """A namespace for dry runs."""
    with namespace_in(cluster, "examples") as namespace:
        yield namespace


def taken(cluster: Cluster, namespace: str, manifests: str) -> list[dict[str, Any]]:
    """Return the Tasks as the API server would keep them."""
    done = cluster.kubectl(
        "apply",
        "-n",
        namespace,
        "--dry-run=server",
        "--validate=strict",
        "-o",
        "json",
        "-f",
        "-",
        stdin=manifests,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    return list(document["items"]) if document["kind"] == "List" else [document]


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_taken(cluster: Cluster, home: str, name: str) -> None:
    assert taken(cluster, home, (ROOT / "examples" / name).read_text())


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_converted_tasks_are_taken(cluster: Cluster, home: str, form: str) -> None:
    converted = cronwright("convert", "daptin", "examples/tasks.yaml", "-o", form)
    specs = [task["spec"] for task in taken(cluster, home, converted.stdout)]
    assert [spec["name"] for spec in specs] == [
        "daily_report",
        "hourly_sync",
        "mail_sync",
        "daily_backup",
        "storage_sync",
        "weekly_report",
        "cleanup_sessions",
    ]
    assert specs[5]["attributes"] == {"type": "weekly", "recipients": ["manager@example.com"]}


# Words that kubectl's YAML reader would take for something else if they stood there plain.
TREACHEROUS = [
    "no",
    "y",
    "1e3",
    "0o17",
    "010",
    "12:30",
    "2027-01-01",
    "~",
    "null",
    "",
    " a ",
    "a\nb",
    "\u2028",
    "0 2 * * *",
    "é",
    "$$(A)",
]


def test_strings_arrive_as_strings(cluster: Cluster, home: str) -> None:
    task = {
        "Name": "words",
        "Schedule": "@daily",
        "ActionName": "clean",
        "Attributes": {"words": TREACHEROUS, "on": {"1": "2"}},
    }
    converted = cronwright("convert", "daptin", "-", stdin=json.dumps({"Tasks": [task]}))
    (kept,) = taken(cluster, home, converted.stdout)
    assert kept["spec"]["attributes"] == task["Attributes"]


# Each becomes a Task that the API server takes: `convert` must not promise what the Task resource refuses.
NAMES = ["Mail Server Sync", "v2_", "x" * 60, "A.B.C", "7", "Ärger-Bericht", "a  b", "UPPER_CASE", "__init__"]


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_name_is_taken_after_all(cluster: Cluster, home: str, name: str) -> None:
    task = {
        "Name": name,
        "Schedule": "H H * * *",
        "ActionName": "clean",
        "EntityName": "a.b-c",
        "AsUserEmail": "A+b@Example.com",
    }
    converted = cronwright(
        "convert", "daptin", "-", "--time-zone", "Europe/Berlin", stdin=json.dumps({"Tasks": [task]})
    )
    assert converted.returncode == 0, converted.stderr
    (kept,) = taken(cluster, home, converted.stdout)
    assert kept["spec"]["timeZone"] == "Europe/Berlin"
