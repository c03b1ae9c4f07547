"""/healthz and /metrics as the kubelet and Prometheus ask for them: over HTTP, from a running server."""

import asyncio

import httpx
import pytest

from cronwright_operator import health
from cronwright_operator.observe import Key
from cronwright_operator.queue import KeyedQueue

SOME_TASK = Key("team-a", "mail-sync")


class Clock:
    """Seconds, moved by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def ask(queue: KeyedQueue[Key], *paths: str) -> list[httpx.Response]:
    """Serve the queue's health and return the answers at `paths`."""
    runner = await health.serve(queue, port=0)
    try:
        # IPv4 and IPv6 each get a free port of their own
        port = next(port for host, port, *_ in runner.addresses if host == "0.0.0.0")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            return [await client.get(path) for path in paths]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("case", "waited", "status"),
    [
        ("a Task that has just become due", 0.0, 200),
        ("a Task that has waited for a busy minute", 60.0, 200),
        ("a Task that nobody takes", health.LONGEST_HEALTHY_WAIT_SECONDS + 1, 503),
    ],
)
def test_healthz_fails_when_the_queue_stalls(case: str, waited: float, status: int) -> None:
    clock = Clock()
    queue = KeyedQueue[Key](clock)
    queue.add(SOME_TASK)
    clock.now += waited
    (answer,) = asyncio.run(ask(queue, "/healthz"))
    assert answer.status_code == status, case


def test_healthz_fails_when_a_worker_hangs() -> None:
    clock = Clock()

    async def hang() -> httpx.Response:
        queue = KeyedQueue[Key](clock)
        queue.add(SOME_TASK)
        assert await queue.get() == SOME_TASK
        clock.now += health.LONGEST_HEALTHY_WAIT_SECONDS + 1
        return (await ask(queue, "/healthz"))[0]

    answer = asyncio.run(hang())
    assert answer.status_code == 503
    assert "has waited for 121 s" in answer.text


def test_a_task_that_is_due_later_is_no_stall() -> None:
    clock = Clock()
    queue = KeyedQueue[Key](clock)
    queue.add(SOME_TASK, delay=3600)
    clock.now += 600
    (answer,) = asyncio.run(ask(queue, "/healthz"))
    assert answer.status_code == 200


def test_metrics_tell_of_the_queue() -> None:
    clock = Clock()
    queue = KeyedQueue[Key](clock)
    queue.add(SOME_TASK)
    clock.now += 7
    (answer,) = asyncio.run(ask(queue, "/metrics"))
    assert "cronwright_queue_depth 1.0" in answer.text
    assert "cronwright_queue_longest_wait_seconds 7.0" in answer.text
