"""Notes: what a conversion changed or could not keep, told once for all the tasks that it is about."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One change: the task's name (empty when it is about the whole file), the property, why, and before → after."""

    task: str
    property: str
    sentence: str
    change: str = ""


def tell(notes: Sequence[Note], tasks: Sequence[str]) -> list[str]:
    """Return one line for each property and sentence, in the order of their first note.

    `tasks` are the names of all that were converted, so that a note about each of them says so instead of listing them.
    """
    groups: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        groups.setdefault((note.property, note.sentence), []).append(note)
    return [_line(property_name, sentence, group, tasks) for (property_name, sentence), group in groups.items()]


def _line(property_name: str, sentence: str, group: Sequence[Note], tasks: Sequence[str]) -> str:
    names = list(dict.fromkeys(note.task for note in group if note.task))
    if not names:
        about = ""
    elif len(tasks) > 1 and set(tasks) <= set(names):
        about = f" of all {len(tasks)} tasks"
    else:
        about = f" of {', '.join(names)}"
    changes = ", ".join(note.change for note in group if note.change)
    return f"{property_name}{about}: {sentence}{f' ({changes})' if changes else ''}"
