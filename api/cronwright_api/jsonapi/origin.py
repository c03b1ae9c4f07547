"""Scheme and host as the caller wrote them, which links are made of. Only trusted proxies are believed."""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.requests import Request

from cronwright_api.errors import BadRequest

Networks = Sequence[IPv4Network | IPv6Network]


def origin(request: Request, trusted: Networks) -> str:
    """Return the caller's `scheme://host[:port]`.

    Raises:
        BadRequest: the host can't be one.
    """
    scheme, host = request.url.scheme, request.headers.get("host", "localhost")
    if request.client is not None and is_trusted(request.client.host, trusted):
        forwarded = _forwarded(request.headers.get("forwarded", ""))
        scheme = forwarded.get("proto") or _first(request.headers.get("x-forwarded-proto")) or scheme
        host = forwarded.get("host") or _first(request.headers.get("x-forwarded-host")) or host
    if not _HOST.fullmatch(host) or scheme not in ("http", "https"):
        raise BadRequest(
            "host_malformed", f"{host[:80]!a} is no host; send the host of the URL in the Host header", header="Host"
        )
    return f"{scheme}://{host}"


def is_trusted(address: str, trusted: Networks) -> bool:
    """Whether the proxy at `address` is one of `trusted`."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in trusted)


_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")


def _first(value: str | None) -> str:
    return (value or "").partition(",")[0].strip()


def _forwarded(value: str) -> dict[str, str]:
    """The first element of a Forwarded header (RFC 7239, section 4), the one of the proxy next to the caller."""
    pairs = (piece.partition("=") for piece in _first(value).split(";"))
    return {name.strip().lower(): text.strip().strip('"') for name, _, text in pairs}
