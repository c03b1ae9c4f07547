"""/meta?query=column_types: the columns of each collection, for which Daptin's own JavaScript client asks first."""

from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cronwright.jsontypes import JSON
from cronwright_api.errors import BadRequest
from cronwright_api.jsonapi.collections import Collection
from cronwright_api.jsonapi.openapi import errors, parameter
from cronwright_api.tasks.columns import READ_ONLY, TASK
from cronwright_api.timeline.columns import RUN, TIMELINE

router = APIRouter(tags=["meta"])

_QUERY = "column_types"


@router.api_route(
    "/meta",
    methods=["GET", "HEAD"],
    summary="The columns of each collection",
    openapi_extra={
        "parameters": [
            parameter("query", f"What is asked for: {_QUERY}.", {"const": _QUERY}) | {"required": True},
        ],
        "responses": errors(400),
    },
)
async def column_types(request: Request) -> Response:
    """Return name, type, and whether it can be written, of every attribute; the same for everyone, so without a
    token."""
    pairs = request.query_params.multi_items()
    if pairs != [("query", _QUERY)]:
        raise BadRequest("query_unknown", f"write query={_QUERY}, and nothing else", parameter="query")
    writable = {TASK.type: set(TASK.attributes) - set(READ_ONLY)}
    collections = (TASK, TIMELINE.collection, RUN.collection)
    return JSONResponse({one.type: _columns(one, writable.get(one.type, set())) for one in collections})


def _columns(collection: Collection, writable: set[str]) -> Mapping[str, JSON]:
    return {
        name: {
            "name": name,
            "type": str(collection.columns.get(name, "json")),
            "can_be_asked_for": name in collection.columns,
            "is_writable": name in writable,
        }
        for name in dict.fromkeys((*collection.columns, *collection.attributes))
    }
