"""The keyed queue, by a clock of the test's own: who comes when, once, and never to two workers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cronwright_operator.queue import FIRST_BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS, KeyedQueue


@dataclass
class Bench:
    """A queue and its clock."""

    now: float = 1000.0
    queue: KeyedQueue[str] = field(init=False)

    def __post_init__(self) -> None:
        self.queue = KeyedQueue(clock=lambda: self.now)

    async def due(self) -> list[str]:
        """Take every key that is due now."""
        taken = []
        while (key := await self.next()) is not None:
            taken.append(key)
        return taken

    async def next(self) -> str | None:
        """Take the next key, or None where none is due."""
        getting = asyncio.create_task(self.queue.get())
        for _ in range(5):
            await asyncio.sleep(0)
        if getting.done():
            return getting.result()
        getting.cancel()
        return None


async def once(bench: Bench) -> None:
    bench.queue.add("a")
    bench.queue.add("a")
    assert await bench.due() == ["a"]


async def in_their_order(bench: Bench) -> None:
    for key in ("b", "a", "c"):
        bench.queue.add(key)
    assert await bench.due() == ["b", "a", "c"]


async def not_before_its_delay(bench: Bench) -> None:
    bench.queue.add("a", 5)
    assert await bench.due() == []
    bench.now += 4.9
    assert await bench.due() == []
    bench.now += 0.1
    assert await bench.due() == ["a"]


async def sooner_wins(bench: Bench) -> None:
    bench.queue.add("a", 60)
    bench.queue.add("a", 1)
    bench.queue.add("a", 30)
    bench.now += 1
    assert await bench.due() == ["a"]
    bench.queue.done("a")
    bench.now += 100
    assert await bench.due() == [], "the later dates were dropped"


async def one_worker_per_key(bench: Bench) -> None:
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    bench.queue.add("a")
    assert await bench.due() == [], "it is being worked on"
    bench.queue.done("a")
    assert await bench.due() == ["a"]


async def a_delay_counts_while_it_is_worked_on(bench: Bench) -> None:
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    bench.queue.add("a", 5)
    bench.queue.add("a", 9)
    bench.now += 3
    bench.queue.done("a")
    assert await bench.due() == []
    bench.now += 2
    assert await bench.due() == ["a"]


async def again_after_a_while(bench: Bench) -> None:
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    bench.queue.done("a", again_in=7)
    assert await bench.due() == []
    bench.now += 7
    assert await bench.due() == ["a"]


async def an_event_comes_before_again(bench: Bench) -> None:
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    bench.queue.done("a", again_in=3600)
    bench.queue.add("a")
    assert await bench.due() == ["a"]


async def back_off_doubles_up_to_a_minute(bench: Bench) -> None:
    pauses = []
    bench.queue.add("a")
    for failures in range(1, 12):
        assert await bench.due() == ["a"]
        assert bench.queue.failed("a") == failures
        start = bench.now
        pause = min(FIRST_BACK_OFF_SECONDS * 2 ** (failures - 1), LONGEST_BACK_OFF_SECONDS)
        bench.now = start + pause - 0.01
        assert await bench.due() == []
        bench.now = start + pause
        pauses.append(pause)
    assert pauses[:4] == [0.5, 1, 2, 4]
    assert pauses[-1] == 60


async def a_success_forgets_failures(bench: Bench) -> None:
    bench.queue.add("a")
    for _ in range(5):
        assert await bench.due() == ["a"]
        bench.queue.failed("a")
        bench.now += LONGEST_BACK_OFF_SECONDS
    assert await bench.due() == ["a"]
    bench.queue.done("a")
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    assert bench.queue.failed("a") == 1


async def an_event_meanwhile_does_not_cut_a_back_off_short(bench: Bench) -> None:
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    bench.queue.add("a")
    bench.queue.failed("a")
    assert await bench.due() == []
    bench.now += FIRST_BACK_OFF_SECONDS
    assert await bench.due() == ["a"]
    bench.queue.done("a")
    assert await bench.due() == [], "the event is answered, too"


async def others_do_not_wait_for_a_failing_one(bench: Bench) -> None:
    bench.queue.add("a")
    assert await bench.due() == ["a"]
    bench.queue.failed("a")
    bench.queue.add("b")
    assert await bench.due() == ["b"]


async def what_it_tells_of_itself(bench: Bench) -> None:
    assert (bench.queue.depth(), bench.queue.longest_wait()) == (0, 0)
    bench.queue.add("a")
    bench.queue.add("b", 10)
    bench.now += 4
    assert (bench.queue.depth(), bench.queue.longest_wait()) == (1, 4)
    assert await bench.due() == ["a"]
    bench.now += 200
    assert bench.queue.longest_wait() == 200, "a worker that hangs shows"
    assert bench.queue.depth() == 1
    bench.queue.done("a")
    assert bench.queue.longest_wait() == 194


async def an_idle_worker_is_woken(bench: Bench) -> None:
    workers = [asyncio.create_task(bench.queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    bench.queue.add("a")
    bench.queue.add("b")
    assert sorted(await asyncio.wait_for(asyncio.gather(*workers), 5)) == ["a", "b"]


CASES: list[Callable[[Bench], Awaitable[None]]] = [
    once,
    in_their_order,
    not_before_its_delay,
    sooner_wins,
    one_worker_per_key,
    a_delay_counts_while_it_is_worked_on,
    again_after_a_while,
    an_event_comes_before_again,
    back_off_doubles_up_to_a_minute,
    a_success_forgets_failures,
    an_event_meanwhile_does_not_cut_a_back_off_short,
    others_do_not_wait_for_a_failing_one,
    what_it_tells_of_itself,
    an_idle_worker_is_woken,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_queue(case: Callable[[Bench], Awaitable[None]]) -> None:
    async def play() -> None:
        await case(Bench())

    asyncio.run(play())


steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "take", "done", "again", "failed", "wait"]),
        st.sampled_from("abc"),
        st.floats(0, 70, allow_nan=False),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(steps)
def test_no_key_is_lost_and_none_is_taken_twice(history: list[tuple[str, str, float]]) -> None:
    async def play() -> None:
        bench = Bench()
        working: set[str] = set()
        owed: set[str] = set()
        for step, key, seconds in history:
            match step:
                case "add":
                    bench.queue.add(key, seconds)
                    owed.add(key)
                case "take":
                    if taken := await bench.next():
                        assert taken not in working
                        working.add(taken)
                        owed.discard(taken)
                case "done" if key in working:
                    bench.queue.done(key)
                    working.remove(key)
                case "again" if key in working:
                    bench.queue.done(key, again_in=seconds)
                    working.remove(key)
                    owed.add(key)
                case "failed" if key in working:
                    bench.queue.failed(key)
                    working.remove(key)
                    owed.add(key)
                case "wait":
                    bench.now += seconds
        for key in working:
            bench.queue.done(key)
        bench.now += 100
        assert set(await bench.due()) == owed

    asyncio.run(play())
