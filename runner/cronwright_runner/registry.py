"""Finds actions by name: built-in ones in a table, those of other packages by entry-point group `cronwright.actions`.

The table spares a built-in action the reading of every package's metadata, which takes longer than all else before its
start. A built-in name always means the built-in action: a package can't take it over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Listed:
    """A registered action: where it is, which distribution brings it, its summary, a note where it can't be used."""

    name: str
    target: str
    distribution: str
    summary: str
    note: str = ""


def find(name: str) -> str:
    """Return where the action `name` is, as `module:function`, without importing it.

    Raises:
        UnknownAction: none is registered under that name, or several packages claim it.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    registered = _entry_points()
    targets = sorted({entry_point.value for entry_point in registered if entry_point.name == name})
    if not targets:
        known = ", ".join(sorted({*BUILT_IN, *(entry_point.name for entry_point in registered)}))
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


def listed() -> list[Listed]:
    """Return all registered actions, sorted by name. Imports them: a summary is the first line of a docstring."""
    entries = dict.fromkeys(BUILT_IN.items(), "cronwright")
    for entry_point in _entry_points():
        entries.setdefault((entry_point.name, entry_point.value), entry_point.dist.name if entry_point.dist else "?")
    names = [name for name, _ in entries]
    return [_listed(name, target, distribution, names) for (name, target), distribution in sorted(entries.items())]


def _listed(name: str, target: str, distribution: str, names: list[str]) -> Listed:
    note = ""
    if name in BUILT_IN and BUILT_IN[name] != target:
        note = "never used: the name is a built-in action's"
    elif name not in BUILT_IN and names.count(name) > 1:
        note = "can't be used: several packages claim the name"
    try:
        summary = (load(target).__doc__ or "").strip().partition("\n")[0]
    except (ImportError, AttributeError) as error:
        return Listed(name, target, distribution, "", f"can't be imported: {error}")
    return Listed(name, target, distribution, summary, note)


def _entry_points() -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))
