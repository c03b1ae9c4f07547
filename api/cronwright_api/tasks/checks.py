"""What each attribute of a Task may be by itself: its type, its bounds, its words. The limits are those of the Task
resource (`crds/task.yaml`; a test holds them together); what only Kubernetes can tell is Kubernetes' to refuse.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from cronwright.jsontypes import JSON
from cronwright.plan.choose import MAX_ATTRIBUTES_BYTES
from cronwright.words import LONGEST_NAME, RETRY_FIELDS, is_name
from cronwright_api.errors import BadRequest
from cronwright_api.jsonapi.bodies import parse_document, pointer_token


class Wrong(ValueError):
    """A value that can't be taken: what is wrong and what to write instead; `within` is a JSON pointer into the
    value."""

    def __init__(self, sentence: str, within: str = "") -> None:
        super().__init__(sentence)
        self.within = within


Check = Callable[[str, JSON], JSON]
"""Takes an attribute's name and its value, and returns the value as a manifest has it. Raises Wrong."""

CHOICES = ("Forbid", "Allow", "Replace")
LONGEST_WORD, LONGEST_LABEL, LONGEST_REASON, LONGEST_ADDRESS = 120, 253, 500, 254  # characters
SECONDS_OF_A_YEAR, SECONDS_OF_A_WEEK = 31_536_000, 604_800
MOST_RETRIES, LONGEST_BACKOFF_SECONDS = 20, 600
MOST_JOBS = 100

_WORD = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?")
_ADDRESS = re.compile(
    r"[a-z0-9.!#$%&*+/=?^_{|}~-]+@[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:[.][a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+"
)
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_INT64 = range(-(2**63), 2**63)
_SHOWN_CHARACTERS = 80


