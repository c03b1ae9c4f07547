"""The curl lines that people bring, run by curl itself as they stand. Those of docs/api.md test_documents.py runs."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cronwright.run.ids import scheduled_run_id
from cronwright.timeline.event import dump_event

from .conftest import World
from .events import DUE, start
from .tasks import ok

PAGE = Path(__file__).parents[3] / "docs" / "api.md"

LIST = 'curl http://localhost:6336/api/task -H "Authorization: Bearer $TOKEN"'
CREATE = """curl -X POST http://localhost:6336/api/task -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/vnd.api+json" \\
  -d '{"data": {"type": "task", "attributes": {"name": "cleanup_old_data", "label": "Cleanup Old Data",
       "schedule": "@daily", "action_name": "cleanup", "entity_name": "temp_data",
       "as_user_email": "system@example.com", "is_active": true, "attributes": {"days_old": 30}}}}'"""
RESCHEDULE = """curl -X PATCH http://localhost:6336/api/task/TASK_ID -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/vnd.api+json" \\
  -d '{"data": {"type": "task", "id": "TASK_ID", "attributes": {"schedule": "@every 2h", "is_active": true}}}'"""
PAUSE = """curl -X PATCH http://localhost:6336/api/task/TASK_ID -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/vnd.api+json" \\
  -d '{"data": {"type": "task", "id": "TASK_ID", "attributes": {"is_active": false}}}'"""
READ = 'curl http://localhost:6336/api/task/TASK_ID -H "Authorization: Bearer $TOKEN"'
TIMELINE = """\
curl -g 'http://localhost:6336/api/timeline?query=[{"column":"event_type","operator":"is","value":"task"}]' \\
  -H "Authorization: Bearer $TOKEN\""""


def shell(world: World, line: str) -> "subprocess.Popen[str]":
    """Start `line` in a shell, against the API that is tested."""
    shown = line.replace("curl ", "exec curl --silent --show-error --fail-with-body ", 1)
    shown = shown.replace("http://localhost:6336", world.api.url)
    environment = os.environ | {"TOKEN": world.writes_all}
    pipe = subprocess.PIPE
    return subprocess.Popen(["bash", "-c", shown], env=environment, stdout=pipe, stderr=pipe, text=True)


def run(world: World, line: str) -> Any:
    """Run `line`, and return the document that curl prints; the status must be one of success."""
    with shell(world, line) as running:
        stdout, stderr = running.communicate()
    assert running.returncode == 0, f"{line}\n{stdout}{stderr}"
    return json.loads(stdout)


@pytest.fixture
def nothing_there(world: World) -> None:
    """No Task of the name that the lines give it."""
    for found in ok(world.api.get("/api/task?filter[name]=cleanup_old_data", world.writes_all))["data"]:
        ok(world.api.send("DELETE", f"/api/task/{found['id']}", world.writes_all))


@pytest.mark.parametrize("quoted", [False, True], ids=["attributes as an object", "attributes as a string"])
def test_the_lines_that_people_bring(world: World, nothing_there: None, quoted: bool) -> None:
    create = CREATE.replace('{"days_old": 30}', r'"{\"days_old\": 30}"') if quoted else CREATE
    made = run(world, create)["data"]
    assert (
        made["attributes"].items()
        >= {
            "name": "cleanup_old_data",
            "label": "Cleanup Old Data",
            "schedule": "@daily",
            "action_name": "cleanup",
            "entity_name": "temp_data",
            "as_user_email": "system@example.com",
            "is_active": True,
            "attributes": {"days_old": 30},
        }.items()
    )
    listed = run(world, LIST)
    assert made["id"] in [one["id"] for one in listed["data"]], "the newest is on the first page"

    def with_id(line: str) -> str:
        return line.replace("TASK_ID", made["id"])

    changed = run(world, with_id(RESCHEDULE))["data"]["attributes"]
    assert (changed["schedule"], changed["is_active"], changed["attributes"]) == ("@every 2h", True, {"days_old": 30})
    assert run(world, with_id(PAUSE))["data"]["attributes"]["is_active"] is False
    read = run(world, with_id(READ))["data"]
    assert (read["id"], read["attributes"]["next_run_at"]) == (made["id"], None)
    event = start(run_id=scheduled_run_id(made["id"], DUE), namespace="default", task_uid=made["id"])
    ok(world.api.post(world.operator, {"type": "timeline", "attributes": dump_event(event)}), 201)
    rows = run(world, TIMELINE)["data"]
    assert {one["attributes"]["event_type"] for one in rows} == {"task"}
    ok(world.api.send("DELETE", f"/api/task/{made['id']}", world.writes_all))


def test_the_first_lines_of_the_page_are_those_that_people_bring() -> None:
    page = PAGE.read_text().replace("/ID", "/TASK_ID").replace('"id": "ID"', '"id": "TASK_ID"')
    for line in (LIST, CREATE, RESCHEDULE, TIMELINE):
        assert line in page
