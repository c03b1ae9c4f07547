"""Makes the store ready at the start: brings it to the newest schema, once it is there. What the schema is lies in
`migrations`."""

import asyncio

import stamina
import structlog

from cronwright_api.migrations import migrate
from cronwright_api.store.database import Database, StoreUnavailable, WrongAddress

LISTEN_SECONDS = 60.0
"""How long the start waits for steps of the schema before it listens all the same, and says at /readyz that it is of no
use yet: a large table may take longer than Kubernetes would wait for a sign of life."""
_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS, _JITTER_SECONDS = 0.2, 5.0, 0.5

_log = structlog.get_logger()


async def prepare(database: Database, away: asyncio.Event) -> None:
    """Bring `database` to the newest schema, again and again where it is away, and let nobody in before. `away` is set
    as soon as it is found to be.

    Raises:
        WrongAddress: there is no use in waiting.
        UnknownStep: a newer release has written the database.
    """
    database.hold("the store can't be used: it has not been reached yet")
    said = ""
    tries = stamina.retry_context(
        on=_may_come,
        attempts=None,
        timeout=None,
        wait_initial=_FIRST_WAIT_SECONDS,
        wait_max=_LONGEST_WAIT_SECONDS,
        wait_jitter=_JITTER_SECONDS,
    )
    async for attempt in tries:
        with attempt:
            try:
                await migrate(database)
            except StoreUnavailable as error:
                database.hold(error.detail)
                away.set()
                if _may_come(error) and error.detail != said:
                    # Once for each reason; the tries go on, however long it takes
                    _log.warning("waiting for the store", detail=error.detail)
                    said = error.detail
                raise
    database.release()
    if said:
        _log.info("the store is there")


def _may_come(error: Exception) -> bool:
    return isinstance(error, StoreUnavailable) and not isinstance(error, WrongAddress)
