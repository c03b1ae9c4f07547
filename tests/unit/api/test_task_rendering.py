"""Texts of Tasks that are kept: the same as anew, whatever was asked for before."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from cronwright_api.jsonapi.documents import many
from cronwright_api.tasks.record import Record, record_of
from cronwright_api.tasks.rendering import Rendering
from cronwright_api.tasks.shown import resource_of

NOW = datetime(2027, 1, 4, 8, tzinfo=UTC)
EVERY_TEN_MINUTES = "*/10 * * * *"


def record(schedule: str, version: int = 7, label: str = "Export") -> Record:
    return record_of(
        {
            "metadata": {
                "uid": "00000000-0000-0000-0000-000000000001",
                "namespace": "shop",
                "name": "export",
                "resourceVersion": str(version),
                "creationTimestamp": "2027-01-01T00:00:00Z",
            },
            "spec": {"schedule": schedule, "actionName": "http", "label": label, "attributes": {"of": "shop"}},
        }
    )


def document(rendering: Rendering, task: Record, now: datetime, fields: list[str] | None = None) -> object:
    return orjson.loads(many([rendering.resource(task, now, fields)], "http://h").body)


def anew(task: Record, now: datetime, fields: list[str] | None = None) -> object:
    return orjson.loads(many([resource_of(task, now, fields)], "http://h").body)


@pytest.mark.parametrize("schedule", [EVERY_TEN_MINUTES, "@every 90s", "@manual", "0 0 31 2 *"])
@pytest.mark.parametrize("fields", [None, ["name"], ["next_run_at"], ["next_runs", "label"]], ids=str)
def test_a_kept_text_is_what_it_would_be_anew(schedule: str, fields: list[str] | None) -> None:
    rendering, task = Rendering(), record(schedule)
    for minutes in (0, 1, 9.99, 10, 10.5, 20, 3, 0, 1440):
        now = NOW + timedelta(minutes=minutes)
        assert document(rendering, task, now, fields) == anew(task, now, fields), minutes


def test_each_set_of_attributes_is_its_own() -> None:
    rendering, task = Rendering(), record(EVERY_TEN_MINUTES)
    for fields in (["name"], None, ["label"], ["name"]):
        assert document(rendering, task, NOW, fields) == anew(task, NOW, fields)


def test_another_version_of_the_task_is_shown_at_once() -> None:
    rendering = Rendering()
    document(rendering, record(EVERY_TEN_MINUTES), NOW)
    changed = record(EVERY_TEN_MINUTES, version=8, label="Export to the shop")
    assert document(rendering, changed, NOW) == anew(changed, NOW)


def test_a_text_is_made_once() -> None:
    rendering, task = Rendering(), record(EVERY_TEN_MINUTES)
    first = rendering.resource(task, NOW).attributes
    assert rendering.resource(task, NOW + timedelta(minutes=9)).attributes is first
    assert rendering.resource(task, NOW + timedelta(minutes=10)).attributes is not first


def test_no_more_is_kept_than_there_is_room_for() -> None:
    rendering, task = Rendering(most_bytes=60), record(EVERY_TEN_MINUTES)
    first = rendering.resource(task, NOW, ["name"]).attributes
    assert rendering.resource(task, NOW, ["name"]).attributes is first
    rendering.resource(task, NOW)
    assert rendering.resource(task, NOW, ["name"]).attributes is not first
