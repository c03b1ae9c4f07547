"""Loops whose pods, runners and tickers are killed, moved and held up: each of their ticks is on the timeline once.

A witness in the cluster says what was run, so that a tick that ran twice is found wherever the timeline has it. All
cases are played at the same time, each with a Task of its own, in one set of short windows; after them the timeline,
the operator and the controller manager go away for two minutes, over the end of a window of every Task that is left.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from cronwright.schedule.grid import go_duration
from support import outage
from support.cluster import CORE, Cluster, jobs_path, wait_for
from support.loop_scene import (
    ORDINARY,
    STARTING,
    Scene,
    late,
    next_minute,
    only,
    operator_away,
    play,
    scene_in,
    time_passes,
    timeline_away,
)
from support.looping import Loop, restarts, times_in
from support.schedules import interval

WINDOW = 120
"""Seconds. A window takes over half a minute after it opens."""
SETTLE = 60
"""Seconds until the last rows of a tick are on the timeline, on a machine that is busy with all the others."""
TAKES_EFFECT = 15
"""Seconds in which a suspend, an edit, a delete or a resume is in force."""
second = timedelta(seconds=1)


@pytest.fixture(scope="module")
def scene(cluster: Cluster, runner_image: str) -> Iterator[Scene]:
    """A namespace with an operator of its own, whose windows are short."""
    with scene_in(cluster, runner_image, WINDOW) as found:
        yield found


# ---- The cases. Each makes its Task, lets something befall it, and looks what the timeline has of it.


def runner_killed(scene: Scene) -> None:
    """The runner is killed in the middle of a tick, twice: the second time it comes back only after ten seconds."""
    loop = scene.loop("runner-killed", "@every 1s", hold=7)
    struck = []
    for _ in range(2):
        struck.append(loop.tick_of(loop.run_under_way()))
        loop.kill("runner")
    last = loop.tick_of(loop.run_under_way())
    found = loop.settled(loop.start(), last, SETTLE)
    for tick in struck:
        entry = found.ticks[tick]
        assert (entry.outcome, entry.reason) == ("failed", "RunnerCrashed"), f"{entry}; struck were {struck}:\n{found}"
    assert found.with_reason("RunnerCrashed") == struck, found
    assert len(found.with_reason("RunnerDown")) >= 8, found
    assert all(struck[0] < tick < last for tick in found.with_reason("RunnerDown")), found
    only(found, ORDINARY | STARTING | {"RunnerCrashed", "RunnerDown"})


def child_killed(scene: Scene) -> None:
    """The process that runs a tick is killed, and then the one of the action itself: each costs just its tick."""
    loop = scene.loop("child-killed", "@every 2s", hold=6)
    pod = loop.pod()
    worker = loop.tick_of(loop.run_under_way())
    scene.killer.kill_children(pod, "runner")
    action = loop.tick_of(loop.run_under_way())
    scene.killer.kill_grandchildren(pod, "runner")
    last = loop.tick_of(loop.run_under_way())
    found = loop.settled(loop.start(), last, SETTLE)
    assert found.ticks[worker].word == "RunnerCrashed", found
    assert found.ticks[action].word == "ActionFailed", found
    assert "SIGKILL" in found.ticks[worker].message
    assert "SIGKILL" in found.ticks[action].message
    assert found.ticks[last].word == "Completed", found
    assert restarts(loop.pod(), "runner") == 0
    only(found, ORDINARY | STARTING | {"RunnerCrashed", "ActionFailed"})


GREEDY = 'held = [b"x" * (10 << 20) for _ in range(60)]'
"""Not zeros: the kernel gives a page of those only when it is written."""


def action_out_of_memory(scene: Scene) -> None:
    """An action needs more than the limit. With control groups of version 1 the kernel kills its process, with those of
    version 2 all of the container's.
    """
    loop = scene.loop("action-oom", "@every 5s", **command("python3", "-c", GREEDY), template=limit("96Mi"))
    first = loop.start()
    wait_for("three runs to end", lambda: ended(loop) >= 3, 90, pause=1)
    found = loop.settled(first, datetime.now(UTC) - 5 * second, SETTLE)
    if scene.killer.cgroup_version() == 1:
        assert len(found.with_reason("OOMKilled")) >= 2, found
        assert restarts(loop.pod(), "runner") == 0
        only(found, STARTING | {"OOMKilled"})
    else:
        assert found.with_reason("RunnerCrashed"), found
        only(found, STARTING | {"OOMKilled", "RunnerCrashed", "RunnerDown"})


def runner_out_of_memory(scene: Scene) -> None:
    """An action fills memory that no process has, so that the kernel kills one after the other, up to the runner."""
    fill = command("dd", "if=/dev/zero", "of=/memory/full", "bs=1M", "count=300")
    template = limit("96Mi")
    template["spec"]["volumes"] = [{"name": "memory", "emptyDir": {"medium": "Memory"}}]
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "memory", "mountPath": "/memory"}]
    loop = scene.loop("runner-oom", "@every 2s", **fill, template=template)
    name = loop.pod(60)["metadata"]["name"]

    def killed_twice() -> Any | None:
        pod = scene.cluster.get(f"{CORE}/namespaces/{scene.namespace}/pods/{name}")
        return pod if restarts(pod, "runner") >= 2 else None

    pod = wait_for("the runner to be killed twice for want of memory", killed_twice, 60)
    state = next(status for status in pod["status"]["containerStatuses"] if status["name"] == "runner")
    assert state["lastState"]["terminated"]["reason"] == "OOMKilled", state
    found = loop.settled(loop.start(), datetime.now(UTC) - 2 * second, SETTLE)
    assert len(found.with_reason("RunnerCrashed")) >= 2, found
    assert found.with_reason("RunnerDown"), found
    only(found, STARTING | {"RunnerCrashed", "RunnerDown", "OOMKilled", "AlreadyRunning"})


def ticker_killed(scene: Scene) -> None:
    """The ticker is killed, twice: the run under way goes on, and what came meanwhile was missed."""
    loop = scene.loop("ticker-killed", "@every 1s", hold=3)
    struck = []
    for _ in range(2):
        struck.append(loop.tick_of(loop.run_under_way()))
        loop.kill("ticker")
    last = loop.tick_of(loop.run_under_way())
    found = loop.settled(loop.start(), last, SETTLE)
    assert [found.ticks[tick].word for tick in struck] == ["Completed", "Completed"], found
    assert len([tick for tick in late(found) if tick > struck[0]]) >= 5, found
    only(found, ORDINARY | STARTING)


def pod_deleted(scene: Scene) -> None:
    """A window's pod is deleted in the middle of a tick."""
    moved(scene.loop("pod-deleted", "@every 2s", hold=3), Loop.delete_pod)


