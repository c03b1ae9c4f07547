"""When the demo is content: runs and Tasks as they were seen → what it finds."""

import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from cronwright.jsontypes import JSON
from cronwright_cli.daptin.convert import convert
from cronwright_cli.daptin.schema import read_schema
from cronwright_cli.timeline.run import Run, parse_run

ROOT = Path(__file__).parents[3]
BEGAN = datetime(2027, 1, 4, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def demo() -> ModuleType:
    """dev/demo/expectations.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location("demo_expectations", ROOT / "dev/demo/expectations.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(
    task: str, outcome: str | None = "succeeded", reason: str = "Completed", after: float = 60, **more: JSON
) -> Run:
    started = BEGAN + timedelta(seconds=after)
    attributes: dict[str, JSON] = {
        "task": task,
        "trigger": "schedule",
        "started_at": started.isoformat(),
        "finished_at": None if outcome is None else (started + timedelta(seconds=1)).isoformat(),
        "outcome": outcome,
        "reason": reason if outcome else None,
        **more,
    }
    return parse_run({"id": f"{task}-{after}", "attributes": attributes})


GOOD = [run("check-api"), run("say-hello"), run("heartbeat"), run("fail-on-purpose", "failed", "ActionFailed")]


def found(demo: ModuleType, runs: list[Run]) -> list[tuple[bool, str]]:
    return [(each.is_good, each.sentence) for each in demo.judge_runs(demo.first_runs(runs, BEGAN), 210)]


def test_the_expected_outcomes(demo: ModuleType) -> None:
    assert demo.still_awaited(demo.first_runs(GOOD, BEGAN)) == []
    assert found(demo, GOOD) == [
        (True, "check-api succeeded (Completed), as expected"),
        (True, "say-hello succeeded (Completed), as expected"),
        (True, "heartbeat succeeded (Completed), as expected"),
        (True, "fail-on-purpose failed (ActionFailed), as expected"),
    ]


CASES: dict[str, tuple[list[Run], str]] = {
    "a failure that should not be": (
        [run("check-api", "failed", "TimedOut")],
        "check-api failed (TimedOut), and not succeeded (Completed)",
    ),
    "only the first run counts": (
        [run("check-api", "failed", "ActionFailed", after=60), run("check-api", after=120)],
        "check-api failed (ActionFailed), and not succeeded (Completed)",
    ),
    "a run from before does not count": (
        [run("check-api", after=-1)],
        "check-api: its run has not started within 210 s; look at kubectl describe cwt check-api -n demo",
    ),
    "a run by hand does not count": (
        [run("check-api", trigger="manual")],
        "check-api: its run has not started within 210 s; look at kubectl describe cwt check-api -n demo",
    ),
    "a run that goes on": (
        [run("check-api", None)],
        "check-api: its run has not ended within 210 s; look at kubectl describe cwt check-api -n demo",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_said(demo: ModuleType, name: str) -> None:
    runs, sentence = CASES[name]
    assert found(demo, runs)[0] == (False, sentence)
    assert ("check-api" in demo.still_awaited(demo.first_runs(runs, BEGAN))) == ("its run" in sentence)


def tick(number: int, outcome: str | None = "succeeded", pod: str = "heartbeat-1") -> Run:
    due = (BEGAN + timedelta(seconds=5 * number)).isoformat()
    return run("heartbeat", outcome, after=5 * number + 0.01, scheduled_at=due, pod=pod)


GAPS: dict[str, tuple[list[Run], tuple[bool, str]]] = {
    "each tick": ([tick(1), tick(2), tick(3)], (True, "heartbeat ran 3 times in one pod, every 5 s without a gap")),
    "over a window's end": (
        [tick(1), tick(2, pod="heartbeat-2")],
        (True, "heartbeat ran 2 times in 2 pods, every 5 s without a gap"),
    ),
    "the last one goes on": (
        [tick(1), tick(2), tick(3, None)],
        (True, "heartbeat ran 2 times in one pod, every 5 s without a gap"),
    ),
    "one is not there": (
        [tick(1), tick(3), tick(4)],
        (
            False,
            "heartbeat: no run for 12:00:10 UTC; look at kubectl cronwright timeline -n demo --task heartbeat",
        ),
    ),
}


@pytest.mark.parametrize("name", GAPS)
def test_the_loop_has_to_tick_without_a_gap(demo: ModuleType, name: str) -> None:
    runs, expected = GAPS[name]
    finding = demo.judge_ticks([run("check-api"), *runs])
    assert (finding.is_good, finding.sentence) == expected


def test_only_the_first_ticks_are_shown_and_those_that_went_wrong(demo: ModuleType) -> None:
    runs = [tick(1), tick(2), run("check-api", after=12), tick(3), tick(4), tick(5, "failed"), tick(6, None)]
    assert demo.without_most_ticks(runs) == [*runs[:4], runs[5]]
    assert demo.ticks_in_words(runs) == "heartbeat has ticked 5 times, 1 of them without success."
    assert demo.ticks_in_words(runs[:2]) == "heartbeat has ticked 2 times."
    assert demo.ticks_in_words([]) == ""


def task(name: str, **status: Any) -> dict[str, Any]:
    ready = {
        "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True"}],
        "nextRunTime": "2027-01-05T00:00:00Z",
    }
    return {"metadata": {"name": name, "generation": 1}, "status": ready | status}


def test_the_converted_tasks_have_to_be_ready_with_a_next_run(demo: ModuleType) -> None:
    good = [task(name) for name in demo.CONVERTED]
    assert [finding.is_good for finding in demo.judge_tasks(good)] == [True]
    for wrong in (
        task("mail-sync", conditions=[{"type": "Ready", "status": "False"}]),
        task("mail-sync", observedGeneration=-1),
        task("mail-sync", nextRunTime=None),
    ):
        (finding,) = demo.judge_tasks([each for each in good if each["metadata"]["name"] != "mail-sync"] + [wrong])
        assert (finding.is_good, finding.sentence) == (
            False,
            "not Ready with a next run: mail-sync; look at kubectl describe cwt mail-sync -n demo",
        )
    (finding,) = demo.judge_tasks(good[1:])
    assert not finding.is_good


def test_the_names_are_those_of_the_example_files(demo: ModuleType) -> None:
    converted = convert(read_schema((ROOT / "examples/tasks.yaml").read_text(), "tasks.yaml"), None, None)
    names = [manifest["metadata"] for manifest in converted.manifests.values()]
    assert sorted(demo.CONVERTED) == sorted(metadata["name"] for metadata in names if isinstance(metadata, dict))
    demo_tasks = yaml.safe_load_all((ROOT / "examples/demo-tasks.yaml").read_text())
    assert [each["metadata"]["name"] for each in demo_tasks] == [expected.task for expected in demo.RUNS]


TOLD: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing yet": ({}, False),
    "an end from before": ({"lastFailureTime": "2027-01-04T11:59:00Z"}, False),
    "this end": ({"lastFailureTime": "2027-01-04T12:01:01Z"}, True),
    "an end after it, while the next run goes on": (
        {"lastSuccessfulTime": "2027-01-04T12:02:01Z", "lastRun": {"outcome": "Running"}},
        True,
    ),
}


@pytest.mark.parametrize("name", TOLD)
def test_whether_the_status_has_told_of_the_run(demo: ModuleType, name: str) -> None:
    status, expected = TOLD[name]
    assert demo.has_told_its_run({"status": status}, run("check-api", after=60.7)) is expected
    assert demo.has_told_its_run(None, run("check-api")) is False
