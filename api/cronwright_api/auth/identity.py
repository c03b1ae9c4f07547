"""Who holds a token with audience `cronwright`: Kubernetes' TokenReview, asked as ourselves."""

from collections.abc import Mapping
from dataclasses import dataclass

from cronwright.jsontypes import JSON
from cronwright.names import TOKEN_AUDIENCE
from cronwright_api.auth.bearer import hash_of
from cronwright_api.auth.cache import AnswerCache
from cronwright_api.cluster import Answer, Cluster
from cronwright_api.errors import Unauthenticated, Unavailable

KEPT_SECONDS = 30.0
"""How long a token that was withdrawn may still post; a runner posts several times within it."""
KEPT_TOKENS = 4096

_HOW = f"send a projected token with audience {TOKEN_AUDIENCE}"


@dataclass(frozen=True, slots=True)
class Identity:
    """The bearer of a token; pod name and UID where the token is bound to a pod."""

    username: str
    pod_name: str | None
    pod_uid: str | None

    @property
    def namespace(self) -> str | None:
        """The namespace of a service account, None for any other user."""
        parts = self.username.split(":")
        return parts[2] if parts[:2] == ["system", "serviceaccount"] and len(parts) == 4 else None


class Identities:
    """Reviews tokens, and remembers those that passed for a while."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: AnswerCache[bytes, Identity] = AnswerCache(KEPT_SECONDS, KEPT_TOKENS)

    async def of(self, token: str) -> Identity:
        """Return who holds `token`.

        Raises:
            Unauthenticated: Kubernetes doesn't know the token, or it is for another audience.
            Unavailable: Kubernetes can't be asked.
        """
        return await self._known.get(hash_of(token), lambda: self._review(token))

    async def _review(self, token: str) -> Identity:
        answer = await self._cluster.post(
            "/apis/authentication.k8s.io/v1/tokenreviews",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenReview",
                "spec": {"token": token, "audiences": [TOKEN_AUDIENCE]},
            },
        )
        return identity_of(answer)


def identity_of(answer: Answer) -> Identity:
    """Return what a TokenReview says. Raises as `Identities.of`."""
    if answer.status != 201:
        raise Unavailable(
            "review_refused", f"Kubernetes refuses to review tokens for this API: {answer.message or answer.status}"
        )
    status = answer.body.get("status")
    if not isinstance(status, Mapping) or status.get("authenticated") is not True:
        detail = f"Kubernetes does not know this token for audience {TOKEN_AUDIENCE}; {_HOW}"
        raise Unauthenticated("token_unknown", detail)
    audiences, user = status.get("audiences"), status.get("user")
    # An authenticator that knows no audiences leaves them out, and then the token is for any of them
    if not isinstance(audiences, list) or TOKEN_AUDIENCE not in audiences or not isinstance(user, Mapping):
        raise Unauthenticated(
            "token_audience",
            f"the token is not for audience {TOKEN_AUDIENCE}; send a projected token with that audience",
        )
    return Identity(
        username=str(user.get("username") or ""),
        pod_name=_extra(user, "authentication.kubernetes.io/pod-name"),
        pod_uid=_extra(user, "authentication.kubernetes.io/pod-uid"),
    )


def _extra(user: Mapping[str, JSON], key: str) -> str | None:
    extra = user.get("extra")
    values = extra.get(key) if isinstance(extra, Mapping) else None
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else None
