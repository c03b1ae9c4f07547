"""What the cache knows of Tasks: versions never go back, what is gone stays gone, and its age is never hidden."""

import json
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from cronwright_api.jsonapi.lists import Sort
from cronwright_api.tasks.cache import FRESH_SECONDS, TaskCache
from cronwright_api.tasks.listing import ordered
from cronwright_api.tasks.record import Record, record_of
from cronwright_api.tasks.shown import resource_of, values_of

NOW = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)


def manifest(name: str = "export", version: int = 1, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"00000000-0000-0000-0000-{sum(map(ord, name)):012}",
            "resourceVersion": str(version),
            "generation": 3,
            "creationTimestamp": "2027-01-01T00:00:00Z",
            "managedFields": [
                {"manager": "kubectl", "time": "2027-01-02T00:00:00Z"},
                {"manager": "cronwright-api", "time": "2027-01-03T00:00:00Z"},
                {"manager": "cronwright", "time": "2027-01-04T00:00:00Z", "subresource": "status"},
            ],
        },
        "spec": {"schedule": "@daily", "actionName": "http", "isActive": True, "timeoutSeconds": 3600, **spec},
    }


def record(name: str = "export", version: int = 1, **spec: Any) -> Record:
    return record_of(manifest(name, version, **spec))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def known(cache: TaskCache) -> dict[str, int]:
    return {one.resource_name: one.version for one in cache.all()}


def test_a_list_is_all_there_is() -> None:
    cache = TaskCache([""])
    cache.replace("", [record("a"), record("b")])
    cache.replace("", [record("b", 5)])
    assert (known(cache), cache.namespaces(), len(cache)) == ({"b": 5}, ["shop"], 1)


def test_versions_never_go_back() -> None:
    cache = TaskCache([""])
    cache.replace("", [record(version=5)])
    cache.put("", record(version=4, label="old"))
    cache.put("", record(version=5, label="the same"))
    assert known(cache) == {"export": 5}
    assert next(iter(cache.all())).field("label") is None
    cache.put("", record(version=10))
    assert known(cache) == {"export": 10}, "versions are numbers, not text"


def test_what_was_written_here_is_seen_at_once_and_not_lost_to_an_older_event() -> None:
    cache = TaskCache([""])
    cache.replace("", [])
    cache.wrote(record(version=7))
    cache.put("", record(version=6))
    assert known(cache) == {"export": 7}


def test_what_was_written_before_the_first_list_waits_for_it() -> None:
    cache = TaskCache([""])
    cache.wrote(record())
    assert known(cache) == {}


def test_what_was_deleted_here_does_not_come_back() -> None:
    cache = TaskCache([""])
    cache.replace("", [record(version=5)])
    cache.deleted(record(version=5))
    cache.put("", record(version=6))
    cache.replace("", [record(version=6)])
    assert known(cache) == {}
    cache.drop("", record().uid)
    assert known(cache) == {}


def test_namespaces_are_scopes_of_their_own() -> None:
    cache = TaskCache(["shop", "bank"])
    cache.replace("shop", [record()])
    assert cache.age_seconds() is None
    cache.replace("bank", [])
    assert (known(cache), cache.serves("shop"), cache.serves("other")) == ({"export": 1}, True, False)


def test_age_and_problem() -> None:
    clock = Clock()
    cache = TaskCache(["a", "b"], clock)
    assert cache.problem() == "the Tasks have not been listed yet"
    cache.lost("a", "Kubernetes can't be reached")
    assert cache.problem() == "the Tasks have not been listed yet: Kubernetes can't be reached"
    cache.replace("a", [])
    cache.replace("b", [])
    clock.now = 10.0
    cache.heard("a")
    assert (cache.age_seconds(), cache.problem()) == (10.0, "")
    clock.now = FRESH_SECONDS
    assert cache.problem() == ""
    clock.now = FRESH_SECONDS + 1
    assert cache.problem() == "the Tasks are as of 31 s ago"
    cache.heard("b")
    assert cache.problem() == ""


def test_a_task_takes_little_room() -> None:
    """Ten thousand of them have to fit into 250 MB, the program included, which takes a hundred."""
    spec = {"attributes": {"url": "https://example.com/", "text": "x" * 100}, "asUserEmail": "a@example.com"}
    manifests = [
        json.dumps(manifest(f"task-{number}", number, label=f"Task {number}", **spec)) for number in range(500)
    ]
    tracemalloc.start()
    records = [record_of(json.loads(text)) for text in manifests]
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size / len(records) < 4096


