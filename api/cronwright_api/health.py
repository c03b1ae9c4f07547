"""/healthz says that the process lives, /readyz that it can do its work."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from cronwright_api.services import services_of

router = APIRouter(tags=["health"])


@router.api_route(
    "/healthz", methods=["GET", "HEAD"], summary="Whether the process lives", response_class=PlainTextResponse
)
async def healthz() -> Response:
    """Answer while the event loop turns."""
    return PlainTextResponse("ok\n")


@router.api_route(
    "/readyz",
    methods=["GET", "HEAD"],
    summary="Whether it can do its work",
    responses={503: {"description": "It can't; each check says why"}},
)
async def readyz(request: Request) -> Response:
    """Answer 200 where the store, Kubernetes and the watch of Tasks are well, else 503; each check says why."""
    checks = await services_of(request).readiness.checks()
    ready = not any(check.problem for check in checks)
    body = {
        "ready": ready,
        "checks": [
            {"name": check.name, "ok": not check.problem, "problem": check.problem}
            | ({} if check.age_seconds is None else {"age_seconds": round(check.age_seconds, 1)})
            for check in checks
        ],
    }
    return JSONResponse(body, 200 if ready else 503)
