"""Finds actions by name: built-in ones in a table, those of other packages by entry-point group `cronwright.actions`.

The table spares a built-in action the reading of every package's metadata, which takes longer than all else before its
start. A built-in name always means the built-in action: a package can't take it over.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, cast

from cronwright_runner.context import Context
from cronwright_runner.errors import UnknownAction

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "cronwright.actions"
BUILT_IN = {
    "command": "cronwright_runner.actions.command:run",
    "http": "cronwright_runner.actions.http:run",
}
"""Name → module:function, the same as the entry points of this distribution; a test holds them together."""

Action = Callable[[Context], object]


@cache
def find(name: str) -> str:
    """Return where the action `name` is, as `module:function`, without importing it.

    Raises:
        UnknownAction: none is registered under that name, or several packages claim it.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    entry_points = registered()
    targets = sorted({entry_point.value for entry_point in entry_points if entry_point.name == name})
    if not targets:
        known = ", ".join(sorted({*BUILT_IN, *(entry_point.name for entry_point in entry_points)}))
        raise UnknownAction(f"no action is named {name!r}; this image knows {known}")
    if len(targets) > 1:
        raise UnknownAction(
            f"action {name!r} is claimed by {' and by '.join(targets)}; install only one of the packages"
        )
    return targets[0]


def load(target: str) -> Action:
    """Import and return the action at `target`, which `find` gave."""
    module, _, attributes = target.partition(":")
    found: object = import_module(module)
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return cast(Action, found)


def registered() -> list[EntryPoint]:
    """Return the entry points of all packages, the built-in actions' own among them."""
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))
