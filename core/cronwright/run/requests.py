"""Requests to run a Task now: the list in its annotation `cronwright.dev/run-requested`, and what follows from one.

The API and `kubectl annotate` append to the list, the operator makes one Job for each id and notes the id in the
Task's status. Job name and run id follow from the request, so that the API can name a run before its Job is there and
two operators make one Job.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from cronwright.instants import format_seconds, parse_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright.run import ids

MOST_WAITING = 100
"""Requests that wait at the same time; an operator that is well takes each within a second."""
MOST_BYTES = 128 * 1024
"""Length of the annotation's text: half of what all annotations of an object may have together."""

_ID = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_KEYS = ("id", "attributes", "scheduledTime", "requestedBy", "requestedAt")
_EXAMPLE = '[{"id": "1"}]'
_NAME_CHARACTERS = 9


class RequestError(ValueError):
    """The annotation, or an entry of it, can't be taken; the sentence says what to write instead."""


class TooManyRequests(Exception):
    """As many requests wait as an annotation may hold."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run that was asked for. `id` is unique among those of the Task.

    `attributes` None means the Task's own; `scheduled_time` (aware, whole seconds) None means a run for no fire time.
    `requested_by` is what the asker says of itself: a Kubernetes user name, empty where nobody said it.
    """

    id: str
    attributes: JSONObject | None = None
    scheduled_time: datetime | None = None
    requested_by: str = ""
    requested_at: datetime | None = None


def parse_requests(text: str | None) -> tuple[RunRequest, ...]:
    """Return the requests in the annotation's `text`; none where there is no annotation or an empty one.

    Raises:
        RequestError: the text is no list of requests, or has one id twice.
    """
    if text is None or not text.strip():
        return ()
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise RequestError(f"run-requested is not JSON; write a list such as {_EXAMPLE}") from None
    if not isinstance(entries, list):
        raise RequestError(f"run-requested is no list; write one such as {_EXAMPLE}")
    if len(entries) > MOST_WAITING:
        raise RequestError(f"run-requested holds {len(entries)} requests; write at most {MOST_WAITING}")
    requests = tuple(_request(entry) for entry in entries)
    seen: set[str] = set()
    for request in requests:
        if request.id in seen:
            raise RequestError(f"run-requested has the id {request.id!r} twice; write another one for each run")
        seen.add(request.id)
    return requests


def dump_requests(requests: Sequence[RunRequest]) -> str:
    """Return the annotation's text for `requests`."""
    return json.dumps([_dumped(request) for request in requests], ensure_ascii=False, separators=(",", ":"))


def prune(requests: Sequence[RunRequest], handled: Collection[str]) -> tuple[RunRequest, ...]:
    """Return those of `requests` whose ids are not among the `handled` ones, in their order."""
    return tuple(request for request in requests if request.id not in handled)


def append(
    requests: Sequence[RunRequest], new: RunRequest, handled: Collection[str]
) -> tuple[tuple[RunRequest, ...], RunRequest]:
    """Return what the annotation holds once `new` is asked for, without what is `handled`, and the request that stands
    for it.

    A fire time runs once: where a request for the same scheduled time waits already, that one stands and nothing is
    added.

    Raises:
        TooManyRequests: there is no room for another one.
        RequestError: another request has the id of `new`.
    """
    waiting = prune(requests, handled)
    for request in waiting:
        if request == new or (new.scheduled_time is not None and request.scheduled_time == new.scheduled_time):
            return waiting, request
        if request.id == new.id:
            raise RequestError(f"a run with the id {new.id!r} is asked for already; write another id")
    appended = (*waiting, new)
    if len(appended) > MOST_WAITING or len(dump_requests(appended).encode()) > MOST_BYTES:
        raise TooManyRequests
    return appended, new


def requested_run_id(task_uid: str, request: RunRequest) -> UUID:
    """Return the id of the run that `request` asks for: that of its fire time, else one that follows from its id."""
    if request.scheduled_time is not None:
        return ids.scheduled_run_id(task_uid, request.scheduled_time)
    return ids.requested_run_id(task_uid, request.id)


def requested_job_name(cron_job_name: str, request: RunRequest) -> str:
    """Return the name of the Job for `request`: eleven characters behind the CronJob's name, as a tick's Job has, and
    never shaped like one of those, which end in digits alone.
    """
    return f"{cron_job_name}-r{hashlib.sha256(request.id.encode()).hexdigest()[:_NAME_CHARACTERS]}"


def _request(entry: JSON) -> RunRequest:
    if not isinstance(entry, Mapping):
        raise RequestError(f"run-requested holds something else than objects; write a list such as {_EXAMPLE}")
    for key in entry:
        if key not in _KEYS:
            raise RequestError(f"a run request has the key {key[:80]!r}; write {', '.join(_KEYS)} only")
    identity = entry.get("id")
    if not isinstance(identity, str) or _ID.fullmatch(identity) is None:
        raise RequestError(
            "a run request has no id of at most 63 letters, digits, - _ and dots with a letter or digit at both ends; "
            "write one that no other request of the Task has"
        )
    attributes = entry.get("attributes")
    if attributes is not None and not isinstance(attributes, Mapping):
        raise RequestError(f"attributes of run request {identity!r} is no object; write one, or leave it out")
    requested_by = entry.get("requestedBy", "")
    if not isinstance(requested_by, str):
        raise RequestError(f"requestedBy of run request {identity!r} is no text; write a user name, or leave it out")
    return RunRequest(
        id=identity,
        attributes=attributes,
        scheduled_time=_instant(entry, "scheduledTime", identity),
        requested_by=requested_by,
        requested_at=_instant(entry, "requestedAt", identity),
    )


def _instant(entry: Mapping[str, JSON], key: str, identity: str) -> datetime | None:
    if entry.get(key) is None:
        return None
    try:
        instant = parse_instant(cast(str, entry[key]))
    except (TypeError, ValueError):
        instant = None
    if instant is None or instant.microsecond:
        raise RequestError(
            f"{key} of run request {identity!r} is no time in whole seconds; write one such as 2027-01-04T08:00:00Z"
        )
    return instant


def _dumped(request: RunRequest) -> JSONObject:
    fields: dict[str, JSON] = {
        "id": request.id,
        "attributes": request.attributes,
        "scheduledTime": _text(request.scheduled_time),
        "requestedBy": request.requested_by or None,
        "requestedAt": _text(request.requested_at),
    }
    return {key: value for key, value in fields.items() if value is not None}


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else format_seconds(instant)
