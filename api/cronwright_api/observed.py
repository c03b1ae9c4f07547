"""What every request meets first: a trailing slash goes, the time is taken, and the access log and the metrics are
written.

Tokens and query strings are never logged: the path tells enough.
"""

import time

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cronwright_api.errors import Problem
from cronwright_api.jsonapi.documents import problems
from cronwright_api.metrics import Metrics

_log = structlog.get_logger("access")
_QUIET = ("/healthz", "/readyz")
"""Asked for every few seconds by the kubelet; logged only where they fail."""
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class Observed:
    """The middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. An error that nobody foresaw becomes a 500 document and a traceback in the log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] != "/":
            scope["path"] = scope["path"].rstrip("/") or "/"
        began, status = time.perf_counter(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception:
            _log.exception("request failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            await problems([_Unforeseen()])(scope, receive, sent)
        finally:
            self._observe(scope, status, time.perf_counter() - began)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        if scope["path"] not in _QUIET or status >= 400:
            client = Request(scope).client
            _log.info(
                "request",
                method=method,
                path=scope["path"][:200],
                status=status,
                ms=round(seconds * 1000, 1),
                client=client.host if client else "",
            )


class _Unforeseen(Problem):
    def __init__(self) -> None:
        super().__init__("internal_error", "something went wrong here that should not; the API's log has the details")
