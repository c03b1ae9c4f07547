"""The operator's program: settings in, everything wired together, until it is told to stop."""

import argparse
import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib.metadata import version

import kopf
import structlog
from pydantic import ValidationError

from cronwright.plan.choose import LoopSettings
from cronwright_operator import health, logs
from cronwright_operator.apply import Writer
from cronwright_operator.authority import Authority
from cronwright_operator.follow import Follower, TimelineReader
from cronwright_operator.handlers import operator_settings, registry
from cronwright_operator.kubernetes import Kubernetes, own_namespace
from cronwright_operator.native import takes_every
from cronwright_operator.observe import Key, Observed
from cronwright_operator.queue import KeyedQueue
from cronwright_operator.reconcile import Reconciler, utc_now
from cronwright_operator.settings import Settings
from cronwright_operator.timeline import Timeline

log = structlog.get_logger(__name__)

COLLECT_AFTER_OBJECTS = 10_000
"""How many more objects made than freed let the garbage collector look; Python's 700 are a few documents of JSON."""

Connect = Callable[[int], Awaitable[Kubernetes]]


def main(arguments: list[str] | None = None) -> None:
    """Run the operator; exit with 2 where a setting is wrong."""
    parser = argparse.ArgumentParser(
        prog="cronwright-operator",
        description="Turns Tasks into CronJobs. Settings are environment variables with the prefix CRONWRIGHT_:",
        epilog="\n".join(
            f"CRONWRIGHT_{name.upper()}: {field.description}" for name, field in Settings.model_fields.items()
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version("cronwright"))
    parser.parse_args(arguments)
    try:
        settings = Settings()
    except ValidationError as error:
        for mistake in error.errors():
            print(f"CRONWRIGHT_{str(mistake['loc'][0]).upper()}: {mistake['msg']}; see --help", file=sys.stderr)
        sys.exit(2)
    logs.configure(settings.log_format, settings.log_level)
    _spare_the_garbage_collector()
    asyncio.run(serve(settings))


def _spare_the_garbage_collector() -> None:
    """Every few Tasks it would look through all that imports made, which stays, and what a Task makes has no cycles: it
    took a sixth of a Task's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)


async def serve(settings: Settings, connect: Connect = Kubernetes.connect) -> None:
    """Reconcile until SIGTERM or SIGINT."""
    kubernetes = await connect(settings.workers)
    authority = Authority(settings.api_ca_file)
    timeline = Timeline(settings.api_url, settings.token_path, authority)
    observed, queue = Observed(), KeyedQueue[Key]()
    reader = TimelineReader(settings.api_url, settings.reader_token_path, authority) if settings.api_url else None
    follower = Follower(reader, timeline, observed, queue, utc_now)
    writer = Writer(kubernetes, timeline, observed)
    server = await health.serve(queue, settings.http_port)
    try:
        loops = await _loops(kubernetes, settings)
        runner = settings.runner(authority.certificates)
        reconciler = Reconciler(
            kubernetes, observed, queue, writer, follower, runner, loops, settings.namespace_names()
        )
        # Before the first decision everything is known: a Task seen without its CronJob would be made one.
        await reconciler.first_pass()
        log.info("watches", tasks=len(observed.tasks.objects), namespaces=settings.namespace_names() or "all")
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(reconciler.work()) for _ in range(settings.workers)]
            helpers.append(group.create_task(reconciler.pass_regularly(settings.full_pass_seconds)))
            helpers.append(group.create_task(follower.follow()))
            helpers.append(
                group.create_task(authority.follow(lambda: reconciler.use(settings.runner(authority.certificates))))
            )
            await kopf.operator(
                registry=registry(observed, queue),
                settings=operator_settings(clusterwide=not settings.namespace_names()),
                standalone=True,
                clusterwide=not settings.namespace_names(),
                namespaces=settings.namespace_names(),
            )
            for helper in helpers:
                helper.cancel()
    finally:
        await server.cleanup()
        await timeline.close()
        if reader:
            await reader.close()
        await kubernetes.close()


async def _loops(kubernetes: Kubernetes, settings: Settings) -> LoopSettings:
    loops = settings.loops()
    if not loops.native_every:
        return loops
    namespace = next(iter(settings.namespace_names()), None) or own_namespace()
    return replace(loops, native_every=await takes_every(kubernetes, namespace, settings.runner_image))
