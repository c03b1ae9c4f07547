"""Posted attributes as a Task: checked all together, before anything is written, and made a manifest or a change.

The words are those of `cronwright.words`, the schedule's sentences those of `cronwright.schedule`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from cronwright.jsontypes import JSON
from cronwright.names import API_VERSION, KIND
from cronwright.plan.choose import SHORTEST_CRON_JOB_INTERVAL
from cronwright.schedule.errors import ScheduleError
from cronwright.schedule.grammar import Every, check_time_zone, parse
from cronwright.words import BY_JSON_API, BY_RESOURCE, FIELDS, resource_name
from cronwright_api.errors import Invalid
from cronwright_api.jsonapi.bodies import pointer_token
from cronwright_api.tasks.checks import CHECKS, NEVER_UNSET, REQUIRED, Wrong, namespace, shown
from cronwright_api.tasks.columns import READ_ONLY, WRITABLE
from cronwright_api.tasks.record import Manifest
from cronwright_api.tasks.refusals import ATTRIBUTES, in_http_words


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a Task: the spec that it leads to, and the operations of a JSON patch; none where nothing changes."""

    spec: Mapping[str, JSON]
    operations: Sequence[Mapping[str, JSON]]


def new_task(
    attributes: Mapping[str, JSON], default_namespace: str, required: Mapping[str, str] = REQUIRED
) -> Manifest:
    """Return the manifest of a Task with `attributes`.

    Raises:
        Invalid: an attribute is not as it must be, or a `required` one is missing; `others` are the further ones.
    """
    wrong = [
        _wrong(name, f"{name} is for Cronwright to say; leave it out")
        for name in READ_ONLY
        if attributes.get(name) is not None
    ]
    spec = _spec(attributes, wrong)
    for name, example in required.items():
        if name not in attributes:
            wrong.append(_wrong(name, f'{name} is missing; write one such as "{example}"', code="attribute_missing"))
    where = default_namespace
    if attributes.get("namespace") is not None:
        try:
            where = namespace("namespace", attributes["namespace"])
        except Wrong as error:
            wrong.append(_wrong("namespace", str(error)))
    given = {name: value for name, value in spec.items() if value is not None}
    wrong += _together(given, attributes, {_attribute(error) for error in wrong})
    _raise(wrong)
    name = str(given.pop("name"))
    named: Mapping[str, JSON] = {} if resource_name(name) == name else {"name": name}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": where, "name": resource_name(name)},
        "spec": {**named, **given},
    }


def change_of(manifest: Manifest, attributes: Mapping[str, JSON]) -> Change:
    """Return the change that `attributes` ask for of the Task that is `manifest`.

    Read-only attributes may be anything, as those of a Task that was read a while ago.

    Raises:
        Invalid: an attribute is not as it must be, or can't be changed; `others` are the further ones.
    """
    wrong: list[Invalid] = []
    metadata = cast("Mapping[str, str]", manifest["metadata"])
    before = cast("Mapping[str, JSON]", manifest["spec"])
    spec = _spec(attributes, wrong)
    fixed = {"name": str(before.get("name") or metadata["name"]), "namespace": metadata["namespace"]}
    for name, own in fixed.items():
        if name in attributes and attributes[name] != own:
            detail = f"the {name} of a Task never changes; write {shown(own)} or leave it out, or make another Task"
            wrong = [error for error in wrong if _attribute(error) != name]
            wrong.append(_wrong(name, detail, code=f"{name}_changed"))
    spec.pop("name", None)
    after = {name: value for name, value in ({**before, **spec}).items() if value is not None}
    wrong += _together(after, attributes, {_attribute(error) for error in wrong})
    _raise(wrong)
    operations: list[Mapping[str, JSON]] = []
    for name, value in spec.items():
        path = f"/spec/{name}"
        if value is None and name in before:
            operations.append({"op": "remove", "path": path})
        elif value is not None and not _same(before.get(name), value):
            operations.append({"op": "add", "path": path, "value": value})
    return Change(after, operations)


