"""The body of a request to run now, and the run as it is answered: asked for, with the id that its events will have."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cronwright.instants import format_instant, parse_instant
from cronwright.jsontypes import JSON
from cronwright.plan.choose import Stall, choose
from cronwright.plan.granting import refusal_of_fire_time
from cronwright.run.requests import RunRequest
from cronwright.task import TaskError, parse_task
from cronwright_api.errors import Conflict, Forbidden, Invalid
from cronwright_api.jsonapi.bodies import one_resource, pointer_token
from cronwright_api.jsonapi.documents import Resource
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from cronwright_api.store.timeline import row_by_id
from cronwright_api.tasks.checks import Wrong, json_object, shown
from cronwright_api.tasks.record import Manifest, Record

RUN_ATTRIBUTES = ("attributes", "scheduled_at")


@dataclass(frozen=True, slots=True)
class RunBody:
    """What to run with instead of the Task's own attributes, and for which fire time; each None where nothing is
    said. `pointer` is the place of both in the document."""

    attributes: Mapping[str, JSON] | None = None
    scheduled_at: datetime | None = None
    pointer: str = ""


def run_body(document: Mapping[str, JSON] | None) -> RunBody:
    """Return what `document` asks for: a resource of type run as `data`, or the two attributes by themselves; None is
    an empty body.

    Raises:
        BadRequest: it is neither.
        Conflict: the resource is of another type.
        Forbidden: it has an id.
        Invalid: an attribute is not as it must be.
    """
    if document is None:
        return RunBody()
    if "data" not in document:
        given = {name: value for name, value in document.items() if name not in ("meta", "links", "jsonapi")}
        return _body(given, "")
    posted = one_resource(document, "run")
    if posted.id is not None:
        raise Forbidden("id_given", "a run's id is given by the server; leave it out", pointer="/data/id")
    return _body(posted.attributes, "/data/attributes")


def refuse_time(manifest: Manifest, body: RunBody, now: datetime) -> None:
    """Check that the Task that is `manifest` has a past fire time at what `body` asks for. `now` is aware.

    Whether its schedule may start it yet only its CronJob can tell; that, and a Task that can't be in force, is the
    operator's to say.

    Raises:
        Invalid: it has none.
    """
    if body.scheduled_at is None:
        return
    try:
        plan = choose(parse_task(manifest))
    except (Stall, TaskError):
        plan = None
    why = refusal_of_fire_time(body.scheduled_at, plan, now)
    if why:
        detail = why.replace("scheduledTime", "scheduled_at")
        raise Invalid("attribute_invalid", detail, pointer=f"{body.pointer}/scheduled_at")


async def refuse_started(database: Database, run_id: UUID, body: RunBody) -> None:
    """Check that no run of this id has started, the one of the fire time that `body` asks for. One that its gate
    skipped, or that was missed, has not, and may be made up for.

    Raises:
        Conflict: it has started.
        Unavailable: the store is away.
    """
    async with database.reading() as connection:
        row = await row_by_id(connection, tables.run, run_id)
    if row is not None and row["started_at"] is not None and body.scheduled_at is not None:
        detail = (
            f"the run of {format_instant(body.scheduled_at)} has started already, and a fire time runs once; see "
            f"/api/run/{run_id}, or leave scheduled_at out"
        )
        raise Conflict("run_exists", detail, pointer=f"{body.pointer}/scheduled_at", meta={"id": str(run_id)})


def run_resource(record: Record, request: RunRequest, run_id: UUID) -> Resource:
    """Return the run that was asked for, in the words of `/api/run`, where it is once it has started."""
    scheduled_at = request.scheduled_time
    attributes: dict[str, JSON] = {
        "run_id": str(run_id),
        "state": "requested",
        "task": record.resource_name,
        "namespace": record.namespace,
        "task_uid": record.uid,
        "trigger": "manual",
        "scheduled_at": None if scheduled_at is None else format_instant(scheduled_at),
        "attributes": request.attributes,
        "requested_by": request.requested_by or None,
        "requested_at": None if request.requested_at is None else format_instant(request.requested_at),
    }
    return Resource("run", str(run_id), attributes)


def _body(given: Mapping[str, JSON], pointer: str) -> RunBody:
    for name in given:
        if name not in RUN_ATTRIBUTES:
            detail = f"there is no attribute {shown(name)} of a run on request; write attributes and scheduled_at only"
            raise Invalid("attribute_unknown", detail, pointer=f"{pointer}/{pointer_token(name)}")
    attributes, scheduled_at = given.get("attributes"), given.get("scheduled_at")
    try:
        taken = None if attributes is None else json_object("attributes", attributes)
    except Wrong as error:
        at = f"{pointer}/attributes{error.within}"
        raise Invalid("attribute_invalid", str(error), pointer=at) from error
    assert taken is None or isinstance(taken, Mapping)
    instant = None if scheduled_at is None else _instant(scheduled_at, f"{pointer}/scheduled_at")
    return RunBody(taken, instant, pointer)


def _instant(value: JSON, pointer: str) -> datetime:
    try:
        instant = parse_instant(value) if isinstance(value, str) else None
    except ValueError:
        instant = None
    if instant is None or instant.microsecond:
        detail = f"scheduled_at is {shown(value)}; write a time in whole seconds, such as 2027-01-04T08:00:00Z"
        raise Invalid("attribute_invalid", detail, pointer=pointer)
    return instant
