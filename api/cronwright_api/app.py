"""The application: its routes, and how what goes wrong becomes an answer. What a route does is not here."""

import warnings
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

import cronwright_api.documentation.routes as documentation
from cronwright_api import health, meta
from cronwright_api.auth.bearer import bearer_token
from cronwright_api.errors import BadRequest, MethodNotAllowed, NotFound, Problem
from cronwright_api.jsonapi.documents import problems
from cronwright_api.jsonapi.openapi import operation_id, tidied
from cronwright_api.observed import Observed
from cronwright_api.services import Services, services_of
from cronwright_api.store.database import StoreUnavailable
from cronwright_api.tasks import routes as tasks
from cronwright_api.tasks.openapi import SCHEMAS_OF_TASKS
from cronwright_api.timeline import openapi as timeline_openapi
from cronwright_api.timeline import routes as timeline
from cronwright_api.version import VERSION

ROUTERS = (tasks.router, timeline.router, meta.router, health.router, documentation.router)

_log = structlog.get_logger()


def create_app(services: Services) -> FastAPI:
    """Return the application that works with `services`."""
    app = FastAPI(
        title="Cronwright",
        version=VERSION,
        summary="Task scheduling for Kubernetes: Tasks and the timeline of their runs, as JSON:API 1.1.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
    )
    app.state.services = services
    app.openapi = cache(partial(_described, app))  # type: ignore[method-assign]
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_middleware(Observed, metrics=services.metrics)
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    with warnings.catch_warnings():
        # GET and HEAD of a route have one name until it is tidied
        warnings.filterwarnings("ignore", "Duplicate Operation ID", UserWarning)
        return tidied(FastAPI.openapi(app), SCHEMAS_OF_TASKS | timeline_openapi.schemas())


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    if isinstance(error, StoreUnavailable):
        services_of(request).metrics.store_errors.inc()
    if error.status >= 500:
        _log.warning("request can't be served", code=error.code, detail=error.detail)
    return problems([error, *error.others])


async def _no_route(request: Request, error: Exception) -> Response:
    """Answer where no route takes the request: OPTIONS with what is taken, else 405 or 404; behind /api/ only with a
    token."""
    assert isinstance(error, HTTPException)
    allowed = _allowed(request)
    if request.method == "OPTIONS" and allowed:
        return Response(status_code=204, headers={"Allow": ", ".join(allowed)})
    try:
        if request.url.path.startswith("/api/"):
            await services_of(request).readers.of(bearer_token(request))
    except Problem as problem:
        return await _problem(request, problem)
    if error.status_code == 404:
        return problems(
            [NotFound("no_such_path", f"there is nothing at {request.url.path[:200]!a}; /docs shows what there is")]
        )
    if error.status_code == 405:
        return problems([MethodNotAllowed(request.method[:20], allowed)])
    return problems([BadRequest("bad_request", str(error.detail))])


def _allowed(request: Request) -> Sequence[str]:
    methods: set[str] = set()
    for route in [*request.app.routes, *(route for router in ROUTERS for route in router.routes)]:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return sorted(methods | {"OPTIONS"}) if methods else []
