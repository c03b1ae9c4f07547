"""What the API does beside its requests: retention, and the size of the database for the metrics."""

import asyncio
from datetime import UTC, datetime

import structlog

from cronwright_api.errors import Unavailable
from cronwright_api.metrics import Metrics
from cronwright_api.store.database import Database
from cronwright_api.store.retention import Limits, apply_retention

SIZE_SECONDS = 30.0
"""How old the size in the metrics may be."""

_log = structlog.get_logger()


async def retain(database: Database, limits: Limits, interval_seconds: float, metrics: Metrics) -> None:
    """Apply retention now and every `interval_seconds`, until cancelled. A store that is away is met again the next
    time."""
    await database.opened()
    while True:
        try:
            deleted = await apply_retention(database, limits, datetime.now(UTC))
        except Unavailable as error:
            metrics.store_errors.inc()
            _log.warning("retention can't be applied", detail=error.detail)
        else:
            metrics.deleted.labels("event").inc(deleted.events)
            metrics.deleted.labels("run").inc(deleted.runs)
            metrics.retained_at.set_to_current_time()
            if deleted.events or deleted.runs:
                _log.info("retention applied", events=deleted.events, runs=deleted.runs)
        await asyncio.sleep(interval_seconds)


async def measure(database: Database, metrics: Metrics) -> None:
    """Keep the size of the database in the metrics, until cancelled."""
    await database.opened()
    while True:
        try:
            size = await database.size_bytes()
        except Unavailable as error:
            _log.warning("the size of the store can't be read", detail=error.detail)
        else:
            if size is not None:
                metrics.database_bytes.set(size)
        await asyncio.sleep(SIZE_SECONDS)
