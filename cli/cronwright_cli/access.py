"""Where the API is and with which bearer token to ask it: options, then the environment, then the kubeconfig."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cronwright_cli import kubectl
from cronwright_cli.errors import BadInput

DEFAULT_URL = "http://localhost:6336"
URL_VARIABLE = "CRONWRIGHT_URL"
TOKEN_VARIABLE = "CRONWRIGHT_TOKEN"


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """The API's base URL, without a slash at its end, and the bearer token."""

    url: str
    token: str

    @property
    def is_this_machine(self) -> bool:
        """Whether the API is on this machine, or a port here leads to it."""
        return _is_this_machine(urlsplit(self.url).hostname or "")


def find_access(url: str | None, token_file: Path | None) -> Access:
    """Return the access that the caller means.

    The kubeconfig's token is sent over TLS or to this machine only: it opens the whole cluster, and CRONWRIGHT_URL may
    name anybody.

    Raises:
        BadInput: an address that is none, or no token anywhere.
    """
    base = (url or os.environ.get(URL_VARIABLE) or DEFAULT_URL).rstrip("/")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadInput(f"the API's address is {base!r}; write one such as {DEFAULT_URL} into --url or {URL_VARIABLE}")
    token = _given_token(token_file)
    if token is None:
        if parts.scheme == "http" and not _is_this_machine(parts.hostname):
            raise BadInput(
                f"{base} is plain HTTP to another machine, where your kubeconfig's token is not sent; use https, or set"
                f" {TOKEN_VARIABLE} to a token that may be seen on the way"
            )
        token = kubectl.current_token()
    if token is None:
        raise BadInput(
            f"no token: {TOKEN_VARIABLE} is not set and the kubeconfig's user has none; set"
            f" {TOKEN_VARIABLE}=$(kubectl create token SERVICEACCOUNT -n NAMESPACE)"
        )
    return Access(base, token)


def _given_token(token_file: Path | None) -> str | None:
    if token_file is None:
        token, source = os.environ.get(TOKEN_VARIABLE), TOKEN_VARIABLE
        if token is None:
            return None
    else:
        source = str(token_file)
        try:
            token = token_file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{source} can't be read: {error}; name a file that holds a bearer token") from error
    token = token.strip()
    # An empty one, or one with a line break inside, would make a header that no server takes.
    if not token or not token.isascii() or any(character.isspace() for character in token):
        raise BadInput(f"{source} holds no bearer token; write what `kubectl create token` prints, and nothing else")
    return token


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