def pod_evicted(scene: Scene) -> None:
    """A window's pod is evicted in the middle of a tick, as by a drain."""
    moved(scene.loop("pod-evicted", "@every 2s", hold=3), Loop.evict)


def moved(loop: Loop, move: Callable[[Loop, Mapping[str, Any]], None]) -> None:
    """Assert that the tick under way is terminated, and that another pod takes the ticks over."""
    pod = loop.pod()
    struck = loop.tick_of(loop.run_under_way())
    move(loop, pod)
    loop.pod(60, other_than=pod["metadata"]["uid"])
    last = loop.tick_of(loop.run_under_way())
    found = loop.settled(loop.start(), last, SETTLE)
    assert (found.ticks[struck].outcome, found.ticks[struck].reason) == ("failed", "Terminated"), found
    assert found.ticks[last].pod != pod["metadata"]["name"]
    assert found.with_reason("Terminated") == [struck], found
    assert any(tick > struck for tick in late(found)), found
    only(found, ORDINARY | STARTING | {"Terminated"})


def pending_for_90_seconds(scene: Scene) -> None:
    """No node takes the pod of the second window for a minute and a half: what the first still owns is run."""
    label = f"cronwright.dev/{scene.namespace}"
    node = f"{CORE}/nodes/{scene.cluster.items(f'{CORE}/nodes')[0]['metadata']['name']}"
    scene.cluster.patch(node, {"metadata": {"labels": {label: "open"}}})
    try:
        loop = scene.loop("held-pending", "@every 2s", template={"spec": {"nodeSelector": {label: "open"}}})
        first = loop.pod()
        scene.cluster.patch(node, {"metadata": {"labels": {label: None}}})
        opening = loop.opened(first) + WINDOW * second
        wait_for("the second window's pod", lambda: len(loop.pods()) == 2, WINDOW + 30, pause=1)
        time_passes(opening + 90 * second)
    finally:
        scene.cluster.patch(node, {"metadata": {"labels": {label: "open"}}})
    second_pod = loop.pod(60, other_than=first["metadata"]["uid"])
    assert loop.opened(second_pod) == opening
    came = wait_for("a run of the second window", lambda: loop.notes(3), 60)[-1]
    scene.cluster.patch(node, {"metadata": {"labels": {label: None}}})
    scene.over.wait()
    found = loop.settled(loop.start(), loop.tick_of(came), SETTLE)
    owned = loop.owned(opening)
    missed = [tick for tick in late(found) if tick >= owned.first]
    assert missed[0] - owned.first < 2 * second, found
    assert missed[-1] >= opening + 88 * second, found
    assert {found.ticks[tick].pod for tick in missed} == {second_pod["metadata"]["name"]}, found
    assert missed[-1] < min(tick for tick in found.with_reason("Completed") if tick >= owned.first), found
    only(found, ORDINARY | STARTING)


