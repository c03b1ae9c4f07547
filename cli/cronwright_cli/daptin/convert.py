"""Decides what the tasks of a Daptin schema become together: manifests, notes about what changed, and refusals.

What is said of Daptin here and in `task` and `schedule` was read in its source: server/resource/task_scheduler.go
(robfig/cron v3 with its defaults: five fields, the server's time zone, a run starts though another goes on),
server/task/task.go (the properties), and UpdateTasksData (a property that is unset is false, a later task of the same
name replaces the earlier one).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cronwright.words import resource_name
from cronwright_cli.daptin.notes import Note
from cronwright_cli.daptin.properties import NotConvertible
from cronwright_cli.daptin.schema import Schema
from cronwright_cli.daptin.task import ConvertedTask, convert_task
from cronwright_cli.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Conversion:
    """The manifests of the tasks that could be converted, by name in the file's order, the notes, and the refusals."""

    manifests: Mapping[str, Manifest]
    notes: tuple[Note, ...]
    refusals: tuple[NotConvertible, ...]


def convert(schema: Schema, namespace: str | None, time_zone: str | None) -> Conversion:
    """Return what the tasks of `schema` become.

    `namespace` goes into metadata, where None leaves it to kubectl. `time_zone` is the zone of Daptin's server, for
    cron lines and presets; None leaves them in Etc/UTC. An unknown one is a refusal of each task that would get it.
    """
    converted: dict[str, ConvertedTask] = {}
    refusals: list[NotConvertible] = []
    notes: list[Note] = []
    owners: dict[str, str] = {}
    for raw in schema.tasks:
        try:
            task = convert_task(raw, namespace, time_zone)
            resource = resource_name(task.name)
            if owners.setdefault(resource, task.original_name) != task.original_name:
                raise NotConvertible(
                    f"task {raw.place} ({task.original_name})",
                    "Name",
                    f"becomes metadata.name {resource}, which task {owners[resource]!r} has already",
                    "give one of the two another name",
                )
        except NotConvertible as refusal:
            refusals.append(refusal)
            continue
        if task.name in converted:
            notes.append(Note(task.name, "Name", "is there more than once; the last one counts, as in Daptin"))
        converted[task.name] = task
    notes = [note for task in converted.values() for note in task.notes] + notes
    manifests = {name: task.manifest for name, task in converted.items()}
    return Conversion(manifests, (*notes, *_notes_of_file(schema, manifests)), tuple(refusals))


def _notes_of_file(schema: Schema, manifests: Mapping[str, Manifest]) -> list[Note]:
    notes = []
    if manifests:
        notes.append(
            Note(
                "",
                "concurrencyPolicy",
                "Daptin starts a run though the last one goes on; here a run waits for it, up to"
                " startingDeadlineSeconds (Forbid); write Allow where Daptin's way is wanted",
            )
        )
    if schema.other_sections:
        notes.append(Note("", ", ".join(schema.other_sections), "not converted; only Tasks are"))
    return notes
