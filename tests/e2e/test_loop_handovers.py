"""Loops over many windows, and through each outage by itself: no tick is missed, and none runs twice."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from support import outage
from support.cluster import Cluster
from support.loop_scene import (
    ORDINARY,
    STARTING,
    Scene,
    late,
    next_minute,
    only,
    operator_away,
    scene_in,
    time_passes,
    timeline_away,
)
from support.loops import Account

pytestmark = pytest.mark.slow

LOOPS = 3
SETTLE = 60
second = timedelta(seconds=1)


def check(scene: Scene, until: datetime, windows: int) -> None:
    """Assert that each loop of the scene has run all its ticks, in at least so many windows."""
    for loop in scene.made:
        found: Account = loop.settled(loop.start(), until, SETTLE)
        assert len({entry.pod for entry in found.ticks.values()}) >= windows, found
        assert all(tick < found.with_reason("Completed")[0] for tick in late(found)), found
        only(found, ORDINARY | STARTING)


@pytest.mark.parametrize(
    ("window", "minutes", "windows"), [(60, 4, 4), (600, 60, 6)], ids=["three-handovers", "an-hour"]
)
def test_no_tick_is_lost_where_one_pod_follows_another(
    cluster: Cluster, runner_image: str, window: int, minutes: int, windows: int
) -> None:
    with scene_in(cluster, runner_image, window) as scene:
        for number in range(LOOPS):
            scene.loop(f"every-second-{number}", "@every 1s")
        time_passes(datetime.now(UTC) + timedelta(minutes=minutes))
        check(scene, datetime.now(UTC) - 2 * second, windows)


@contextmanager
def controllers_restarted(_scene: Scene) -> Iterator[None]:
    """Restart the controller manager over a moment when windows open."""
    time_passes(next_minute() - second)
    outage.restart("controller-manager")
    yield


def timeline_away_for_two_minutes(scene: Scene) -> AbstractContextManager[None]:
    """Take the timeline away, over the end of a window of every loop."""
    return timeline_away(scene, 120)


OUTAGES: dict[str, Callable[[Scene], AbstractContextManager[None]]] = {
    "no timeline": timeline_away_for_two_minutes,
    "no operator": operator_away,
    "no controller manager": controllers_restarted,
}


@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_costs_no_tick(cluster: Cluster, runner_image: str, name: str) -> None:
    with scene_in(cluster, runner_image, 120) as scene:
        for number in range(LOOPS):
            scene.loop(f"steady-{number}", "@every 2s")
        began = datetime.now(UTC)
        with OUTAGES[name](scene):
            time_passes(began + 130 * second)
        check(scene, datetime.now(UTC) - 5 * second, 2)
