"""Serving: puts the parts together, and takes them apart again when the process is told to stop."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from stamina.instrumentation import set_on_retry_hooks

from cronwright_api.app import create_app
from cronwright_api.auth.identity import Identities
from cronwright_api.auth.ownership import Ownership
from cronwright_api.auth.people import People
from cronwright_api.auth.readers import Readers
from cronwright_api.auth.reporters import Reporters
from cronwright_api.cluster import Cluster, connect
from cronwright_api.housekeeping import measure, retain
from cronwright_api.metrics import Metrics, MetricsServer
from cronwright_api.preparing import LISTEN_SECONDS, prepare
from cronwright_api.readiness import Readiness
from cronwright_api.services import Services
from cronwright_api.settings import Settings
from cronwright_api.store.database import Database
from cronwright_api.store.retention import Limits
from cronwright_api.tasks.cache import TaskCache
from cronwright_api.tasks.kubernetes import TasksInKubernetes
from cronwright_api.tasks.service import TaskService
from cronwright_api.tasks.watching import watch_all
from cronwright_api.timeline.feed import Feed
from cronwright_api.tls import Certificate

STOP_SECONDS = 8
"""How long requests under way may take after SIGTERM; a pod that ends gets 30 s, and an installation waits for it."""

GOODBYE_SECONDS = 0.5
LOOPBACK = "127.0.0.1"

_log = structlog.get_logger()


async def serve(settings: Settings) -> None:
    """Bring the database to the newest schema, and serve until SIGTERM or SIGINT; where the database is away, before it
    is there, too.

    Raises:
        WrongAddress: the database's address can't be read.
        UnknownStep: a newer release has written it.
        ClusterConfigurationError: there is no Kubernetes API.
        OSError: a port is taken, or the certificate can't be used.
    """
    # What is tried again says so itself, in words and metrics of its own
    set_on_retry_hooks([])
    certificate = _certificate(settings)
    async with contextlib.AsyncExitStack() as stack:
        database = Database(settings.database_url)
        stack.push_async_callback(database.close)
        away = asyncio.Event()
        preparing, missing = asyncio.create_task(prepare(database, away)), asyncio.create_task(away.wait())
        stack.push_async_callback(_end, [preparing, missing])
        # Where all is well nobody gets in before the store is there
        await asyncio.wait({preparing, missing}, timeout=LISTEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        _raise_of(preparing)
        cluster = await connect()
        stack.push_async_callback(cluster.close)
        metrics = Metrics()
        stack.callback(MetricsServer(metrics, settings.metrics_host, settings.metrics_port).stop)
        cache = TaskCache(settings.scopes)
        metrics.follow(lambda: len(cache), cache.age_seconds)
        feed = Feed(database)
        metrics.follow_listeners(lambda: feed.listeners)
        limits = Limits(settings.retention_days, settings.retention_rows)
        beside = [
            asyncio.create_task(retain(database, limits, settings.retention_interval_seconds, metrics)),
            asyncio.create_task(measure(database, metrics)),
            asyncio.create_task(watch_all(cluster, cache, metrics)),
            asyncio.create_task(feed.run()),
        ]
        if certificate:
            beside.append(asyncio.create_task(certificate.follow(settings.tls_interval_seconds)))
        stack.push_async_callback(_end, beside)
        services = _services(settings, database, feed, cluster, cache, metrics)
        await _serve_until_told(settings, services, certificate, beside, preparing)
        _raise_of(preparing)


def _raise_of(preparing: asyncio.Task[None]) -> None:
    if preparing.done():
        preparing.result()


def _certificate(settings: Settings) -> Certificate | None:
    if not settings.tls_certificate_file:
        return None
    return Certificate(Path(settings.tls_certificate_file), Path(settings.tls_key_file))


def _services(
    settings: Settings, database: Database, feed: Feed, cluster: Cluster, cache: TaskCache, metrics: Metrics
) -> Services:
    readers = Readers(cluster)
    return Services(
        database=database,
        feed=feed,
        readers=readers,
        tasks=TaskService(cache, TasksInKubernetes(cluster), readers, People(cluster), settings.first_namespace),
        reporters=Reporters(Identities(cluster), Ownership(cluster, cache.namespace_of), settings.operator_account),
        readiness=Readiness(database, cluster, cache),
        metrics=metrics,
        trusted_networks=settings.trusted_networks,
    )


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn would raise the signal again at its end, which ends the process before the database is closed
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        leaving = asyncio.create_task(self._leave_silent_callers())
        try:
            await super().shutdown(sockets)
        finally:
            leaving.cancel()

    async def _leave_silent_callers(self) -> None:
        """Cut connections that are closed and told all: a caller that only keeps one does not answer TLS's goodbye, and
        would be waited for until the end."""
        while True:
            await asyncio.sleep(GOODBYE_SECONDS)
            for connection in list(self.server_state.connections):
                transport = connection.transport
                if transport.is_closing() and not transport.get_write_buffer_size():
                    transport.abort()


def _server(app: FastAPI, host: str, port: int, tls: ssl.SSLContext | None) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            ssl_context_factory=(lambda _, __: tls) if tls else None,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


async def _serve_until_told(
    settings: Settings,
    services: Services,
    certificate: Certificate | None,
    beside: list[asyncio.Task[None]],
    preparing: asyncio.Task[None],
) -> None:
    app = create_app(services)
    servers = [_server(app, settings.listen_host, settings.listen_port, certificate.context if certificate else None)]
    if settings.loopback_port:
        # Who gets here is in the pod already, or was let in by the Kubernetes API, through a tunnel of TLS
        servers.append(_server(app, LOOPBACK, settings.loopback_port, None))

    def stop() -> None:
        for server in servers:
            server.should_exit = True
        # Streams end by themselves then, and their readers find another replica
        services.feed.close()

    def beside_ended(task: asyncio.Task[None]) -> None:
        # None of these tasks ends by itself, so this is a defect: better a restart than a disk that fills in silence
        if not task.cancelled():
            _log.error("housekeeping ended", exc_info=task.exception())
            stop()

    def prepared(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception():
            stop()

    preparing.add_done_callback(prepared)
    for task in beside:
        task.add_done_callback(beside_ended)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    _log.info(
        "serving",
        host=settings.listen_host,
        port=settings.listen_port,
        tls=certificate is not None,
        loopback_port=settings.loopback_port,
        metrics_port=settings.metrics_port,
    )
    await asyncio.gather(*(server.serve() for server in servers))
    _log.info("stopped")


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
