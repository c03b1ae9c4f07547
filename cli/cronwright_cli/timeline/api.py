"""Fetches runs and spans from the HTTP API, and turns each way in which that can fail into one of our errors with a
sentence.

The only module, beside `stream`, that opens a connection. Which runs are kept and shown is decided elsewhere.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import cast
from urllib.parse import urlencode, urlsplit

from cronwright.jsontypes import JSON
from cronwright.words import is_name, resource_name
from cronwright_cli.access import TOKEN_VARIABLE, URL_VARIABLE, Access
from cronwright_cli.errors import AccessRefused, ApiAway, ApiError
from cronwright_cli.timeline.run import Run, parse_run

TIMEOUT_SECONDS = 10
"""For one answer; the API itself gives up on Kubernetes and its store earlier."""
LARGEST_PAGE = 100
MEDIA_TYPE = "application/vnd.api+json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs, None for any: those of a namespace, of a task, those not before `since`, those with one of `ids`."""

    namespace: str | None = None
    task: str | None = None
    since: datetime | None = None
    ids: tuple[str, ...] | None = None


def newest_runs(access: Access, wanted: Wanted, page_size: int = LARGEST_PAGE) -> Iterator[list[Run]]:
    """Yield pages of runs, the newest first, until the caller has enough, `since` is reached, or there are no more.

    Raises:
        ApiAway: nobody answers, or the API says that it can't right now.
        AccessRefused: the token is not known, or may not see these runs.
        ApiError: any other answer that is no list of runs.
    """
    return _pages(access, wanted, "/api/run?" + urlencode(_parameters(wanted, page_size, [])))


def newest_spans(access: Access, wanted: Wanted, page_size: int = LARGEST_PAGE) -> Iterator[list[Run]]:
    """Yield pages of spans as `newest_runs` does of runs, those that changed last first."""
    is_span: list[JSON] = [{"column": "kind", "operator": "is", "value": "span"}]
    return _pages(access, wanted, "/api/timeline?" + urlencode(_parameters(wanted, page_size, is_span)))


def _pages(access: Access, wanted: Wanted, first: str) -> Iterator[list[Run]]:
    path: str | None = first
    while path is not None:
        document = _get(access, path, wanted)
        data = document.get("data")
        if not isinstance(data, list):
            raise _no_answer(access, "no list of runs")
        runs = [parse_run(resource) for resource in data]
        since = wanted.since
        if since is None:
            yield runs
        else:
            yield [run for run in runs if run.at is None or run.at >= since]
            if any(run.at is not None and run.at < since for run in runs):
                return
        path = _next_page(document) if runs else None


def _parameters(wanted: Wanted, page_size: int, conditions: list[JSON]) -> dict[str, str]:
    return {"page[size]": str(page_size)} | parameters_of(wanted, conditions)


def parameters_of(wanted: Wanted, further: Sequence[JSON] = ()) -> dict[str, str]:
    """Return the query parameters that choose what is wanted, with `further` conditions."""
    conditions = list(further)
    if wanted.task is not None:
        # People know a task by its name and by that of its resource.
        names = {wanted.task, resource_name(wanted.task) if is_name(wanted.task) else wanted.task}
        conditions.append({"column": "task", "operator": "in", "value": sorted(names)})
    if wanted.ids is not None:
        conditions.append({"column": "run_id", "operator": "in", "value": list(wanted.ids)})
    parameters: dict[str, str] = {}
    if wanted.namespace is not None:
        # As a filter, not a condition: the API then tells a namespace that may not be seen from one without runs.
        parameters["filter[namespace]"] = wanted.namespace
    if conditions:
        parameters["query"] = json.dumps(conditions, separators=(",", ":"))
    return parameters


def _next_page(document: Mapping[str, JSON]) -> str | None:
    links = document.get("links")
    following = links.get("next") if isinstance(links, Mapping) else None
    if not isinstance(following, str) or not following:
        return None
    # Only path and query are taken: the token goes to no other host, whatever an answer says.
    parts = urlsplit(following)
    return f"{parts.path}?{parts.query}"


def _get(access: Access, path: str, wanted: Wanted) -> Mapping[str, JSON]:
    request = urllib.request.Request(
        access.url + path, headers={"Authorization": f"Bearer {access.token}", "Accept": MEDIA_TYPE}
    )
    try:
        with opener_for(access).open(request, timeout=TIMEOUT_SECONDS) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(access, error, wanted) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise ApiAway(
            f"the API does not answer at {access.url} ({_short(reason)}); start it or the port-forward to it, or set"
            f" {URL_VARIABLE} to where it is"
        ) from error
    try:
        document = json.loads(body)
    except ValueError as error:
        raise _no_answer(access, "no JSON") from error
    if not isinstance(document, dict):
        raise _no_answer(access, "no document")
    return cast(Mapping[str, JSON], document)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would send the token along, to whatever host it names."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)
_direct = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))
"""Past any proxy, which would see the token and has no way to this machine's localhost; kubectl does the same."""


def opener_for(access: Access) -> urllib.request.OpenerDirector:
    """Return what opens connections to the API: it follows no redirect, and goes to this machine past any proxy."""
    return _direct if access.is_this_machine else _opener


_AWAY = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)


def _refusal(access: Access, error: urllib.error.HTTPError, wanted: Wanted) -> ApiError:
    detail = _detail(error)
    if error.code == HTTPStatus.UNAUTHORIZED:
        return AccessRefused(
            f"{access.url} does not know the token (401); set {TOKEN_VARIABLE} to a fresh one, such as"
            " $(kubectl create token SERVICEACCOUNT -n NAMESPACE)"
        )
    if error.code == HTTPStatus.FORBIDDEN:
        if wanted.namespace is None:
            return AccessRefused(
                "the token may not see the Tasks of any namespace (403); ask for the verb list on tasks.cronwright.dev"
            )
        return AccessRefused(
            f"the token may not see the Tasks of namespace {wanted.namespace} (403); ask for the verb list on"
            " tasks.cronwright.dev there"
        )
    if error.code in _AWAY:
        return ApiAway(f"the API at {access.url} can't answer right now ({error.code}{detail}); try again soon")
    if error.code == HTTPStatus.NOT_FOUND or 300 <= error.code < 400:
        return ApiError(
            f"{access.url} answers {error.code}, so it is not the API of Cronwright; set {URL_VARIABLE} to that"
        )
    return ApiError(f"the API refuses the question ({error.code}{detail}); is it of this program's version?")


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        first = json.loads(error.read())["errors"][0]
        return f": {first['detail']}"
    except (ValueError, KeyError, IndexError, TypeError, OSError):
        return ""


def _no_answer(access: Access, what: str) -> ApiError:
    return ApiError(
        f"{access.url} sent {what}, so it is not the API of Cronwright; set {URL_VARIABLE} to where that is"
    )


def _short(reason: object) -> str:
    return (getattr(reason, "strerror", None) or str(reason) or type(reason).__name__).lower()
