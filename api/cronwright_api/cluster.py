"""The one place that talks to the Kubernetes API: raw JSON in and out, as ourselves or with a caller's own token.

Who may do what with the answers is `auth/`'s business. aiohttp, which the Kubernetes client brings, is used
directly: inside a cluster its configuration is three files, and without the client's generated models the program
starts a second sooner in 20 MiB less.
"""

import asyncio
import json
import os
import ssl
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import aiohttp

from cronwright.jsontypes import JSON
from cronwright_api.errors import Unavailable

REQUEST_TIMEOUT_SECONDS = 5.0
"""A caller waits for us while we wait for Kubernetes; an API server that is well answers these requests within
milliseconds."""
TOKEN_REREAD_SECONDS = 60.0
"""The kubelet rotates the file long before the token ends; a minute late is early enough."""

JSON_TYPE = "application/json"

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class ClusterConfigurationError(Exception):
    """There is no Kubernetes API to be found in the environment."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Kubernetes answered: any status below 500 but 429, and the body, empty where it was no JSON object."""

    status: int
    body: Mapping[str, JSON]

    @property
    def message(self) -> str:
        """The sentence of a Status, empty for other objects."""
        message = self.body.get("message")
        return message if isinstance(message, str) else ""


class WatchRefused(Unavailable):
    """Kubernetes does not begin the watch; `status` is its answer's, 410 where the version to begin at is too old."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("watch_refused", f"Kubernetes refuses the watch: {message or status}")
        self.status = status


class Credentials(Protocol):
    """Where our own token comes from."""

    async def authorization(self) -> str | None:
        """Return the Authorization header, or None where the TLS certificate says who we are."""


class Cluster:
    """A Kubernetes API server."""

    def __init__(self, host: str, trust: ssl.SSLContext, own_trust: ssl.SSLContext, credentials: Credentials) -> None:
        self._host = host.rstrip("/")
        self._credentials = credentials
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_SECONDS)
        self._own = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=own_trust), timeout=timeout)
        # Connections of their own: a client certificate beats the bearer token, so a caller would be taken for us
        self._callers = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust), timeout=timeout)

    async def close(self) -> None:
        """Close the connections."""
        await self._own.close()
        await self._callers.close()

    async def get(self, path: str, accept: str = JSON_TYPE) -> Answer:
        """GET `path` as ourselves.

        Raises:
            Unavailable: Kubernetes can't be reached or is not well.
        """
        return await self._request(self._own, "GET", path, None, await self._credentials.authorization(), accept)

    async def watch(self, path: str, silence_seconds: float) -> AsyncGenerator[Mapping[str, JSON]]:
        """Yield the events of the watch at `path`, as ourselves, until Kubernetes ends it.

        Raises:
            WatchRefused: Kubernetes does not begin it.
            Unavailable: Kubernetes can't be reached, breaks the watch off, or has said nothing for `silence_seconds`.
        """
        authorization = await self._credentials.authorization()
        headers = {} if authorization is None else {"Authorization": authorization}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=REQUEST_TIMEOUT_SECONDS, sock_read=silence_seconds)
        try:
            async with self._own.get(self._host + path, headers=headers, timeout=timeout) as response:
                if response.status != 200:
                    raise WatchRefused(response.status, _parsed(await response.read()).message)
                # A line may be longer than what aiohttp's own reader of lines takes
                rest = b""
                async for chunk in response.content.iter_any():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield cast(Mapping[str, JSON], json.loads(line))
        except TimeoutError as error:
            detail = f"the watch of Kubernetes has said nothing for {silence_seconds:.0f} s"
            raise Unavailable("kubernetes_unavailable", detail) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(error) from error

    async def post(self, path: str, body: JSON) -> Answer:
        """POST `body` as ourselves. Raises as `get`. Sent again once where a kept-alive connection broke, so only for
        reviews."""
        return await self._request(self._own, "POST", path, body, await self._credentials.authorization())

    async def post_as(self, token: str, path: str, body: JSON) -> Answer:
        """POST `body` with a caller's bearer `token`. Raises as `get`; for reviews, as `post`."""
        return await self._request(self._callers, "POST", path, body, f"Bearer {token}")

    async def get_as(self, token: str, path: str) -> Answer:
        """GET `path` with a caller's bearer `token`. Raises as `get`."""
        return await self._request(self._callers, "GET", path, None, f"Bearer {token}")

    async def write_as(self, token: str, method: str, path: str, body: JSON, body_type: str = JSON_TYPE) -> Answer:
        """Send a write with a caller's bearer `token`, once: whether one that broke off was made nobody can tell.

        Raises as `get`.
        """
        return await self._request(self._callers, method, path, body, f"Bearer {token}", JSON_TYPE, body_type, tries=1)

    async def _request(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        body: JSON,
        authorization: str | None,
        accept: str = JSON_TYPE,
        body_type: str = JSON_TYPE,
        tries: int = 2,
    ) -> Answer:
        headers = {"Accept": accept} | ({} if authorization is None else {"Authorization": authorization})
        if body is not None:
            headers["Content-Type"] = body_type
        try:
            while True:
                tries -= 1
                try:
                    return await self._send(session, method, path, body, headers)
                except aiohttp.ServerDisconnectedError:
                    if not tries:
                        raise
        except TimeoutError as error:
            raise Unavailable(
                "kubernetes_unavailable", f"Kubernetes did not answer within {REQUEST_TIMEOUT_SECONDS:.0f} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(error) from error

    async def _send(
        self, session: aiohttp.ClientSession, method: str, path: str, body: JSON, headers: Mapping[str, str]
    ) -> Answer:
        data = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        async with session.request(method, self._host + path, data=data, headers=headers) as response:
            answer = _parsed(await response.read(), response.status)
            if response.status >= 500 or response.status == 429:
                # Its message names the admission webhook that can't be reached, say
                said = f": {answer.message}" if answer.message else ""
                raise Unavailable("kubernetes_unavailable", f"Kubernetes answers {response.status}{said}")
            return answer


def _parsed(body: bytes, status: int = 0) -> Answer:
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    return Answer(status, cast(Mapping[str, JSON], parsed) if isinstance(parsed, dict) else {})


def _unreachable(error: Exception) -> Unavailable:
    return Unavailable("kubernetes_unavailable", f"Kubernetes can't be reached: {type(error).__name__}")


async def connect() -> Cluster:
    """Return the cluster of KUBECONFIG where that is set, else the one that we run in, else the one of the caller's
    kubeconfig.

    Raises:
        ClusterConfigurationError: none of these is there.
    """
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if host and not os.environ.get("KUBECONFIG"):
        trust = ssl.create_default_context(cafile=str(_ACCOUNT / "ca.crt"))
        bracketed = f"[{host}]" if ":" in host else host
        return Cluster(f"https://{bracketed}:{port}", trust, trust, _AccountToken())
    return await _from_kubeconfig()


class _AccountToken:
    """The token of our service account, read again as the kubelet rotates it."""

    def __init__(self) -> None:
        self._header, self._read_at = "", float("-inf")

    async def authorization(self) -> str | None:
        now = time.monotonic()
        if now - self._read_at > TOKEN_REREAD_SECONDS:
            text = await asyncio.to_thread((_ACCOUNT / "token").read_text)
            self._header, self._read_at = f"Bearer {text.strip()}", now
        return self._header


async def _from_kubeconfig() -> Cluster:
    # Only outside a cluster, where a second more at the start doesn't matter
    from kubernetes.aio import config
    from kubernetes.aio.client import Configuration

    configuration = Configuration()
    try:
        await config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise ClusterConfigurationError(f"no Kubernetes API: {error}; run in a pod, or set KUBECONFIG") from error

    class _ConfiguredToken:
        async def authorization(self) -> str | None:
            return await configuration.get_api_key_with_prefix("BearerToken")

    def trust() -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
        if not configuration.verify_ssl:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    own = trust()
    if configuration.cert_file:
        own.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    return Cluster(configuration.host, trust(), own, _ConfiguredToken())