def suspended_and_resumed(scene: Scene) -> None:
    """A pause lets the tick under way finish and ends the pod; a resume starts another in the same window."""
    loop = scene.loop("paused", "@every 2s", hold=4)
    began, pod = loop.start(), loop.pod()
    last = loop.tick_of(loop.run_under_way())
    loop.edit(isActive=False)
    paused = datetime.now(UTC)
    wait_for("the pod of a paused loop to end", lambda: not any(running(pod) for pod in loop.pods()), TAKES_EFFECT)
    found = loop.settled(began, last, SETTLE)
    assert found.ticks[last].word == "Completed", found
    loop.edit(isActive=True)
    loop.wait_until_ready(TAKES_EFFECT)
    start = loop.start()
    again = loop.tick_of(loop.run_under_way())
    assert loop.pod()["metadata"]["uid"] != pod["metadata"]["uid"]
    only(loop.settled(began, last, SETTLE), ORDINARY | STARTING)
    only(loop.settled(start, again, SETTLE), ORDINARY | STARTING)
    between = loop.ledger.account(paused + 3 * second, start - second)
    assert not between.ticks, f"a paused Task has no ticks:\n{between}"


def edited_twice(scene: Scene) -> None:
    """Two edits in ten seconds: no tick of an older generation runs once the last is Ready."""
    loop = scene.loop("edited-twice", "@every 2s", hold=1)
    began = loop.start()
    loop.run_under_way()
    for generation, pause in ((2, 5), (3, 0)):
        at = datetime.now(UTC)
        loop.edit(attributes=scene.witness.action(loop.name, 1, generation)["attributes"])
        time_passes(at + pause * second)
    loop.wait_until_ready(TAKES_EFFECT)
    ready = datetime.now(UTC)
    for _ in range(3):
        note = loop.run_under_way()
    found = loop.settled(began, loop.tick_of(note), SETTLE)
    old = [note for note in loop.notes() if note.generation < 3 and note.at > ready]
    assert not old, f"runs of an older generation after {ready}: {old}"
    assert [note.generation for note in loop.notes()][-3:] == [3, 3, 3]
    assert all(loop.start_of(pod) == loop.start() for pod in loop.pods() if running(pod)), "an older plan's pod is left"
    only(found, ORDINARY | STARTING | {"Superseded"})


