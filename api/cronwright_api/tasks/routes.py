"""/api/task. 401 comes before everything else, so each route asks who is there before it looks at anything."""

from collections.abc import Mapping
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from cronwright.run.ids import scheduled_run_id
from cronwright_api.auth.bearer import bearer_token
from cronwright_api.errors import Forbidden
from cronwright_api.jsonapi.bodies import one_resource, optional_document, read_document, require_id
from cronwright_api.jsonapi.documents import Resource, many, one, told
from cronwright_api.jsonapi.lists import links_and_meta, parse_fields, parse_list_request, refuse_parameters
from cronwright_api.jsonapi.negotiation import check_accept
from cronwright_api.services import services_of
from cronwright_api.tasks import openapi
from cronwright_api.tasks.columns import TASK
from cronwright_api.tasks.listing import page_for
from cronwright_api.tasks.preview import drafted, parse_preview, preview
from cronwright_api.tasks.record import Record, record_of
from cronwright_api.tasks.running import refuse_started, refuse_time, run_body, run_resource
from cronwright_api.tasks.service import Caller
from cronwright_api.tasks.shown import resource_of
from cronwright_api.tasks.written import change_of


class _TaskConvertor(StringConvertor):
    """An id in a path. What is none is looked for and not found, but for the word that is a path of its own."""

    regex = "(?!preview(?:/|$))[^/]+"


register_url_convertor("task", _TaskConvertor())

router = APIRouter(tags=["task"])

_log = structlog.get_logger()


@router.api_route("/api/task", methods=["GET", "HEAD"], summary="Tasks, newest first", openapi_extra=openapi.LISTING)
async def list_tasks(request: Request) -> Response:
    """Tasks of the namespaces where the caller may list them."""
    services, caller = services_of(request), await _caller(request)
    pairs = request.query_params.multi_items()
    asked = parse_list_request(pairs, TASK)
    now = datetime.now(UTC)
    page = await page_for(services.tasks.cache, services.tasks.default_namespace, caller.reader, asked, now)
    base = services.origin(request)
    links, meta = links_and_meta(f"{base}/api/{TASK.type}", pairs, asked, page.extent, by_row=TASK.by_row)
    resources = [services.tasks.rendering.resource(record, now, asked.fields) for record in page.records]
    return many(resources, base, links=links, meta=meta)


@router.post("/api/task", status_code=201, summary="Make a Task", openapi_extra=openapi.CREATING)
async def create_task(request: Request) -> Response:
    """Make a Task, with the caller's own rights in Kubernetes."""
    services, caller = services_of(request), await _caller(request)
    fields = parse_fields(request.query_params.multi_items(), TASK)
    posted = one_resource(await read_document(request), TASK.type)
    if posted.id is not None:
        raise Forbidden("id_given", "a Task's id is given by the server; leave it out", pointer="/data/id")
    record = await services.tasks.create(caller, posted.attributes)
    _log.info("Task made", **_keys(record))
    base, resource = services.origin(request), _shown(record, fields)
    return one(resource, base, status=201, headers={"Location": f"{base}/api/{TASK.type}/{record.uid}"})


@router.post("/api/task/preview", summary="What a Task would do", openapi_extra=openapi.PREVIEWING)
async def preview_task(request: Request) -> Response:
    """Show fire times, changes of clocks, plan and effects of a Task, or with an id of its edit; write nothing."""
    services, caller, now = services_of(request), await _caller(request), datetime.now(UTC)
    asked = parse_preview(request.query_params.multi_items(), now)
    posted = one_resource(await read_document(request), TASK.type)
    if posted.id is None:
        before, after = None, drafted(posted.attributes, services.tasks.default_namespace)
        await services.tasks.require_visible(caller, after)
    else:
        before = await services.tasks.manifest(caller, posted.id)
        after = {**before, "spec": change_of(before, posted.attributes).spec}
    return told(preview(before, after, asked, now))


@router.api_route("/api/task/{identity:task}", methods=["GET", "HEAD"], summary="A Task", openapi_extra=openapi.READING)
async def read_task(request: Request, identity: str) -> Response:
    """One Task by its id, as it is now."""
    services, caller = services_of(request), await _caller(request)
    fields = parse_fields(request.query_params.multi_items(), TASK)
    return one(_shown(await services.tasks.read(caller, identity), fields), services.origin(request))


@router.patch("/api/task/{identity:task}", summary="Change a Task", openapi_extra=openapi.CHANGING)
async def change_task(request: Request, identity: str) -> Response:
    """Change the attributes that are sent, each whole; what is not sent stays."""
    services, caller = services_of(request), await _caller(request)
    fields = parse_fields(request.query_params.multi_items(), TASK)
    posted = require_id(one_resource(await read_document(request), TASK.type), identity)
    record = await services.tasks.change(caller, identity, posted.attributes)
    _log.info("Task changed", **_keys(record))
    return one(_shown(record, fields), services.origin(request))


@router.delete("/api/task/{identity:task}", summary="Delete a Task", openapi_extra=openapi.DELETING)
async def delete_task(request: Request, identity: str) -> Response:
    """Delete a Task with all that runs for it. A body is taken, and must not speak of another one."""
    services, caller = services_of(request), await _caller(request)
    refuse_parameters(request.query_params.multi_items())
    document = await optional_document(request)
    if document is not None and "data" in document:
        require_id(one_resource(document, TASK.type), identity)
    await services.tasks.delete(caller, identity)
    _log.info("Task deleted", task_uid=identity)
    return told({})


@router.post("/api/task/{identity:task}/run", status_code=202, summary="Run a Task now", openapi_extra=openapi.RUNNING)
async def run_task(request: Request, identity: str) -> Response:
    """Ask for a run now, with other attributes or for a given fire time; also of a paused Task."""
    services, caller, now = services_of(request), await _caller(request), datetime.now(UTC)
    refuse_parameters(request.query_params.multi_items())
    body = run_body(await optional_document(request))
    if body.scheduled_at is not None:
        manifest = await services.tasks.manifest(caller, identity)
        refuse_time(manifest, body, now)
        run_id = scheduled_run_id(record_of(manifest).uid, body.scheduled_at)
        await refuse_started(services.database, run_id, body)
    record, asked, run_id = await services.tasks.run(caller, identity, body.attributes, body.scheduled_at, now)
    _log.info("run asked for", **_keys(record), run_id=str(run_id), requested_by=asked.requested_by)
    base = services.origin(request)
    return one(run_resource(record, asked, run_id), base, status=202, headers={"Location": f"{base}/api/run/{run_id}"})


async def _caller(request: Request) -> Caller:
    caller = await services_of(request).tasks.caller(bearer_token(request))
    check_accept(request.headers.get("accept"))
    return caller


def _shown(record: Record, fields: tuple[str, ...] | None) -> Resource:
    return resource_of(record, datetime.now(UTC), fields)


def _keys(record: Record) -> Mapping[str, str]:
    return {"task": record.resource_name, "namespace": record.namespace, "task_uid": record.uid}
