"""What Kubernetes says to a write of a Task, as errors of this API: the attribute in place of the manifest's field."""

import re
from collections.abc import Mapping, Sequence
from typing import cast

from cronwright.jsontypes import JSON
from cronwright.words import BY_RESOURCE, FIELDS, RETRY_FIELDS
from cronwright_api.auth.bearer import HOW
from cronwright_api.cluster import Answer
from cronwright_api.errors import BadRequest, Conflict, Forbidden, Invalid, Problem, Unauthenticated, Unavailable

ATTRIBUTES = "/data/attributes"


def in_http_words(sentence: str) -> str:
    """Return a sentence about a Task resource with the fields as this API spells them."""
    return _FIELD.sub(lambda match: _WORDS[match.group(1)], sentence)


def pointer_to(field: str) -> str:
    """Return the JSON pointer to the attribute of a manifest's `field`, such as `spec.retry.limit`."""
    root, _, rest = field.partition(".")
    if root == "metadata":
        return f"{ATTRIBUTES}/{rest}" if rest in ("name", "namespace") else ATTRIBUTES
    if root != "spec" or not rest:
        return ATTRIBUTES
    name, *within = re.split(r"[.\[]", rest)
    if name not in BY_RESOURCE:
        return ATTRIBUTES
    if name == "retry":
        within = [_WORDS.get(part, part) for part in within]
    return "/".join((ATTRIBUTES, BY_RESOURCE[name].json_api, *(part.rstrip("]") for part in within)))


def refusal(answer: Answer) -> Problem:
    """Return the error for a write that Kubernetes refused with `answer`, but for 404 and 409, which the write knows
    more about."""
    message = in_http_words(answer.message) or f"Kubernetes answers {answer.status}"
    match answer.status:
        case 401:
            return Unauthenticated("token_unknown", f"Kubernetes does not know this token, or it has ended; {HOW}")
        case 403:
            return Forbidden("kubernetes_forbids", f"Kubernetes does not let you: {message}")
        case 409:
            return Conflict("kubernetes_conflict", message)
        case 413:
            return Invalid("task_too_large", f"the Task is larger than Kubernetes takes: {message}", pointer=ATTRIBUTES)
        case 400 | 422:
            return _invalid(answer, message)
        case _:
            # A redirect, say, of a proxy between us and the API server
            return Unavailable("kubernetes_unavailable", f"Kubernetes can't take the Task: {message}")


def _invalid(answer: Answer, message: str) -> Problem:
    details = answer.body.get("details")
    causes = details.get("causes") if isinstance(details, Mapping) else None
    found = [
        (str(cause.get("field") or ""), str(cause.get("message") or ""))
        for cause in cast(Sequence[JSON], causes or ())
        if isinstance(cause, Mapping) and cause.get("field") != _NO_FIELD
    ]
    problems = {(pointer_to(field), _sentence(text) or message): None for field, text in found}
    unknown = _UNKNOWN_FIELD.findall(answer.message)
    for field in unknown if not problems else ():
        problems[pointer_to(field), f"Kubernetes knows no field {field.removeprefix('spec.')}; leave it out"] = None
    if not problems:
        # An admission webhook or policy that names no field
        kind = Invalid if answer.status == 422 else BadRequest
        return kind("kubernetes_refuses", message, pointer=ATTRIBUTES)
    first, *others = (Invalid("attribute_invalid", text, pointer=pointer) for pointer, text in problems)
    return Invalid("attribute_invalid", first.detail, pointer=first.pointer, others=others)


def _sentence(message: str) -> str:
    """A cause's message without Kubernetes' own frame: `Invalid value: "string": sentence`."""
    return in_http_words(_FRAME.sub("", message))


_NO_FIELD = "<nil>"
"""Of the cause that says that further rules were not looked at; the others say what is wrong."""
_FRAME = re.compile(r'^Invalid value: (?:(?:"(?:[^"\\]|\\.)*"|-?[0-9.]+|true|false|null|\{.*?\}): )?', re.DOTALL)
_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_WORDS = {word.resource: word.json_api for word in (*FIELDS, *RETRY_FIELDS) if word.resource != word.json_api}
_FIELD = re.compile(rf"(?:\bspec\.)?\b({'|'.join(_WORDS)})\b")