def shown(value: JSON) -> str:
    """Return `value` as JSON for a sentence, cut to a length that can be read."""
    text = json.dumps(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _text(example: str, longest: int = 0) -> Check:
    def check(name: str, value: JSON) -> JSON:
        if not isinstance(value, str):
            raise Wrong(f'{name} is {shown(value)}; write a string such as "{example}"')
        if longest and len(value) > longest:
            raise Wrong(f"{name} has {len(value)} characters; write at most {longest}")
        return value

    return check


def _matching(pattern: re.Pattern[str], example: str, longest: int, what: str, *, may_be_empty: bool = False) -> Check:
    text = _text(example, longest)

    def check(name: str, value: JSON) -> JSON:
        taken = str(text(name, value))
        if not (may_be_empty and not taken) and pattern.fullmatch(taken) is None:
            raise Wrong(f"{name} {shown(taken)} is {what}, such as {example}")
        return taken

    return check


def _name(name: str, value: JSON) -> JSON:
    taken = str(_text("daily_report")(name, value))
    if len(taken) > LONGEST_NAME:
        raise Wrong(
            f"{name} has {len(taken)} characters; write at most {LONGEST_NAME}, and put the long one into label"
        )
    if not is_name(taken):
        raise Wrong(
            f"{name} {shown(taken)} is no name of a Task; write letters, digits, - _ and dots, with a letter or digit "
            "at both ends, such as daily_report, and put other text into label"
        )
    return taken


def _address(name: str, value: JSON) -> JSON:
    taken = str(_text("reports@example.com", LONGEST_ADDRESS)(name, value))
    if taken != taken.lower():
        raise Wrong(f"{name} {shown(taken)} holds capitals; write {taken.lower()}")
    if _ADDRESS.fullmatch(taken) is None:
        raise Wrong(
            f"{name} {shown(taken)} is no email address; write one such as reports@example.com, or null for none"
        )
    return taken


def _flag(name: str, value: JSON) -> JSON:
    if not isinstance(value, bool):
        raise Wrong(f"{name} is {shown(value)}; write true or false")
    return value


def _number(least: int, most: int) -> Check:
    def check(name: str, value: JSON) -> JSON:
        # To JSON 5.0 is a whole number; to Kubernetes it is not
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Wrong(f"{name} is {shown(value)}; write a whole number from {least} to {most}")
        return value

    return check


def _choice(name: str, value: JSON) -> JSON:
    if value not in CHOICES:
        raise Wrong(f"{name} is {shown(value)}; write one of {', '.join(CHOICES)}")
    return value


def json_object(name: str, value: JSON) -> JSON:
    """An object, or a string that holds one as JSON, as Daptin takes it; at most 64 KiB, with integers of 64 bits."""
    if isinstance(value, str):
        try:
            value = parse_document(value.encode())
        except BadRequest as error:
            said = error.detail.replace("the body", "the text")
            raise Wrong(f"{name} is a string that holds no JSON object ({said}); write an object") from error
        taken = _whole(name, value, "")
    else:
        taken = _whole(name, value, None)
    size = len(json.dumps(taken, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_ATTRIBUTES_BYTES:
        raise Wrong(
            f"{name} has {size} bytes as JSON; write at most {MAX_ATTRIBUTES_BYTES}, and put the data where the action "
            "can fetch it"
        )
    return taken


def _template(name: str, value: JSON) -> JSON:
    taken = _whole(name, value, None, '{"spec": {"nodeSelector": {"disk": "ssd"}}}')
    assert isinstance(taken, Mapping)
    for key, inner in taken.items():
        within = f"/{pointer_token(key)}"
        if key not in ("metadata", "spec"):
            raise Wrong(f"{name} has the member {key[:_SHOWN_CHARACTERS]!a}; write metadata and spec only", within)
        if not isinstance(inner, Mapping):
            raise Wrong(f"{name}.{key} is {shown(inner)}; write an object", within)
        if key == "metadata":
            _check_metadata(f"{name}.{key}", inner, within)
    return taken


_LONGEST_TEXTS = {"labels": 63, "annotations": 65536}  # characters of a value


def _check_metadata(name: str, metadata: Mapping[str, JSON], within: str) -> None:
    for key, texts in metadata.items():
        at = f"{within}/{pointer_token(key)}"
        if key not in _LONGEST_TEXTS:
            raise Wrong(f"{name} has the member {key[:_SHOWN_CHARACTERS]!a}; write labels and annotations only", at)
        if not isinstance(texts, Mapping):
            raise Wrong(f'{name}.{key} is {shown(texts)}; write an object such as {{"team": "mail"}}', at)
        for label, text in texts.items():
            if not isinstance(text, str):
                said = f"{name}.{key}.{label[:_SHOWN_CHARACTERS]} is {shown(text)}; write a string"
                raise Wrong(said, f"{at}/{pointer_token(label)}")
            if len(text) > (longest := _LONGEST_TEXTS[key]):
                said = f"{name}.{key}.{label[:_SHOWN_CHARACTERS]} has {len(text)} characters; write at most {longest}"
                raise Wrong(said, f"{at}/{pointer_token(label)}")


def _whole(name: str, value: JSON, pointer: str | None, example: str = '{"days_old": 30}') -> JSON:
    """Return `value`, an object whose integers Kubernetes keeps. `pointer` is that of all wrong ones, None for each's
    own."""
    if not isinstance(value, Mapping):
        raise Wrong(f"{name} is {shown(value)}; write an object such as {example}")
    _refuse_long_integers(name, value, "", pointer)
    return value


def _refuse_long_integers(name: str, value: JSON, path: str, pointer: str | None) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_long_integers(f"{name}.{key[:_SHOWN_CHARACTERS]}", inner, f"{path}/{pointer_token(key)}", pointer)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_long_integers(f"{name}[{index}]", inner, f"{path}/{index}", pointer)
    elif isinstance(value, int) and value not in _INT64:
        raise Wrong(
            f"{name} is a whole number that 64 bits don't hold; write it as a string, or Kubernetes alters it",
            path if pointer is None else pointer,
        )


def _retry(name: str, value: JSON) -> JSON:
    if not isinstance(value, Mapping):
        raise Wrong(f'{name} is {shown(value)}; write an object such as {{"limit": 3, "backoff_seconds": 30}}')
    known = {word.json_api: word.resource for word in RETRY_FIELDS}
    taken: dict[str, JSON] = {}
    for key, inner in value.items():
        if key not in known:
            raise Wrong(
                f"{name} has the member {key[:_SHOWN_CHARACTERS]!a}; write limit and backoff_seconds only",
                f"/{pointer_token(key)}",
            )
        if inner is None:
            continue
        try:
            taken[known[key]] = _RETRY[key](f"{name}.{key}", inner)
        except Wrong as error:
            raise Wrong(str(error), f"/{key}") from error
    return taken


def namespace(name: str, value: JSON) -> str:
    """A namespace's name."""
    return str(_NAMESPACE_NAME(name, value))


_NAMESPACE_NAME = _matching(_NAMESPACE, "team-a", 63, "no name of a namespace; write small letters, digits and - only")

_RETRY: Mapping[str, Check] = {
    "limit": _number(0, MOST_RETRIES),
    "backoff_seconds": _number(1, LONGEST_BACKOFF_SECONDS),
}

CHECKS: Mapping[str, Check] = {
    "name": _name,
    "label": _text("Daily report", LONGEST_LABEL),
    "schedule": _text("0 3 * * *"),
    "time_zone": _text("Europe/Berlin"),
    "action_name": _matching(_WORD, "export_data", LONGEST_WORD, "no action; write letters, digits, - _ and dots only"),
    "entity_name": _matching(
        _WORD, "mail_server", LONGEST_WORD, "no entity; write letters, digits, - _ and dots only", may_be_empty=True
    ),
    "attributes": json_object,
    "as_user_email": _address,
    "is_active": _flag,
    "suspend_reason": _text("mail server moves until Friday", LONGEST_REASON),
    "concurrency_policy": _choice,
    "starting_deadline_seconds": _number(1, SECONDS_OF_A_YEAR),
    "timeout_seconds": _number(1, SECONDS_OF_A_WEEK),
    "retry": _retry,
    "successful_jobs_history_limit": _number(0, MOST_JOBS),
    "failed_jobs_history_limit": _number(0, MOST_JOBS),
    "template": _template,
}
"""The check of each attribute that becomes a field of the spec."""

REQUIRED: Mapping[str, Any] = {"name": "cleanup_old_data", "schedule": "@daily", "action_name": "cleanup"}
"""Attributes that a Task can't do without, each with an example."""
NEVER_UNSET = {*REQUIRED, "is_active"}
"""Attributes that null means nothing for; of the others it means unset."""