def manual_job(scene: Scene) -> None:
    """A Job that a person makes from a loop's CronJob is one manual run, whatever its outcome, beside the ticks."""
    loop = scene.loop("by-hand", "@every 2s")
    failing = scene.loop("by-hand-failing", "@every 5s", **command("false"))
    loop.pod()
    for name in (loop.name, failing.name):
        scene.cluster.kubectl("create", "job", f"{name}-now", "-n", scene.namespace, f"--from=cronjob/{name}")
        wait_for(f"Job {name}-now to be complete", partial(job_is_complete, scene, f"{name}-now"), 60)

    def manual(of: Loop) -> list[dict[str, Any]]:
        return [run for run in of.ledger.rows("run") if run["trigger"] == "manual"]

    wait_for("the manual runs on the timeline", lambda: manual(loop) and manual(failing), SETTLE, pause=1)
    assert [(run["outcome"], run["state"], run["scheduled_at"]) for run in manual(loop)] == [
        ("succeeded", "ended", None)
    ]
    assert [(run["outcome"], run["reason"]) for run in manual(failing)] == [("failed", "ActionFailed")]
    ids = {run["id"] for run in manual(loop)}
    assert len([note for note in loop.notes() if note.key in ids]) == 1
    only(loop.settled(loop.start(), datetime.now(UTC) - 3 * second, SETTLE), ORDINARY | STARTING)


def logs_tell_ticks_apart(scene: Scene) -> None:
    """`kubectl logs` of the pod shows what each tick printed below the line that names its scheduled time."""
    says = 'echo "said for $CRONWRIGHT_SCHEDULED_TIME"'
    loop = scene.loop("logs", "@every 1s", **command("sh", "-c", says))
    pod = loop.pod()

    def logs() -> str:
        return scene.cluster.kubectl("logs", pod["metadata"]["name"], "-n", scene.namespace).stdout

    shown = wait_for("ten ticks in the log", lambda: text if (text := logs()).count("said for") >= 10 else "", 60, 2)
    at: datetime | None = None
    said: list[datetime | None] = []
    for line in shown.splitlines():
        if line.startswith("said for"):
            assert times_in(line) == [at], f"{line!r} stands below the line of {at}:\n{shown}"
            said.append(at)
        elif line.startswith("{") and times_in(line):
            at = times_in(line)[-1]
    assert len(said) >= 10, shown
    assert len(set(said)) == len(said), shown


def intervals_beyond_a_minute(scene: Scene) -> None:
    """With `nativeEvery: false` any interval that no cron line says is a loop; a window without a tick ends at once."""
    loop = scene.loop("every-90s", "@every 90s")
    rare = interval(datetime.now(UTC), last_tick=(1, 7000), next_tick=(400, 7000), shortest=420)
    idle = scene.loop("every-few-hours", f"@every {go_duration(rare.seconds)}")
    assert loop.task()["status"]["plan"]["kind"] == "loop"
    wait_for("a window without a tick to end", lambda: job_states(idle) == ["Complete"], 30)
    assert not idle.notes()
    start = loop.start()
    wait_for("a tick", lambda: loop.notes(), 120, pause=1)
    scene.over.wait()
    now = datetime.now(UTC)
    found = loop.settled(start, now - 5 * second, SETTLE)
    assert found.ticks, "ninety seconds have a tick"
    only(found, {"Completed"})
    assert not idle.ledger.account(idle.start(), now).faults()


def deleted(scene: Scene) -> None:
    """A deleted Task's pod is gone soon."""
    loop = scene.loop("deleted", "@every 2s", hold=1)
    # While Python itself starts, nobody hears a signal to a container's first process
    loop.run_under_way()
    loop.delete()
    time_passes(datetime.now(UTC) + TAKES_EFFECT * second, unless=lambda: not loop.pods())
    left = [(pod["metadata"]["name"], pod["metadata"].get("deletionTimestamp"), pod["status"]) for pod in loop.pods()]
    assert not left
    assert not loop.jobs()


CASES: tuple[Callable[[Scene], None], ...] = (
    runner_killed,
    runner_out_of_memory,
    ticker_killed,
    edited_twice,
    action_out_of_memory,
    suspended_and_resumed,
    pod_deleted,
    pod_evicted,
    child_killed,
    manual_job,
    logs_tell_ticks_apart,
    deleted,
)
"""In the order in which they begin: the longest first."""

