"""Imports an action before its first run, so that each tick's process, made from this one, finds it there.

Whether a run can be made without it is decided at that run.
"""

import logging
from importlib import import_module

from cronwright_runner import registry
from cronwright_runner.errors import UnknownAction

log = logging.getLogger("cronwright.runner")


def warm_up(action_name: str) -> None:
    """Import the action and all that it needs when it runs; log what is in the way."""
    try:
        action = registry.load(registry.find(action_name))
        for module in getattr(import_module(action.__module__), "IMPORTED_WHEN_RUN", ()):
            import_module(module)
    except UnknownAction as error:
        log.error("each run is going to fail: %s", error)
    except (Exception, SystemExit):
        # Each tick's own process tries again, and says on the timeline what it met
        log.exception("action %s can't be imported, so each run is going to fail", action_name)
