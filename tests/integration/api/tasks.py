"""Tasks as tests send them: a paused one, so that the operator of the same cluster makes nothing run for it."""

from typing import Any
from uuid import uuid4

import httpx

from .served import Served

LEAST = {"schedule": "@yearly", "action_name": "http", "is_active": False}


def name() -> str:
    """Return a name that no other test has."""
    return f"t-{uuid4().hex[:10]}"


def document(attributes: Any, identity: str | None = None) -> dict[str, Any]:
    """Return the document of a Task with `attributes`."""
    return {"data": {"type": "task", "attributes": attributes} | ({"id": identity} if identity else {})}


def make(api: Served, token: str, namespace: str, **attributes: Any) -> Any:
    """Make a Task, and return its resource."""
    sent = LEAST | {"name": name(), "namespace": namespace} | attributes
    return ok(api.send("POST", "/api/task", token, document(sent)), 201)["data"]


def ok(response: httpx.Response, status: int = 200) -> Any:
    """Return the document of an answer that must have this status."""
    assert response.status_code == status, response.text
    return response.json()


def error(response: httpx.Response, status: int) -> Any:
    """Return the one error of an answer that must have this status."""
    document = ok(response, status)
    assert len(document["errors"]) == 1, document
    found = document["errors"][0]
    assert found["status"] == str(status)
    return found
