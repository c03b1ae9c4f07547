"""/api/timeline and /api/run. 401 comes before everything else, so each route asks who is there before it looks at
anything."""

from datetime import UTC, datetime
from uuid import UUID

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from cronwright.instants import format_instant
from cronwright.timeline.event import Event
from cronwright.timeline.span import KIND, Span
from cronwright_api.auth.bearer import bearer_token
from cronwright_api.errors import Forbidden, NotFound
from cronwright_api.jsonapi.bodies import primary_data, read_document
from cronwright_api.jsonapi.documents import many, one
from cronwright_api.jsonapi.lists import (
    LAST_EVENT_ID,
    Extent,
    links_and_meta,
    parse_fields,
    parse_list_request,
    parse_stream_request,
)
from cronwright_api.jsonapi.negotiation import check_accept, check_accept_stream
from cronwright_api.services import services_of
from cronwright_api.store.ingest import ingest
from cronwright_api.store.pages import COUNTED, Page
from cronwright_api.store.rows import Row
from cronwright_api.streaming import EventStream
from cronwright_api.timeline import openapi
from cronwright_api.timeline.columns import RUN, TIMELINE, StoredCollection
from cronwright_api.timeline.listening import Listener
from cronwright_api.timeline.listing import page_for, row_for
from cronwright_api.timeline.posted import posted_of

router = APIRouter(tags=["timeline"])

_log = structlog.get_logger()


@router.api_route(
    "/api/timeline",
    methods=["GET", "HEAD"],
    summary="Events and spans, newest first",
    openapi_extra=openapi.listing(TIMELINE),
)
async def list_timeline(request: Request) -> Response:
    """Events and spans of the namespaces where the caller may list Tasks."""
    return await _list(request, TIMELINE)


@router.get(
    "/api/timeline/stream",
    summary="Events and spans as they are stored",
    response_class=Response,
    openapi_extra=openapi.streaming(),
)
async def stream_timeline(request: Request) -> Response:
    """Events and spans of the namespaces where the caller may list Tasks, from now on or behind a row, as server-sent
    events whose ids are places in the timeline."""
    services = services_of(request)
    token = bearer_token(request)
    await services.readers.of(token)
    check_accept_stream(request.headers.get("accept"))
    last_event_id = request.headers.get(LAST_EVENT_ID)
    asked = parse_stream_request(request.query_params.multi_items(), TIMELINE.collection, last_event_id)
    base = services.origin(request)
    listener = Listener(services.database, services.feed, services.readers, token, asked, base)
    number, at = await listener.begin(LAST_EVENT_ID if last_event_id else "page[after]")
    return EventStream(listener.frames(number, at), services.metrics.dropped.inc)


@router.api_route(
    "/api/timeline/{identity}",
    methods=["GET", "HEAD"],
    summary="An event or a span",
    openapi_extra=openapi.reading(TIMELINE),
)
async def read_event(request: Request, identity: str) -> Response:
    """One event or span by its id."""
    return await _read(request, TIMELINE, identity)


@router.post(
    "/api/timeline",
    status_code=201,
    summary="Post events and spans (runs and the operator only)",
    openapi_extra=openapi.posting(),
)
async def post_events(request: Request) -> Response:
    """Take one event or span or a list of them, once each however often they are posted; answered when they are
    committed, in the same order. A span's row is the one that has its first fire time now: a span, or the latest event
    of a run."""
    services = services_of(request)
    reporter = await services.reporters.of(bearer_token(request))
    check_accept(request.headers.get("accept"))
    fields = parse_fields(request.query_params.multi_items(), TIMELINE.collection)
    resources, listed = primary_data(await read_document(request), TIMELINE.collection.type)
    posted = posted_of(resources)
    for resource, item in zip(resources, posted, strict=True):
        try:
            reporter.check(item, resource.pointer)
        except Forbidden as refused:
            _log.warning("event refused", **_said(item), detail=refused.detail)
            raise
    stored = await ingest(services.database, posted, datetime.now(UTC))
    services.feed.stored()
    services.metrics.events.labels("created").inc(len(stored.created))
    services.metrics.events.labels("duplicate").inc(len(posted) - len(stored.created))
    services.metrics.events.labels("inferred").inc(len(stored.ended))
    for item in stored.created:
        _log.info("event stored", **_said(item), outcome=item.outcome, reason=item.reason)
    for event in stored.ended:
        _log.info("run ended by a span", **_said(event), outcome=event.outcome, reason=event.reason)
    rows = [TIMELINE.resource(row, fields) for row in stored.rows]
    base = services.origin(request)
    if listed:
        return many(rows, base, status=201)
    return one(rows[0], base, status=201, headers={"Location": f"{base}/api/timeline/{rows[0].id}"})


@router.api_route("/api/run", methods=["GET", "HEAD"], summary="Runs, newest first", openapi_extra=openapi.listing(RUN))
async def list_runs(request: Request) -> Response:
    """One row a run, folded from its events."""
    return await _list(request, RUN)


@router.api_route("/api/run/{identity}", methods=["GET", "HEAD"], summary="A run", openapi_extra=openapi.reading(RUN))
async def read_run(request: Request, identity: str) -> Response:
    """One run by its id."""
    return await _read(request, RUN, identity)


async def _list(request: Request, stored: StoredCollection) -> Response:
    services = services_of(request)
    reader = await services.readers.of(bearer_token(request))
    check_accept(request.headers.get("accept"))
    pairs = request.query_params.multi_items()
    asked = parse_list_request(pairs, stored.collection)
    page = await page_for(services.database, stored, reader, asked)
    base = services.origin(request)
    links, meta = links_and_meta(f"{base}/api/{stored.collection.type}", pairs, asked, _extent(page))
    return many([stored.resource(row, asked.fields) for row in page.rows], base, links=links, meta=meta)


async def _read(request: Request, stored: StoredCollection, identity: str) -> Response:
    services = services_of(request)
    reader = await services.readers.of(bearer_token(request))
    check_accept(request.headers.get("accept"))
    fields = parse_fields(request.query_params.multi_items(), stored.collection)
    try:
        row = await row_for(services.database, stored, reader, UUID(identity))
    except ValueError:
        row = None
    if row is None:
        detail = (
            f"there is no {stored.collection.type} {identity[:80]!a}, or not in a namespace where you may list Tasks"
        )
        raise NotFound("not_found", detail)
    return one(stored.resource(row, fields), services.origin(request))


def _said(item: Event | Span) -> dict[str, str]:
    said = {"task": item.task, "namespace": item.namespace}
    if isinstance(item, Event):
        return said | {"kind": item.kind, "run_id": str(item.run_id)}
    first_at, last_at = format_instant(item.first_at), format_instant(item.last_at)
    return said | {"kind": KIND, "first_at": first_at, "last_at": last_at, "count": str(item.count)}


def _place(row: Row) -> str:
    # A span gets a new place in the list with each change, even while its reader turns the page
    return f"{row['id']}@{format_instant(row['created_at'])}" if row.get("kind") == KIND else str(row["id"])


def _extent(page: Page) -> Extent:
    return Extent(
        first_id=_place(page.rows[0]) if page.rows else None,
        last_id=_place(page.rows[-1]) if page.rows else None,
        rows=len(page.rows),
        preceding=page.preceding if page.preceding <= COUNTED else None,
        total=page.total if page.total <= COUNTED else None,
        counted=COUNTED,
        more=page.more,
    )
