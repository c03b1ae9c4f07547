"""/docs and the two files of its page."""

from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def page() -> Response:
    """The page."""
    return _file("page.html", "text/html")


@router.api_route("/docs/page.js", methods=["GET", "HEAD"])
async def script() -> Response:
    """The script that renders /openapi.json."""
    return _file("page.js", "text/javascript")


@router.api_route("/docs/page.css", methods=["GET", "HEAD"])
async def style() -> Response:
    """The style."""
    return _file("page.css", "text/css")


def _file(name: str, media_type: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return Response(
        files("cronwright_api.documentation").joinpath(name).read_bytes(), headers=headers, media_type=media_type
    )
