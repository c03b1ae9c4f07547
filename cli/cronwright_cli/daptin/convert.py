"""Decides what a Daptin task becomes: a Task manifest and notes about what changed, or a sentence why it can't.

What is said of Daptin here was read in its source: server/resource/task_scheduler.go (robfig/cron v3 with its
defaults: five fields, the server's time zone, a run starts though another goes on), server/task/task.go (the
properties), and UpdateTasksData (a property that is unset is false, a later task of the same name replaces the earlier
one).
"""

import difflib
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import API_VERSION, KIND
from cronwright.reasons import EXPLANATIONS, Reason
from cronwright.schedule import grammar
from cronwright.schedule.errors import ScheduleError
from cronwright.task import DEFAULT_TIME_ZONE
from cronwright.words import BY_DAPTIN, FIELDS, LONGEST_NAME, is_name, resource_name
from cronwright_cli.daptin.notes import Note
from cronwright_cli.daptin.schema import RawTask, Schema

Manifest = dict[str, JSON]

# The limits of crds/task.yaml
LONGEST_LABEL = 253
LONGEST_WORD = 120
LARGEST_ATTRIBUTES = 64 * 1024  # bytes
HASH_DIGITS = 8  # hexadecimal; 32 bits tell the shortened names of one file apart
SHORTEST_INTERVAL = 60  # seconds; below it a Task needs a loop
_WORD = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?")
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&*+/=?^_{|}~-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)
_ZONE_PREFIX = re.compile(r"\s*(?:CRON_)?TZ=(\S*)\s+(.*)", re.DOTALL)

_DATABASE_PROPERTIES = ("Id", "ReferenceId", "AsUserReferenceId", "AttributesJson")
_KNOWN = (*BY_DAPTIN, "JobType", *_DATABASE_PROPERTIES)


class NotConvertible(ValueError):
    """A task that can't become a Task: which one, which property, what is wrong and what to write instead."""

    def __init__(self, task: str, property_name: str, problem: str, remedy: str) -> None:
        self.task, self.property = task, property_name
        super().__init__(f"{task}: {property_name} {problem}; {remedy}")


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
    manifests: dict[str, Manifest] = {}
    notes: dict[str, list[Note]] = {}
    refusals: list[NotConvertible] = []
    taken: dict[str, str] = {}
    for raw in schema.tasks:
        try:
            task = _Task(raw, namespace, time_zone)
            resource = resource_name(task.name)
            if taken.setdefault(resource, task.original_name) != task.original_name:
                raise NotConvertible(
                    task.title,
                    "Name",
                    f"becomes metadata.name {resource}, which task {taken[resource]!r} has already",
                    "give one of the two another name",
                )
        except NotConvertible as refusal:
            refusals.append(refusal)
            continue
        if task.name in manifests:
            task.note("Name", "is there more than once; the last one counts, as in Daptin")
        manifests[task.name] = task.manifest
        notes[task.name] = task.notes
    told = [note for of_task in notes.values() for note in of_task]
    return Conversion(manifests, (*told, *_notes_of_file(schema, manifests)), tuple(refusals))


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


