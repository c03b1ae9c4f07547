"""A day of a loop's windows, with all that can befall it: no tick is run twice, and each is accounted for once.

Pods start late and are lost, tickers and runners are killed at any moment, clocks disagree and are set, the timeline is
away, and the Task is edited, paused and resumed. What is played is in `loop_world`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from cronwright.reasons import Reason
from cronwright.timeline.fold import RunState, fold
from support.loops import Account, Entry, account

from .loop_world import HOUR, KUBELET, SECOND, Pod, Shape, World, instant

EXAMPLES = int(os.environ.get("CRONWRIGHT_EXAMPLES", "16"))
"""How many days are played. Set the variable to play others than the same few, and more of them."""

MOST_TICKS = 2880
"""Of one example: a day of half a minute's ticks, an hour of a second's."""

MOST_FAULTS = 30

WORST_SKEW = 2 * SECOND
"""How far a node's clock may be from the true time."""


@dataclass(frozen=True)
class Fault:
    """Something that happens `at` a share of the world's time, with `which` of what there is, and `much` of it."""

    at: float
    kind: str
    which: int
    much: int


KINDS = (
    "kill ticker",
    "kill runner",
    "kill both",
    "delete pod",
    "lose pod",
    "set a clock",
    "timeline away",
    "edit",
    "pause",
    "operator away",
    "controller away",
)

faults = st.builds(
    Fault, at=st.floats(0, 1), kind=st.sampled_from(KINDS), which=st.integers(0, 9), much=st.integers(1, 600)
)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Return windows of any length, and intervals with which a day or some windows have no more than `MOST_TICKS`."""
    window = draw(st.sampled_from((60, 120, 180, 600, 1800, 3600)))
    every = draw(st.sampled_from((1, 2, 5, 7, 13, 29, 30, 45, 59, 90, 420, 2700)))
    return Shape(
        every=every,
        window=window,
        policy=draw(st.sampled_from(("Forbid", "Allow"))),
        hours=min(24.0, draw(st.sampled_from((0.05, 0.1, 0.3))) * MOST_TICKS * every / 3600),
        nodes=draw(st.integers(1, 3)),
        pod_starts=draw(
            st.lists(st.sampled_from((2, 5, 30, 90, 400)).map(lambda s: s * SECOND), min_size=1, max_size=4)
        ),
        durations=draw(st.lists(st.sampled_from((5, 300, 1500, 20_000, 200_000)), min_size=1, max_size=4)),
        seed=draw(st.integers(0, 2**32)),
        deadly=draw(st.sampled_from((0.0, 0.001, 0.02))),
        forgetful=draw(st.sampled_from((0.0, 0.05))),
    )


A_DAY = Shape(
    every=30,
    window=3600,
    policy="Forbid",
    hours=24.0,
    nodes=2,
    pod_starts=(2 * SECOND, 90 * SECOND),
    durations=(300, 40_000),
    seed=1,
)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="CRONWRIGHT_EXAMPLES" not in os.environ,
    report_multiple_bugs=False,
    # To make an example smaller takes minutes
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@example(shape=A_DAY, befalling=[])
@given(
    shape=shapes(), befalling=st.integers(0, MOST_FAULTS).flatmap(lambda n: st.lists(faults, min_size=n, max_size=n))
)
def test_no_tick_twice_and_each_accounted_for(shape: Shape, befalling: list[Fault]) -> None:
    check(shape, befalling)


def check(shape: Shape, befalling: Sequence[Fault]) -> None:
    """Play a world, and assert that no tick was run twice and that each is accounted for once."""
    world = World(shape)
    for fault in befalling:
        world.at(int(fault.at * world.length), partial(befall, world, fault))
    world.play()

    twice = {tick: pods for tick, pods in world.started.items() if len(pods) > 1}
    assert not twice, f"run more than once: {twice}"
    for first, last, must in lives(world):
        found = account(entries(world), world.every, first, last)
        faults_found = [told for told in found.faults() if not is_excused(world, told, must)]
        assert not faults_found, "\n".join([*faults_found, "all in all:", str(found)])
        check_counts(world, found)
        check_reasons(world, found)


def is_excused(world: World, fault: str, must: bool) -> bool:
    """Return whether an account may have this fault."""
    if "in no row" in fault:
        return not must
    return "counts ticks that others have" in fault and world.timeline.told_twice


def befall(world: World, fault: Fault) -> None:
    """Let one thing happen."""
    pods = [job.pod for job in world.operator.jobs if job.pod is not None and job.pod.ticking is not None]
    pod = pods[fault.which % len(pods)] if pods else None
    match fault.kind:
        case "edit":
            world.operator.put_in_force()
        case "pause":
            world.operator.pause()
            world.after(fault.much * SECOND, world.operator.put_in_force)
        case "operator away":
            world.operator.go_away(fault.much * SECOND)
        case "controller away":
            world.controller_goes_away(fault.much * SECOND)
        case "timeline away":
            world.timeline.up = False
            world.after(fault.much * SECOND, lambda: setattr(world.timeline, "up", True))
        case "set a clock":
            node = world.nodes[fault.which % len(world.nodes)]
            node.skew = world.random.randrange(-WORST_SKEW, WORST_SKEW)
            for job in world.operator.jobs:
                if job.pod is not None and job.pod.node is node:
                    job.pod.clock_stepped()
        case _ if pod is not None:
            befall_pod(pod, fault.kind)


def befall_pod(pod: Pod, kind: str) -> None:
    """Let one thing happen to a pod."""
    match kind:
        case "kill ticker":
            pod.kill_ticker()
        case "kill runner":
            pod.kill_runner()
        case "kill both":
            pod.kill_ticker()
            pod.kill_runner()
        case "delete pod":
            pod.delete()
        case "lose pod":
            pod.vanish()


def lives(world: World) -> list[tuple[datetime, datetime, bool]]:
    """Return the stretches in which the Task was in force, and around them those in which it may have been."""
    slack = timedelta(milliseconds=WORST_SKEW + KUBELET)
    found = []
    for start, end in world.operator.lives:
        found.append((start, end - slack, True))
    return [*found, (instant(0), instant(world.length + HOUR), False)]


def entries(world: World) -> list[Entry]:
    """Return what the timeline has."""
    found = []
    for tick, events in world.timeline.events.items():
        run = fold(events)
        assert run.state is RunState.ENDED, f"the run of {tick} never ends: {events}"
        found.append(Entry("run", str(run.run_id), tick, tick, 1, run.outcome, run.reason, run.message, run.pod))
    for span in world.timeline.spans:
        values = (span.first_at, span.last_at, span.count, span.outcome, span.reason, span.message, span.pod)
        found.append(Entry("span", str(span.id), *values))
    return found


def check_counts(world: World, found: Account) -> None:
    """Assert that the counts of rows and spans add up to the ticks."""
    assert sum(found.reasons.values()) == len(found.ticks)
    stored = len(world.timeline.events) + sum(span.count for span in world.timeline.spans)
    assert stored >= len(found.ticks)


def check_reasons(world: World, found: Account) -> None:
    """Assert that what ran is no non-run, where its pod could tell of it."""
    for tick, entry in found.ticks.items():
        if entry.word in (Reason.ALREADY_RUNNING, Reason.RUNNER_DOWN, Reason.STARTING_DEADLINE_PASSED):
            assert tick not in world.started, f"{tick} was run, and the timeline has {entry}"
