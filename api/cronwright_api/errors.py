"""The API's errors, each with what a JSON:API error object needs. Foreign errors are translated where they arise:
`cluster`, `store`."""

from collections.abc import Mapping, Sequence


class Problem(Exception):
    """A request that gets an error for an answer.

    `code` is stable and for programs, `detail` for a person: what is wrong and what to write instead. `pointer` is
    a JSON pointer into the request's document, `parameter` the name of a query parameter. `others` are what else is
    wrong, of the same status; `meta` is for programs, such as the id of what has a name already.
    """

    status = 500
    title = "Internal error"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        parameter: str | None = None,
        header: str | None = None,
        headers: Mapping[str, str] | None = None,
        meta: Mapping[str, str] | None = None,
        others: "Sequence[Problem]" = (),
    ) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail
        self.pointer, self.parameter, self.header = pointer, parameter, header
        self.headers, self.meta, self.others = dict(headers or {}), dict(meta or {}), tuple(others)


class BadRequest(Problem):
    """The syntax of a document or a query parameter."""

    status, title = 400, "Bad request"


class Unauthenticated(Problem):
    """No token, or one that Kubernetes doesn't know."""

    status, title = 401, "Unauthorized"

    def __init__(self, code: str, detail: str) -> None:
        error = "" if code == "token_missing" else ', error="invalid_token"'
        super().__init__(code, detail, headers={"WWW-Authenticate": f'Bearer realm="cronwright"{error}'})


class Forbidden(Problem):
    """Who asks may not."""

    status, title = 403, "Forbidden"


class NotFound(Problem):
    """Nothing here that the caller may see."""

    status, title = 404, "Not found"


class MethodNotAllowed(Problem):
    """The path takes other methods."""

    status, title = 405, "Method not allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        said = ", ".join(allowed)
        super().__init__(
            "method_not_allowed", f"{method} is not taken here; write one of {said}", headers={"Allow": said}
        )


class NotAcceptable(Problem):
    """Accept leaves no choice."""

    status, title = 406, "Not acceptable"


class Conflict(Problem):
    """The document's type or id is not this collection's or resource's."""

    status, title = 409, "Conflict"


class TooLarge(Problem):
    """The body is over the limit."""

    status, title = 413, "Content too large"


class UnsupportedMediaType(Problem):
    """The body's media type."""

    status, title = 415, "Unsupported media type"


class Invalid(Problem):
    """A field's value."""

    status, title = 422, "Unprocessable content"


class Unavailable(Problem):
    """Kubernetes or the store is away. `detail` says which and why; the same request may work later."""

    status, title = 503, "Service unavailable"
    retry_after_seconds = 5

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail, headers={"Retry-After": str(self.retry_after_seconds)})