# What is shown


def attributes(shown: Record, now: datetime = NOW) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", resource_of(shown, now).attributes)


def test_a_record_shows_what_the_manifest_says() -> None:
    spec: dict[str, Any] = {
        "attributes": {"a": [1, None]},
        "template": {"spec": {}},
        "retry": {"limit": 2, "backoffSeconds": 5},
    }
    shown = attributes(record(**spec))
    assert shown["attributes"] == {"a": [1, None]}
    assert (shown["template"], shown["retry"]) == ({"spec": {}}, {"limit": 2, "backoff_seconds": 5})
    assert (shown["name"], shown["namespace"], shown["label"]) == ("export", "shop", None)
    assert (shown["created_at"], shown["updated_at"]) == ("2027-01-01T00:00:00Z", "2027-01-03T00:00:00Z")


@pytest.mark.parametrize(
    ("spec", "description", "next_runs"),
    [
        ({"schedule": "@daily"}, "every day at 00:00 UTC", ["2027-01-05T00:00:00Z", "2027-01-06T00:00:00Z"]),
        (
            {"schedule": "0 3 * * *", "timeZone": "Asia/Tokyo"},
            "every day at 03:00 Asia/Tokyo",
            ["2027-01-04T18:00:00Z"],
        ),
        ({"schedule": "H 3 * * *"}, "every day at 03:38 UTC", ["2027-01-05T03:38:00Z"]),
        ({"schedule": "@every 40s"}, "every 40 seconds, counted from midnight UTC", ["2027-01-04T08:00:40Z"]),
        ({"schedule": "@manual"}, "only on request", []),
        ({"schedule": "@daily", "isActive": False}, "every day at 00:00 UTC", []),
        ({"schedule": "@daily", "timeZone": "Mars/Olympus"}, None, []),
        ({"schedule": "0 0 31 2 *"}, None, []),
    ],
)
def test_fire_times(spec: dict[str, Any], description: str | None, next_runs: list[str]) -> None:
    shown = attributes(record(**spec))
    assert shown["description"] == description
    assert shown["next_runs"][: len(next_runs)] == next_runs
    assert len(shown["next_runs"]) == (5 if next_runs else 0)
    assert shown["next_run_at"] == (next_runs[0] if next_runs else None)


def test_the_next_fire_time_moves_on() -> None:
    task = record(schedule="*/7 * * * *")
    assert values_of("next_run_at", NOW)(task) == NOW.replace(minute=7)
    assert values_of("next_run_at", NOW.replace(minute=6))(task) == NOW.replace(minute=7)
    assert values_of("next_run_at", NOW.replace(minute=7))(task) == NOW.replace(minute=14)
    assert values_of("next_run_at", NOW)(task) == NOW.replace(minute=7), "whoever asks for an earlier one gets it"


def test_status_is_of_the_version_that_is_shown() -> None:
    condition = {"status": "True", "reason": "InForce", "message": "m", "lastTransitionTime": "2027-01-01T00:00:00Z"}
    conditions = [condition | {"type": "Ready", "observedGeneration": 3}]
    seen = record_of(manifest() | {"status": {"observedGeneration": 3, "conditions": conditions}})
    assert attributes(seen)["status"].items() >= {"ready": True, "reason": "InForce", "message": "m"}.items()
    assert attributes(replace(seen, generation=4))["status"]["ready"] is None
    assert attributes(record())["status"].items() >= {"ready": None, "healthy": None, "active": 0}.items()


def test_order_has_what_is_unset_last_and_a_tie_breaker() -> None:
    tasks = [record("a", label="x"), record("b"), record("c", label="y"), record("d", label="x")]
    for keys, names in (
        ([Sort("label", False)], "adcb"),
        ([Sort("label", True)], "cadb"),
        ([Sort("label", False), Sort("name", True)], "dacb"),
        ([], "abcd"),
        ([Sort("next_run_at", True), Sort("name", True)], "dcba"),
    ):
        assert "".join(one.resource_name for one in ordered(tasks[::-1], keys, NOW)) == names, keys
