"""The places among the loops: never more than allowed, and none is taken from a loop that is in force."""

from typing import Any

import pytest
from pydantic import ValidationError

from cronwright.plan.choose import LoopSettings
from cronwright_operator.loops import Places
from cronwright_operator.observe import Key, Observed
from cronwright_operator.settings import Settings
from support.facts import DUE, a_cron_job, a_task

LOOP, PAUSED = a_task("@every 5s"), a_task("@every 5s", isActive=False)
ONE, TWO, THREE = Key("shop", "one"), Key("shop", "two"), Key("shop", "three")


def put(observed: Observed, key: Key, task: dict[str, Any], version: int = 5, **cron_job: Any) -> None:
    """Let the operator see the CronJob of a Task of this name."""
    manifest = a_cron_job(task, DUE, **cron_job)
    manifest["metadata"] |= {"name": key.name, "resourceVersion": str(version)}
    observed.put("cronjobs", manifest)


def test_so_many_may_be_in_force_and_no_more() -> None:
    observed = Observed()
    places = Places(observed, most=2)
    put(observed, ONE, LOOP, start=DUE)
    assert places.has_room(TWO)
    places.note(TWO, True)
    assert not places.has_room(THREE), "the second is on its way, though its CronJob is not there yet"
    put(observed, TWO, LOOP, start=DUE, suspend=True)
    assert not places.has_room(THREE)


def test_what_is_in_force_is_never_refused() -> None:
    observed = Observed()
    for key in (ONE, TWO):
        put(observed, key, LOOP, start=DUE)
    places = Places(observed, most=1)
    assert places.has_room(ONE)
    assert places.has_room(TWO)
    assert not places.has_room(THREE)


def test_a_paused_or_deleted_loop_makes_room() -> None:
    observed = Observed()
    places = Places(observed, most=1)
    put(observed, ONE, LOOP, start=DUE)
    places.note(ONE, True)
    assert not places.has_room(TWO)
    put(observed, ONE, PAUSED, version=6)
    places.note(ONE, False)
    assert places.has_room(TWO)
    put(observed, ONE, LOOP, version=7, start=DUE)
    assert not places.has_room(TWO)
    observed.drop("cronjobs", {"metadata": {"namespace": "shop", "name": "one", "labels": {}}})
    assert places.has_room(TWO)


def test_a_full_pass_that_lacks_the_cronjob_makes_room() -> None:
    observed = Observed()
    places = Places(observed, most=1)
    put(observed, ONE, LOOP, start=DUE)
    observed.replace("cronjobs", None, [], version=9)
    assert places.has_room(TWO)


def test_a_loop_keeps_its_place_while_its_cronjob_is_made_again() -> None:
    observed = Observed()
    places = Places(observed, most=1)
    put(observed, ONE, LOOP, start=DUE)
    places.note(ONE, True)
    observed.replace("cronjobs", None, [], version=9)
    assert places.has_room(ONE)
    assert not places.has_room(TWO)


def test_settings_of_loops() -> None:
    assert Settings(runner_image="r").loops() == LoopSettings()
    written = Settings(
        runner_image="r", native_every=False, min_interval="1m30s", max_loop_tasks=7, loop_window_seconds=600
    )
    assert written.loops() == LoopSettings(native_every=False, min_interval_seconds=90, max_tasks=7, window_seconds=600)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an interval without a unit": ({"min_interval": "5"}, "write one such as 1s, 30s or 5m"),
    "no whole seconds": ({"min_interval": "1500ms"}, "write one such as 1s, 30s or 5m"),
    "a window that does not divide the hour": ({"loop_window_seconds": 420}, "write 3600, 1800 or 600"),
    "a negative number of loops": ({"max_loop_tasks": -1}, "greater than or equal to 0"),
}


@pytest.mark.parametrize(("settings", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings(runner_image="r", **settings)