def _spec(attributes: Mapping[str, JSON], wrong: list[Invalid]) -> dict[str, JSON]:
    """Return the fields that `attributes` name, None for those that they unset; what is wrong is added to `wrong`."""
    spec: dict[str, JSON] = {}
    for name, value in attributes.items():
        if name == "namespace" or name in READ_ONLY:
            continue
        if name not in BY_JSON_API:
            wrong.append(_wrong(name, _unknown(name), code="attribute_unknown"))
        elif value is None:
            if name in NEVER_UNSET:
                wrong.append(_wrong(name, f"{name} is null, but it can't be unset; write a value or leave it out"))
            spec[BY_JSON_API[name].resource] = None
        else:
            try:
                spec[BY_JSON_API[name].resource] = CHECKS[name](name, value)
            except Wrong as error:
                wrong.append(_wrong(name, str(error), within=error.within))
    return spec


def _together(spec: Mapping[str, JSON], attributes: Mapping[str, JSON], known: set[str]) -> list[Invalid]:
    """Return what is wrong with the fields together, as far as `attributes` touch it and it isn't `known` already."""
    wrong: list[Invalid] = []
    schedule, zone, policy = spec.get("schedule"), spec.get("timeZone"), spec.get("concurrencyPolicy")
    given = {name for name in attributes if name not in known}
    if isinstance(schedule, str) and {"schedule", "time_zone"} & given and not {"schedule", "time_zone"} & known:
        try:
            parsed = parse(schedule)
            check_time_zone(parsed, cast("str | None", zone))
        except ScheduleError as error:
            name = BY_RESOURCE[error.field].json_api
            # The one that is not in this document can't be pointed to
            at = name if name in given else "schedule" if "schedule" in given else "time_zone"
            wrong.append(_wrong(at, in_http_words(str(error)), code=f"{name}_invalid"))
        else:
            if isinstance(parsed, Every) and parsed.seconds < SHORTEST_CRON_JOB_INTERVAL and policy == "Replace":
                at = "concurrency_policy" if "concurrency_policy" in given else "schedule"
                detail = (
                    "concurrency_policy Replace needs an interval of a minute or more; "
                    "write Forbid, which skips a run while the last one goes on, or @every 60s"
                )
                wrong.append(_wrong(at, detail))
    if "suspendReason" in spec and spec.get("isActive", True) is True and {"suspend_reason", "is_active"} & given:
        at = "suspend_reason" if "suspend_reason" in given else "is_active"
        detail = "suspend_reason is set but the Task is not paused; write is_active false, or suspend_reason null"
        wrong.append(_wrong(at, detail))
    return wrong


def _unknown(name: str) -> str:
    if name in ("id", "type"):
        return f"{name} is never an attribute; write it beside attributes"
    plain = name.replace("_", "").replace("-", "").lower()
    for word in FIELDS:
        if plain in (word.json_api.replace("_", ""), (word.daptin or "").lower()):
            return f"there is no attribute {shown(name)}; write {word.json_api}"
    return f"there is no attribute {shown(name)}; write some of {', '.join(WRITABLE)}"


def _same(before: JSON, after: JSON) -> bool:
    """Whether two JSON values are equal; to Python True is 1, to JSON it is not."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(value, after[key]) for key, value in before.items())
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return isinstance(before, bool) == isinstance(after, bool) and before == after


def _wrong(name: str, detail: str, *, code: str = "attribute_invalid", within: str = "") -> Invalid:
    return Invalid(code, detail, pointer=f"{ATTRIBUTES}/{pointer_token(name)}{within}")


def _attribute(error: Invalid) -> str:
    return (error.pointer or "").removeprefix(f"{ATTRIBUTES}/").partition("/")[0]


def _raise(wrong: Sequence[Invalid]) -> None:
    if wrong:
        first, *others = wrong
        raise Invalid(first.code, first.detail, pointer=first.pointer, others=others)
