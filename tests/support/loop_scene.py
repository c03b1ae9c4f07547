"""The scene that loops are tested on: an operator with short windows, a witness, one who kills, and the timeline."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx

from support.cluster import CORE, Cluster, namespace_in, wait_for
from support.killing import killer_on
from support.looping import Stage
from support.loops import Account
from support.operator_pods import OperatorPod
from support.witness import witness_in

API = "/apis/apps/v1/namespaces/cronwright-system/deployments/cronwright-api"
ORDINARY = {"Completed", "AlreadyRunning"}
STARTING = {"PodLate"}
"""The first ticks of a plan whose pod takes longer than the lead that it is given."""

second = timedelta(seconds=1)


@dataclass(frozen=True)
class Scene(Stage):
    """Where the cases are played. `over` is set when the outage at the end is."""

    operator: OperatorPod = field(kw_only=True)
    over: threading.Event = field(default_factory=threading.Event, kw_only=True)


@contextmanager
def timeline() -> Iterator[httpx.Client]:
    """The timeline as a developer reaches it."""
    headers = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=headers, timeout=30) as client:
        yield client


@contextmanager
def apart(scene: Scene) -> Iterator[Scene]:
    """The scene with connections of its own: one client closes another thread's, now and then."""
    with timeline() as api, closing(Cluster(scene.cluster.kubeconfig)) as cluster:
        witness, killer = scene.witness.through(cluster), scene.killer.through(cluster)
        yield replace(scene, cluster=cluster, api=api, witness=witness, killer=killer, made=[])


@contextmanager
def scene_in(cluster: Cluster, runner_image: str, window_seconds: int) -> Iterator[Scene]:
    """Set the scene in a namespace of its own; the installed operator has to rest meanwhile."""
    node = cluster.items(f"{CORE}/nodes")[0]["metadata"]["name"]
    with (
        namespace_in(cluster, "loops") as namespace,
        killer_on(cluster, runner_image, node) as killer,
        timeline() as api,
    ):
        operator = OperatorPod(
            cluster, namespace, CRONWRIGHT_LOOP_WINDOW_SECONDS=str(window_seconds), CRONWRIGHT_NATIVE_EVERY="false"
        )
        operator.start()
        try:
            witness = witness_in(cluster, namespace, runner_image)
            yield Scene(cluster, namespace, api, witness, killer, window_seconds, operator=operator)
        finally:
            operator.stop()


def play(case: Callable[[Scene], None], scene: Scene) -> None:
    """Play a case; its Tasks go when it is over, and make room for the next."""
    with apart(scene) as own:
        try:
            case(own)
        finally:
            for loop in own.made:
                loop.delete()


@contextmanager
def timeline_away(scene: Scene, seconds: int) -> Iterator[None]:
    """Take the timeline away for so many seconds at the least."""
    began = datetime.now(UTC)
    scene.cluster.patch(f"{API}/scale", {"spec": {"replicas": 0}})
    try:
        yield
        time_passes(began + seconds * second)
    finally:
        scene.cluster.patch(f"{API}/scale", {"spec": {"replicas": 1}})
        wait_for("the timeline", lambda: answers(scene.api), 60)


@contextmanager
def operator_away(scene: Scene) -> Iterator[None]:
    """Take the operator away."""
    scene.operator.stop()
    try:
        yield
    finally:
        scene.operator.start()


def next_minute() -> datetime:
    """Return the next whole minute: a window of some loop opens at each."""
    return datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)


def only(found: Account, reasons: set[str]) -> None:
    """Assert that no tick has another reason than these."""
    others = set(found.reasons) - reasons
    assert not others, f"{others} have no place here:\n{found}"


def late(found: Account) -> list[datetime]:
    """Return the ticks whose pod or ticker was not there, without those that a busy machine held up."""
    return [tick for tick in found.with_reason("PodLate") if "held up" not in found.ticks[tick].message]


def time_passes(until: datetime, unless: Callable[[], bool] = lambda: False) -> None:
    """Wait for an instant, or for `unless` to hold before it."""
    seconds = (until - datetime.now(UTC)).total_seconds()
    wait_for(f"{until}", lambda: datetime.now(UTC) >= until or unless(), seconds + 5)


def answers(api: httpx.Client) -> bool:
    """Return whether the timeline can be read."""
    try:
        return api.get("/api/run", params={"page[size]": "1"}).status_code == 200
    except httpx.TransportError:
        return False
