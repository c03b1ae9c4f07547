"""One Daptin task on its way to a Task: property by property, with a note for each that changes or can't be kept."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import API_VERSION, KIND
from cronwright.words import FIELDS, LONGEST_NAME, is_name, resource_name
from cronwright_cli.daptin.notes import Note
from cronwright_cli.daptin.properties import JOB_TYPE, OF_DATABASE, Properties, close_to, shown
from cronwright_cli.daptin.schedule import read_schedule
from cronwright_cli.daptin.schema import RawTask
from cronwright_cli.manifests import Manifest

# The limits of crds/task.yaml
LONGEST_LABEL = 253
LONGEST_WORD = 120
_WORD = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?")
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&*+/=?^_{|}~-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)
LARGEST_ATTRIBUTES = 64 * 1024
"""Bytes; the operator refuses more."""
HASH_DIGITS = 8
"""Hexadecimal digits that tell shortened names apart; 32 bits are plenty for the tasks of a file."""


@dataclass(frozen=True, slots=True)
class ConvertedTask:
    """The Task's name, that of the task before, the manifest, and the notes."""

    name: str
    original_name: str
    manifest: Manifest
    notes: tuple[Note, ...]


def convert_task(raw: RawTask, namespace: str | None, time_zone: str | None) -> ConvertedTask:
    """Return what a task becomes; the arguments are those of `convert.convert`.

    Raises:
        NotConvertible: it can't become a Task.
    """
    properties = Properties(raw)
    name = _name(properties)
    notes: list[Note] = []

    def tell(property_name: str, sentence: str, change: str = "") -> None:
        notes.append(Note(name, property_name, sentence, change))

    if name != properties.name:
        rule = f"a name has at most {LONGEST_NAME} letters, digits, - _ and dots, with a letter or digit at both ends"
        tell("Name", rule, f"{properties.name} → {name}")
    label = properties.text("Label")
    if not label and name != properties.name:
        tell("Label", "unset, so it takes the name as it was", properties.name)
        label = properties.name
    if label and len(label) > LONGEST_LABEL:
        raise properties.refusal("Label", f"has {len(label)} characters", f"write at most {LONGEST_LABEL}")
    found: dict[str, JSON] = {"label": label or None, **read_schedule(properties, time_zone, tell)}
    action = properties.required("ActionName", "write the action to run, such as export_data")
    found["actionName"] = _word(properties, "ActionName", action, "export_data")
    entity = properties.text("EntityName")
    found["entityName"] = _word(properties, "EntityName", entity, "mail_server") if entity else None
    found["attributes"] = _attributes(properties)
    if isinstance(properties.value("Attributes"), str):
        tell("Attributes", "the JSON in the string becomes an object")
    found["asUserEmail"] = email = _email(properties)
    if email is None:
        tell("AsUserEmail", "unset, so a run carries no user's authority")
    elif email != properties.text("AsUserEmail"):
        tell("AsUserEmail", "a Task writes it in lower case", f"{properties.text('AsUserEmail')} → {email}")
    found["isActive"] = active = properties.value("Active")
    if active is None:
        tell(
            "Active",
            "unset, which Daptin takes for false and never runs; the Task runs; write Active: false to keep it paused",
        )
    elif not isinstance(active, bool):
        raise properties.refusal("Active", f"is {json.dumps(active)}", "write true or false, without quotes")
    elif not active:
        tell("Active", "false, so the Task is there and paused")
    notes += _left_out(properties, name)
    resource = resource_name(name)
    if resource != name:
        found["name"] = name
        tell("Name", "metadata.name can't hold it, so spec.name does", f"{name} → {resource}")
    return ConvertedTask(name, properties.name, _manifest(resource, namespace, found), tuple(notes))


def _manifest(resource: str, namespace: str | None, found: Mapping[str, JSON]) -> Manifest:
    metadata = {"name": resource} | ({} if namespace is None else {"namespace": namespace})
    spec = {field.resource: found[field.resource] for field in FIELDS if found.get(field.resource) is not None}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def _name(properties: Properties) -> str:
    if is_name(properties.name):
        return properties.name
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", properties.name).strip("_.-")
    if not name:
        raise properties.refusal(
            "Name",
            "has no letter from A to Z and no digit",
            "write a name such as daily_report and put this one into Label",
        )
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(properties.name.encode()).hexdigest()[:HASH_DIGITS]
        name = f"{name[: LONGEST_NAME - HASH_DIGITS - 1].rstrip('_.-')}_{digest}"
    return name


def _word(properties: Properties, key: str, value: str, example: str) -> str:
    if len(value) > LONGEST_WORD or _WORD.fullmatch(value) is None:
        remedy = f"write letters, digits, - _ and . only, at most {LONGEST_WORD}, such as {example}"
        raise properties.refusal(key, f"is {value!r}", remedy)
    return value


def _attributes(properties: Properties) -> JSONObject | None:
    value = properties.value("Attributes")
    if isinstance(value, str):
        try:
            value = cast(JSON, json.loads(value))
        except json.JSONDecodeError as error:
            problem, remedy = "is a string that holds no JSON", "write an object, such as {format: json}"
            raise properties.refusal("Attributes", problem, remedy) from error
    if value is None:
        return None
    if not isinstance(value, Mapping):
        problem, remedy = f"is {shown(value)} and not an object", "write names and values, such as {format: json}"
        raise properties.refusal("Attributes", problem, remedy)
    size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST_ATTRIBUTES:
        raise properties.refusal(
            "Attributes",
            f"has {size} bytes as JSON, more than the {LARGEST_ATTRIBUTES} of a Task",
            "put the data where the action can fetch it, and name the place",
        )
    return value


def _email(properties: Properties) -> str | None:
    email = properties.text("AsUserEmail")
    if not email:
        return None
    if _EMAIL.fullmatch(email.lower()) is None:
        problem, remedy = f"is {email!r}, which is no e-mail address", "write one, such as reports@example.com"
        raise properties.refusal("AsUserEmail", problem, remedy)
    return email.lower()


def _left_out(properties: Properties, name: str) -> list[Note]:
    notes = []
    if (job_type := properties.value(JOB_TYPE)) is not None:
        sentence = "a Task has no such field; write it as a label in metadata.labels to keep it"
        notes.append(Note(name, JOB_TYPE, sentence, shown(job_type)))
    notes += [
        Note(name, key, "belongs to Daptin's database; left out")
        for key in OF_DATABASE
        if properties.value(key) is not None
    ]
    for key in properties.unknown:
        meant = close_to(key)
        notes.append(
            Note(name, key, f"unknown to Daptin; left out{f'; write {meant} if that is meant' if meant else ''}")
        )
    return notes
