"""The one place that talks to the Kubernetes API: raw JSON in and out, as ourselves or with a caller's own token.

Who may do what with the answers is `auth/`'s business. aiohttp, which the Kubernetes client brings, is used
directly: inside a cluster its configuration is three files, and without the client's generated models the program
starts a second sooner in 20 MiB less.
"""

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
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

    async def get(self, path: str) -> Answer:
        """GET `path` as ourselves.

        Raises:
            Unavailable: Kubernetes can't be reached or is not well.
        """
        return await self._request(self._own, "GET", path, None, await self._credentials.authorization())

    async def post(self, path: str, body: JSON) -> Answer:
        """POST `body` as ourselves. Raises as `get`. Sent again once where a kept-alive connection broke, so only for
        reviews."""
        return await self._request(self._own, "POST", path, body, await self._credentials.authorization())

    async def post_as(self, token: str, path: str, body: JSON) -> Answer:
        """POST `body` with a caller's bearer `token`. Raises as `get`; for reviews, as `post`."""
        return await self._request(self._callers, "POST", path, body, f"Bearer {token}")

    async def _request(
        self, session: aiohttp.ClientSession, method: str, path: str, body: JSON, authorization: str | None
    ) -> Answer:
        headers = {"Accept": "application/json"} | ({} if authorization is None else {"Authorization": authorization})
        try:
            try:
                return await self._send(session, method, path, body, headers)
            except aiohttp.ServerDisconnectedError:
                return await self._send(session, method, path, body, headers)
        except TimeoutError as error:
            raise Unavailable(
                "kubernetes_unavailable", f"Kubernetes did not answer within {REQUEST_TIMEOUT_SECONDS:.0f} s"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(
                "kubernetes_unavailable", f"Kubernetes can't be reached: {type(error).__name__}"
            ) from error

    async def _send(
        self, session: aiohttp.ClientSession, method: str, path: str, body: JSON, headers: Mapping[str, str]
    ) -> Answer:
        async with session.request(method, self._host + path, json=body, headers=headers) as response:
            if response.status >= 500 or response.status == 429:
                raise Unavailable("kubernetes_unavailable", f"Kubernetes answers {response.status}")
            try:
                parsed = await response.json(content_type=None)
            except ValueError:
                parsed = None
            return Answer(response.status, cast(Mapping[str, JSON], parsed) if isinstance(parsed, dict) else {})


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
