"""The action `http`: one HTTP request, and whether its answer is the expected one.

Follows a redirect only where it can't leak what was sent: within the same host, and never from https to http.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from cronwright.jsontypes import JSON, JSONObject
from cronwright_runner.attributes import Attributes
from cronwright_runner.context import Context
from cronwright_runner.errors import ActionError, InvalidAttributes

if TYPE_CHECKING:
    import urllib3

IMPORTED_WHEN_RUN = ("urllib3",)
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
KEPT_BYTES = 2048
"""How much of a textual answer goes into the run's payload."""
_QUOTED_CHARACTERS = 200
"""How much of an unexpected answer goes into the run's message."""
_MOST_REDIRECTS = 5
_CHUNK_BYTES = 64 * 1024
_URL_REMEDY = "write a URL such as https://example.com/ping"
_STATUS_REMEDY = "write a status from 100 to 599 such as 204, or a list of them"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
"""What a header's name is made of. Source: RFC 9110, 5.6.2."""
_SET_BY_US = frozenset({"host", "content-length", "transfer-encoding", "connection", "idempotency-key"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Request(NamedTuple):
    """What to send and which status codes are expected. `timeout` in seconds, None for no limit but the attempt's."""

    url: str
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    expected: frozenset[int]
    timeout: float | None


def run(context: Context) -> JSON:
    """Send one HTTP request and check the answer's status."""
    request = read_request(context.attributes)
    # After the attributes are known to be right, since it takes a while
    import urllib3

    headers = {"User-Agent": "cronwright", **request.headers, "Idempotency-Key": context.idempotency_key}
    started = time.monotonic()
    url = request.url
    timeout = urllib3.Timeout(connect=request.timeout, read=request.timeout)
    with urllib3.PoolManager(retries=False, timeout=timeout, ca_certs=authority(url, os.environ)) as pool:
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                answer = pool.request(
                    request.method, url, body=request.body, headers=headers, redirect=False, preload_content=False
                )
                target = _redirect(request, url, answer)
                if target is None:
                    size, beginning = _read(answer)
                    break
            except urllib3.exceptions.HTTPError as error:
                raise ActionError(f"{request.method} {url} failed: {_cause(error)}") from error
            url = target
        else:
            raise ActionError(f"{request.method} {request.url} was redirected more than {_MOST_REDIRECTS} times")
    text = beginning.decode("utf-8", "replace") if _is_text(answer.headers.get("Content-Type", "")) else ""
    if answer.status not in request.expected:
        said = f": {text[:_QUOTED_CHARACTERS].strip()}" if text.strip() else ""
        reason = f" {answer.reason}" if answer.reason else ""
        raise ActionError(
            f"{request.method} {url} answered {answer.status}{reason}, not {statuses(request.expected)}{said}"
        )
    return {
        "status": answer.status,
        "bytes": size,
        "elapsedMs": round((time.monotonic() - started) * 1000),
        **({"url": url} if url != request.url else {}),
        **({"body": text} if text else {}),
    }


def read_request(attributes: JSONObject) -> Request:
    """Return the request in `attributes`.

    Raises:
        InvalidAttributes: one of them is wrong.
    """
    fields = Attributes(attributes, "url", "method", "headers", "body", "expectStatus", "timeoutSeconds")
    body, content_type = _body(fields.value("body"))
    headers = _headers(fields)
    if content_type and "content-type" not in {name.lower() for name in headers}:
        headers = {**headers, "Content-Type": content_type}
    return Request(
        _url(fields),
        _method(fields),
        headers,
        body,
        _expected(fields.value("expectStatus")),
        _timeout(fields.value("timeoutSeconds")),
    )


def allows_redirect(source: str, target: str) -> bool:
    """Return whether a redirect stays where what was sent may go: the same host and port, or from http to its https."""
    here, there = urlsplit(source), urlsplit(target)
    if there.scheme not in _DEFAULT_PORTS or here.hostname != there.hostname:
        return False
    if here.scheme == there.scheme:
        return _port(here) == _port(there)
    return (here.scheme, there.scheme) == ("http", "https") and _port(here) == 80 and _port(there) == 443


def authority(url: str, environment: Mapping[str, str]) -> str | None:
    """Return the file with the certificates that the server of `url` is checked against, None for the system's.

    Cronwright's own API may have made its certificate itself. The runner knows who signed it, and nobody else's is
    checked against that.
    """
    here, api = urlsplit(url), urlsplit(environment.get("CRONWRIGHT_API_URL", ""))
    is_the_api = (here.scheme, here.hostname, _port(here)) == (api.scheme, api.hostname, _port(api))
    return environment.get("CRONWRIGHT_CA_FILE") or None if is_the_api else None


def statuses(expected: frozenset[int]) -> str:
    """Return a set of status codes in words: 200-299, or 200, 204."""
    return "200-299" if expected == _SUCCESS else ", ".join(str(status) for status in sorted(expected))


_SUCCESS = frozenset(range(200, 300))


def _url(fields: Attributes) -> str:
    fields.required("url", _URL_REMEDY)
    url = fields.text("url", _URL_REMEDY) or ""
    try:
        parts = urlsplit(url)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        raise InvalidAttributes("url", url, f"its host or port is none; {_URL_REMEDY}") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidAttributes("url", url, "begin it with http:// or https://")
    if not parts.hostname or not port_is_right:
        raise InvalidAttributes("url", url, "name a host after the //")
    if parts.username is not None or parts.password is not None:
        # The value is not repeated: it holds a password, and messages are on the timeline
        raise InvalidAttributes(
            "url",
            f"{parts.scheme}://…@{parts.hostname}",
            "leave out the user and password, which everyone who reads the Task would see",
        )
    if any(character.isspace() or ord(character) < 32 for character in url):
        raise InvalidAttributes("url", url, "write blanks and line ends in it as %20 and %0A")
    return url


def _method(fields: Attributes) -> str:
    remedy = f"write one of {', '.join(METHODS)}"
    method = fields.text("method", remedy)
    if method is not None and method not in METHODS:
        raise InvalidAttributes("method", method, remedy)
    return method or "GET"


def _headers(fields: Attributes) -> Mapping[str, str]:
    headers = fields.texts("headers", 'write an object of strings such as {"Accept": "application/json"}')
    for name, value in headers.items():
        if not name or not _TOKEN.issuperset(name):
            raise InvalidAttributes("headers", name, "name a header with letters, digits and -")
        if name.lower() in _SET_BY_US:
            raise InvalidAttributes(f"headers.{name}", value, "leave it out, since the runner sets it")
        if any(ord(character) < 32 and character != "\t" for character in value):
            raise InvalidAttributes(f"headers.{name}", value, "write it on one line, without control characters")
        if not value.isascii():
            raise InvalidAttributes(
                f"headers.{name}", value, "write it in ASCII, which is all that every server takes in a header"
            )
    return headers


def _body(body: JSON) -> tuple[bytes | None, str]:
    """Return the bytes to send, and their media type."""
    if body is None:
        return None, ""
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), "application/json"


def _expected(found: JSON) -> frozenset[int]:
    if found is None:
        return _SUCCESS
    if isinstance(found, Sequence) and not isinstance(found, str):
        if not found:
            raise InvalidAttributes("expectStatus", found, "name at least one status, or leave it out for 200-299")
        return frozenset(_status(f"expectStatus[{index}]", status) for index, status in enumerate(found))
    return frozenset({_status("expectStatus", found)})


def _status(path: str, found: JSON) -> int:
    if not isinstance(found, int) or isinstance(found, bool) or not 100 <= found <= 599:
        raise InvalidAttributes(path, found, _STATUS_REMEDY)
    return found


def _timeout(found: JSON) -> float | None:
    if found is None:
        return None
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < found <= 86400:
        raise InvalidAttributes("timeoutSeconds", found, "write a number of seconds above 0, at most 86400")
    return found


def _redirect(request: Request, url: str, answer: urllib3.BaseHTTPResponse) -> str | None:
    """Return where to go on, or None where the answer is the last one."""
    location = answer.headers.get("Location")
    if answer.status not in (301, 302, 303, 307, 308) or location is None or answer.status in request.expected:
        return None
    target = urljoin(url, location)
    answer.drain_conn()
    if not allows_redirect(url, target):
        raise ActionError(
            f"{request.method} {url} redirects to {target}, another host, which is not followed; "
            "write that as attributes.url"
        )
    if request.method not in ("GET", "HEAD") and answer.status not in (307, 308):
        raise ActionError(
            f"{request.method} {url} answered {answer.status} to {target}, which would make a GET of it; "
            "write that as attributes.url"
        )
    return target


def _read(answer: urllib3.BaseHTTPResponse) -> tuple[int, bytes]:
    """Return how many bytes the answer's body has, and its beginning."""
    size, beginning = 0, b""
    for chunk in answer.stream(_CHUNK_BYTES):
        size += len(chunk)
        beginning += chunk[: KEPT_BYTES - len(beginning)]
    return size, beginning


def _is_text(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type.endswith(("/json", "+json", "/xml", "+xml"))


def _port(parts: SplitResult) -> int | None:
    return parts.port or _DEFAULT_PORTS.get(parts.scheme)


def _cause(error: Exception) -> str:
    """Return what went wrong without the library's wrapping."""
    return str(getattr(error, "reason", None) or error)