class _Task:
    """One task on its way: reads the properties one after the other, and collects the manifest and the notes."""

    def __init__(self, raw: RawTask, namespace: str | None, time_zone: str | None) -> None:
        self.title = f"task {raw.place}"
        if raw.refusal is not None:
            raise NotConvertible(self.title, raw.refusal.path, raw.refusal.problem, raw.refusal.remedy)
        self.notes: list[Note] = []
        self._unknown: list[str] = []
        self._properties = self._known(raw.properties)
        self.original_name = self._required("Name", "write a name that is unique among the tasks, such as daily_report")
        self.title = f"task {raw.place} ({self.original_name})"
        self.name = self._name()
        found: dict[str, JSON] = {"label": self._label(), **self._schedule(time_zone)}
        found["actionName"] = self._word(
            "ActionName", self._required("ActionName", "write the action to run, such as export_data")
        )
        entity = self._text("EntityName")
        found["entityName"] = None if not entity else self._word("EntityName", entity)
        found["attributes"] = self._attributes()
        found["asUserEmail"] = self._user()
        found["isActive"] = self._active()
        self._note_the_rest(raw.properties)
        resource = resource_name(self.name)
        if resource != self.name:
            found["name"] = self.name
            self.note("Name", "metadata.name can't hold it, so spec.name does", f"{self.name} → {resource}")
        metadata: dict[str, JSON] = {"name": resource}
        if namespace is not None:
            metadata["namespace"] = namespace
        spec = {field.resource: found[field.resource] for field in FIELDS if found.get(field.resource) is not None}
        self.manifest: Manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}

    def note(self, property_name: str, sentence: str, change: str = "") -> None:
        self.notes.append(Note(getattr(self, "name", self.title), property_name, sentence, change))

    def _refuse(self, property_name: str, problem: str, remedy: str) -> NotConvertible:
        return NotConvertible(self.title, property_name, problem, remedy)

    def _known(self, written: JSONObject) -> dict[str, JSON]:
        """The properties in Daptin's spelling; Go takes them in any case."""
        spellings = {known.lower(): known for known in _KNOWN}
        found: dict[str, JSON] = {}
        for key, value in written.items():
            known = spellings.get(key.lower())
            if known is None:
                self._unknown.append(key)
            elif known in found:
                raise self._refuse(known, f"is there in two spellings, one of them {key}", "leave one of them")
            else:
                found[known] = value
        return found

    def _text(self, key: str) -> str | None:
        value = self._properties.get(key)
        if value is not None and not isinstance(value, str):
            raise self._refuse(
                key, f"is {json.dumps(value)} and not a string", f'write it in quotes, such as {key}: "{_shown(value)}"'
            )
        return value

    def _required(self, key: str, remedy: str) -> str:
        value = self._text(key)
        if value:
            return value
        meant = [other for other in self._unknown if _close(other) == key]
        raise (
            self._refuse(key, f"is missing, but there is {meant[0]}", f"write {key}: in its place")
            if meant
            else self._refuse(key, "is missing", remedy)
        )

    def _name(self) -> str:
        if is_name(self.original_name):
            return self.original_name
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", self.original_name).strip("_.-")
        if not name:
            raise self._refuse(
                "Name",
                "has no letter from A to Z and no digit",
                "write a name such as daily_report and put this one into Label",
            )
        if len(name) > LONGEST_NAME:
            digest = hashlib.sha256(self.original_name.encode()).hexdigest()[:HASH_DIGITS]
            name = f"{name[: LONGEST_NAME - HASH_DIGITS - 1].rstrip('_.-')}_{digest}"
        self.name = name
        self.note(
            "Name",
            f"a name has at most {LONGEST_NAME} letters, digits, - _ and dots, with a letter or digit at both ends",
            f"{self.original_name} → {name}",
        )
        return name

    def _label(self) -> str | None:
        label = self._text("Label")
        if not label and self.name != self.original_name:
            self.note("Label", "unset, so it takes the name as it was", self.original_name)
            label = self.original_name
        if label and len(label) > LONGEST_LABEL:
            raise self._refuse("Label", f"has {len(label)} characters", f"write at most {LONGEST_LABEL}")
        return label or None

    def _schedule(self, time_zone: str | None) -> dict[str, JSON]:
        text = self._required("Schedule", 'write when the task runs, such as Schedule: "@daily"')
        zoned = _ZONE_PREFIX.fullmatch(text)
        own_zone = None
        if zoned is not None:
            own_zone, text = zoned.groups()
        try:
            schedule = grammar.parse(text)
            if isinstance(schedule, grammar.Every):
                self._note_interval(schedule.seconds, own_zone)
                return {"schedule": text.strip()}
            if isinstance(schedule, grammar.Manual):
                return {"schedule": text.strip()}
            zone = own_zone or time_zone
            grammar.check_time_zone(schedule, zone)
        except ScheduleError as error:
            raise self._refuse(
                "Schedule" if error.field == "schedule" else "the time zone",
                f"can't be kept: {error.problem}",
                _remedy(error),
            ) from error
        if own_zone is not None:
            self.note("Schedule", "the time zone in it becomes timeZone", f"{self.name} {own_zone}")
        elif time_zone is not None:
            self.note("Schedule", f"read in {time_zone}, as --time-zone says")
        else:
            self.note(
                "Schedule",
                f"Daptin reads it in the time zone of its server, this Task in {DEFAULT_TIME_ZONE}; give --time-zone"
                " where that is another",
            )
        return {"schedule": text.strip(), "timeZone": zone}

    def _note_interval(self, seconds: int, zone: str | None) -> None:
        if zone is not None:
            self.note("Schedule", "a time zone has no effect on @every and is left out", zone)
        self.note(
            "Schedule",
            "Daptin counts @every from its own start, this Task in whole multiples from midnight UTC on 1 January 1970",
        )
        if seconds < SHORTEST_INTERVAL:
            explanation = EXPLANATIONS[Reason.LOOP_NOT_SUPPORTED]
            self.note(
                "Schedule",
                f"{explanation.sentence[:-1]}, so the Task will be Stalled; {explanation.remedy[:-1].lower()}",
            )

    def _word(self, key: str, value: str) -> str:
        if len(value) > LONGEST_WORD or _WORD.fullmatch(value) is None:
            raise self._refuse(
                key,
                f"is {value!r}",
                f"write letters, digits, - _ and . only, at most {LONGEST_WORD}, such as"
                f" {'export_data' if key == 'ActionName' else 'mail_server'}",
            )
        return value

    def _attributes(self) -> JSONObject | None:
        value = self._properties.get("Attributes")
        if isinstance(value, str):
            try:
                value = cast(JSON, json.loads(value))
            except json.JSONDecodeError as error:
                raise self._refuse(
                    "Attributes", "is a string that holds no JSON", "write an object, such as {format: json}"
                ) from error
            self.note("Attributes", "the JSON in the string becomes an object")
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self._refuse(
                "Attributes", f"is {_shown(value)} and not an object", "write names and values, such as {format: json}"
            )
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
        if size > LARGEST_ATTRIBUTES:
            raise self._refuse(
                "Attributes",
                f"has {size} bytes as JSON, more than the {LARGEST_ATTRIBUTES} of a Task",
                "put the data where the action can fetch it, and name the place",
            )
        return value

    def _user(self) -> str | None:
        email = self._text("AsUserEmail")
        if not email:
            self.note("AsUserEmail", "unset, so a run carries no user's authority")
            return None
        if _EMAIL.fullmatch(email.lower()) is None:
            raise self._refuse(
                "AsUserEmail", f"is {email!r}, which is no e-mail address", "write one, such as reports@example.com"
            )
        if email != email.lower():
            self.note("AsUserEmail", "a Task writes it in lower case", f"{email} → {email.lower()}")
        return email.lower()

    def _active(self) -> bool | None:
        active = self._properties.get("Active")
        if active is None:
            self.note(
                "Active",
                "unset, which Daptin takes for false and never runs; the Task runs; write Active: false to keep it"
                " paused",
            )
        elif not isinstance(active, bool):
            raise self._refuse("Active", f"is {json.dumps(active)}", "write true or false, without quotes")
        elif not active:
            self.note("Active", "false, so the Task is there and paused")
        return active

    def _note_the_rest(self, written: JSONObject) -> None:
        if self._properties.get("JobType") is not None:
            self.note(
                "JobType",
                "a Task has no such field; write it as a label in metadata.labels to keep it",
                _shown(self._properties["JobType"]),
            )
        for key in _DATABASE_PROPERTIES:
            if self._properties.get(key) is not None:
                self.note(key, "belongs to Daptin's database; left out")
        for key in self._unknown:
            meant = _close(key)
            self.note(key, f"unknown to Daptin; left out{f'; write {meant} if that is meant' if meant else ''}")


def _remedy(error: ScheduleError) -> str:
    written = error.value.split()
    # Six fields: some other cron libraries read seconds in front.
    if error.field == "schedule" and len(written) == 6 and not written[0].startswith("@"):
        five = " ".join(written[1:])
        try:
            grammar.parse(five)
        except ScheduleError:
            return error.remedy
        return f"write '{five}' if the first one is seconds, or @every 30s for less than a minute"
    return error.remedy


def _close(key: str) -> str | None:
    """The property that was meant by `key`, if one is close: action_name, Actionname and ActionNmae are ActionName."""
    by_letters = {known.lower(): known for known in _KNOWN}
    by_letters |= {
        "isactive": "Active",
        "entity": "EntityName",
        "action": "ActionName",
        "cron": "Schedule",
        "user": "AsUserEmail",
    }
    letters = re.sub(r"[^a-z]", "", key.lower())
    found: Sequence[str] = difflib.get_close_matches(letters, by_letters, n=1, cutoff=0.8)
    return by_letters[found[0]] if found else None


def _shown(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
