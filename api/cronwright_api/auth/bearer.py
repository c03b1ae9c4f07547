"""The bearer token of a request (RFC 6750, section 2.1)."""

import re
from hashlib import sha256

from starlette.requests import Request

from cronwright_api.errors import Unauthenticated

HOW = "write the header Authorization: Bearer $TOKEN with a Kubernetes token, such as kubectl create token NAME gives"


def bearer_token(request: Request) -> str:
    """Return the token of `request`.

    Raises:
        Unauthenticated: there is none, or the header is of another kind.
    """
    header = request.headers.get("authorization")
    if header is None:
        raise Unauthenticated("token_missing", f"no token was sent; {HOW}")
    match = _BEARER.fullmatch(header)
    # An empty or a broken token must not reach Kubernetes, which would take its bearer for system:anonymous
    if match is None:
        raise Unauthenticated("token_malformed", f"the Authorization header holds no bearer token; {HOW}")
    return match.group(1)


def hash_of(token: str) -> bytes:
    """Return what a cache knows a token by: caches hold no tokens."""
    return sha256(token.encode()).digest()


_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*) *")
