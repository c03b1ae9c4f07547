"""The operator's own small HTTP server: /healthz fails when the queue stalls, /metrics is for Prometheus."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cronwright_operator.metrics import QUEUE_DEPTH, QUEUE_WAIT_SECONDS
from cronwright_operator.observe import Key
from cronwright_operator.queue import KeyedQueue

LONGEST_HEALTHY_WAIT_SECONDS = 120.0
"""A Task that is due waits this long only when workers hang: a write times out after 30 s."""


async def serve(queue: KeyedQueue[Key], port: int) -> web.AppRunner:
    """Serve on `port` (0 takes a free one) until the returned runner is cleaned up."""
    QUEUE_DEPTH.set_function(queue.depth)
    QUEUE_WAIT_SECONDS.set_function(queue.longest_wait)

    async def healthz(_: web.Request) -> web.Response:
        waited = queue.longest_wait()
        if waited > LONGEST_HEALTHY_WAIT_SECONDS:
            return web.Response(status=503, text=f"a Task has waited for {waited:.0f} s\n")
        return web.Response(text="ok\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
