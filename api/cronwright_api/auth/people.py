"""What Kubernetes calls the bearer of a token: a SelfSubjectReview with it, for the record of who asked."""

from collections.abc import Mapping

from cronwright_api.auth.bearer import hash_of
from cronwright_api.auth.cache import AnswerCache
from cronwright_api.cluster import Cluster

KEPT_SECONDS = 60.0
"""A token's bearer never changes its name; the time bounds only what is remembered."""
KEPT_NAMES = 4096


class People:
    """Names of callers."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: AnswerCache[bytes, str] = AnswerCache(KEPT_SECONDS, KEPT_NAMES)

    async def name_of(self, token: str) -> str:
        """Return the user name of the bearer, empty where Kubernetes does not tell it. Raises Unavailable."""
        return await self._known.get(hash_of(token), lambda: self._review(token))

    async def _review(self, token: str) -> str:
        answer = await self._cluster.post_as(
            token,
            "/apis/authentication.k8s.io/v1/selfsubjectreviews",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
        )
        status = answer.body.get("status")
        user = status.get("userInfo") if isinstance(status, Mapping) else None
        return str(user.get("username") or "") if isinstance(user, Mapping) else ""
