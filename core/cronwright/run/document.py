"""The run document: what of a Task its run needs, as JSON in a pod annotation that the runner reads as a downward-API
file.

Through env or args Kubernetes would expand `$(…)` and eat `$$`; a file arrives as it was written.

What every run imports before its action starts (this, the gate, the reasons, the retry) is made of named tuples: a
class of them takes a quarter of the time that a dataclass takes to make.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.retry import Retry

if TYPE_CHECKING:
    from cronwright.task import Task

PlanKind = Literal["cron", "every", "loop", "manual"]


class Loop(NamedTuple):
    """What a loop's ticker needs beside the schedule: the length of its windows, and what becomes of a tick that comes
    while a run is under way (Forbid or Allow).
    """

    window_seconds: int
    concurrency_policy: str


class Requested(NamedTuple):
    """By which request a run was asked for, and by whom: what the asker says of itself, empty where nobody said it."""

    id: str
    by: str


class RunDocument(NamedTuple):
    """A Task as its run sees it. `schedule` is the plan's own (H resolved; a cron line or `@every 1m30s`); durations in
    seconds; `loop` is set for the plan `loop` alone, `requested` for a run that was asked for.
    """

    namespace: str
    resource_name: str
    uid: str
    name: str
    label: str
    plan: PlanKind
    schedule: str
    time_zone: str
    action_name: str
    entity_name: str
    attributes: JSONObject
    as_user_email: str | None
    starting_deadline_seconds: int
    timeout_seconds: int
    retry: Retry
    loop: Loop | None = None
    requested: Requested | None = None


def document_of(
    task: Task,
    plan: PlanKind,
    schedule: str,
    time_zone: str,
    starting_deadline_seconds: int,
    window_seconds: int | None = None,
) -> RunDocument:
    """Return the document of `task` under the plan's kind, schedule, zone, deadline and, for a loop, window."""
    return RunDocument(
        namespace=task.namespace,
        resource_name=task.resource_name,
        uid=task.uid,
        name=task.name,
        label=task.label,
        plan=plan,
        schedule=schedule,
        time_zone=time_zone,
        action_name=task.action_name,
        entity_name=task.entity_name,
        attributes=task.attributes,
        as_user_email=task.as_user_email,
        starting_deadline_seconds=starting_deadline_seconds,
        timeout_seconds=task.timeout_seconds,
        retry=task.retry,
        loop=None if window_seconds is None else Loop(window_seconds, task.concurrency_policy),
    )


def dump_document(document: RunDocument) -> str:
    """Return `document` as one line of JSON, the same for equal documents.

    The Task's generation stays out of it: it would make every edit, such as a new history limit, a change of the pod.
    """
    fields: dict[str, JSON] = {
        "namespace": document.namespace,
        "resourceName": document.resource_name,
        "uid": document.uid,
        "name": document.name,
        "label": document.label,
        "plan": document.plan,
        "schedule": document.schedule,
        "timeZone": document.time_zone,
        "actionName": document.action_name,
        "entityName": document.entity_name,
        "attributes": document.attributes,
        "asUserEmail": document.as_user_email,
        "startingDeadlineSeconds": document.starting_deadline_seconds,
        "timeoutSeconds": document.timeout_seconds,
        "retry": {"limit": document.retry.limit, "backoffSeconds": document.retry.backoff_seconds},
    }
    if document.loop is not None:
        fields["loop"] = {
            "windowSeconds": document.loop.window_seconds,
            "concurrencyPolicy": document.loop.concurrency_policy,
        }
    if document.requested is not None:
        fields["requested"] = {"id": document.requested.id, "by": document.requested.by}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def load_document(text: str) -> RunDocument:
    """Return the document that `dump_document` wrote.

    Raises:
        ValueError: `text` is no run document; the sentence names what is missing.
    """
    fields = json.loads(text)
    try:
        return RunDocument(
            namespace=fields["namespace"],
            resource_name=fields["resourceName"],
            uid=fields["uid"],
            name=fields["name"],
            label=fields["label"],
            plan=cast(PlanKind, fields["plan"]),
            schedule=fields["schedule"],
            time_zone=fields["timeZone"],
            action_name=fields["actionName"],
            entity_name=fields["entityName"],
            attributes=fields["attributes"],
            as_user_email=fields["asUserEmail"],
            starting_deadline_seconds=fields["startingDeadlineSeconds"],
            timeout_seconds=fields["timeoutSeconds"],
            retry=Retry(fields["retry"]["limit"], fields["retry"]["backoffSeconds"]),
            loop=_loop(fields["loop"]) if "loop" in fields else None,
            requested=Requested(fields["requested"]["id"], fields["requested"]["by"])
            if "requested" in fields
            else None,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"the run document lacks {error}; it is written by the operator, so the Task's CronJob was changed by hand"
        ) from error


def _loop(fields: dict[str, JSON]) -> Loop:
    return Loop(cast(int, fields["windowSeconds"]), cast(str, fields["concurrencyPolicy"]))