THROUGH_THE_OUTAGE: tuple[Callable[[Scene], None], ...] = (pending_for_90_seconds, intervals_beyond_a_minute)
"""These last, and look at the timeline only when it is back."""


def through_the_outage(scene: Scene, name: str) -> None:
    """A loop goes through an outage over the end of a window and misses no tick."""
    loop = scene.loop(name, "@every 2s")
    scene.over.wait()
    found = loop.settled(loop.start(), datetime.now(UTC) - 5 * second, SETTLE)
    assert len({entry.pod for entry in found.ticks.values()}) >= 2, found
    assert all(tick < found.with_reason("Completed")[0] for tick in late(found)), found
    only(found, ORDINARY | STARTING)


def steady_a(scene: Scene) -> None:
    """One of three, since their windows open in two different minutes."""
    through_the_outage(scene, "steady-a")


def steady_b(scene: Scene) -> None:
    """Another."""
    through_the_outage(scene, "steady-b")


def steady_c(scene: Scene) -> None:
    """And the third."""
    through_the_outage(scene, "steady-c")


STEADY: tuple[Callable[[Scene], None], ...] = (steady_a, steady_b, steady_c)


def name_of(case: Callable[[Scene], None]) -> str:
    """Return what a test of the case is called."""
    return case.__name__.replace("_", "-")


AT_A_TIME = 5
"""Cases that are played beside each other: more make two processors late."""


@pytest.fixture(scope="module")
def played(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[None]]]:
    """The cases that are asked for, some at a time, and then the outage for those that go through one."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    asked = {item.callspec.params["case"] for item in items}
    lasting = [case for case in (*THROUGH_THE_OUTAGE, *STEADY) if name_of(case) in asked]
    short = [case for case in CASES if name_of(case) in asked]
    with ThreadPoolExecutor(AT_A_TIME) as some, ThreadPoolExecutor(len(lasting) + 1) as all_of_them:
        playing = {name_of(case): all_of_them.submit(play, case, scene) for case in lasting}
        playing |= {name_of(case): some.submit(play, case, scene) for case in short}
        for case in short:
            playing[name_of(case)].exception()
        try:
            if lasting:
                all_away(scene)
        finally:
            scene.over.set()
        yield playing


def all_away(scene: Scene) -> None:
    """For two minutes there is no timeline and no operator; and no controller manager at a moment when windows open."""
    with timeline_away(scene, 120), operator_away(scene):
        time_passes(next_minute() - second)
        outage.restart("controller-manager")


@pytest.mark.parametrize("case", [name_of(case) for case in (*CASES, *THROUGH_THE_OUTAGE, *STEADY)])
def test_each_tick_is_accounted_for_once(case: str, played: Mapping[str, Future[None]]) -> None:
    played[case].result()


def command(*words: str) -> dict[str, Any]:
    """Return the fields of a Task that runs a program."""
    return {"actionName": "command", "attributes": {"command": list(words)}}


def limit(memory: str) -> dict[str, Any]:
    """Return a template that bounds the memory of runs."""
    resources = {"requests": {"memory": "32Mi"}, "limits": {"memory": memory}}
    return {"spec": {"containers": [{"name": "runner", "resources": resources}]}}


def running(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod has not ended."""
    return pod["status"].get("phase") not in ("Succeeded", "Failed")


def job_states(loop: Loop) -> list[str]:
    """Return how the Jobs of a loop have ended, empty texts for those that have not."""
    return [_ended(job) for job in loop.jobs()]


def job_is_complete(scene: Scene, name: str) -> bool:
    """Return whether a Job has ended well."""
    return _ended(scene.cluster.get(jobs_path(scene.namespace, name))) == "Complete"


def _ended(job: Mapping[str, Any]) -> str:
    conditions = job["status"].get("conditions") or ()
    return next((found["type"] for found in conditions if found["type"] in ("Complete", "Failed")), "")


def ended(loop: Loop) -> int:
    """Return how many runs have ended."""
    return len(loop.ledger.rows("run", state="ended"))
