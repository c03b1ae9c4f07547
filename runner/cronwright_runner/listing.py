"""Lists the registered actions for people, with what is wrong with those that can't be used."""

from dataclasses import dataclass

from cronwright_runner.registry import BUILT_IN, load, registered


@dataclass(frozen=True, slots=True)
class Listed:
    """A registered action: where it is, which distribution brings it, its summary, a note where it can't be used."""

    name: str
    target: str
    distribution: str
    summary: str
    note: str = ""


def listed() -> list[Listed]:
    """Return all registered actions, sorted by name. Imports them: a summary is the first line of a docstring."""
    entries = dict.fromkeys(BUILT_IN.items(), "cronwright")
    for entry_point in registered():
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
