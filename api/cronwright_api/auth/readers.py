"""Who may read the timeline: whoever may list Tasks, as a SelfSubjectAccessReview with the caller's token says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cronwright.names import GROUP, PLURAL
from cronwright_api.auth.bearer import HOW, hash_of
from cronwright_api.auth.cache import AnswerCache
from cronwright_api.cluster import Cluster
from cronwright_api.errors import Forbidden, Unauthenticated

KEPT_SECONDS = 10.0
"""How long a right that was taken away is still honoured."""
KEPT_ANSWERS = 16_384
LONGEST_NAMESPACE = 63
"""Characters (RFC 1123). What is longer is none, and must not fill the cache."""
REVIEWS_AT_ONCE = 16
"""Reviews that one request has under way: a cluster may have a thousand namespaces."""


@dataclass(frozen=True, slots=True)
class Visible:
    """The namespaces whose rows a caller may see; None stands for all of them."""

    namespaces: frozenset[str] | None

    def shows(self, namespace: str) -> bool:
        """Whether rows of `namespace` may be seen."""
        return self.namespaces is None or namespace in self.namespaces


class Reader:
    """A caller who is known to Kubernetes."""

    def __init__(self, readers: "Readers", token: str, everywhere: bool) -> None:
        self._readers, self._token, self.everywhere = readers, token, everywhere

    async def visible(self, namespaces: Sequence[str]) -> Visible:
        """Return which of `namespaces` the caller may see. Raises as `Readers.of`."""
        if self.everywhere:
            return Visible(None)
        at_once = asyncio.Semaphore(REVIEWS_AT_ONCE)

        async def allowed(namespace: str) -> bool:
            async with at_once:
                return await self._readers.may_list(self._token, namespace)

        answers = await asyncio.gather(*(allowed(namespace) for namespace in namespaces))
        return Visible(frozenset(namespace for namespace, answer in zip(namespaces, answers, strict=True) if answer))


class Readers:
    """Finds out who may read."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: AnswerCache[tuple[bytes, str], bool] = AnswerCache(KEPT_SECONDS, KEPT_ANSWERS)

    async def of(self, token: str) -> Reader:
        """Return the reader that holds `token`: the one review says both that Kubernetes knows the token and whether
        it may list Tasks.

        Raises:
            Unauthenticated: Kubernetes doesn't know the token.
            Unavailable: Kubernetes can't be asked.
        """
        return Reader(self, token, await self.may_list(token, ""))

    async def may_list(self, token: str, namespace: str) -> bool:
        """Whether the bearer may list Tasks in `namespace`, or with an empty one in all of them. Raises as `of`, and
        Forbidden."""
        if len(namespace) > LONGEST_NAMESPACE:
            return False
        return await self._known.get((hash_of(token), namespace), lambda: self._review(token, namespace))

    async def _review(self, token: str, namespace: str) -> bool:
        attributes = {"group": GROUP, "resource": PLURAL, "verb": "list"} | (
            {"namespace": namespace} if namespace else {}
        )
        answer = await self._cluster.post_as(
            token,
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": attributes},
            },
        )
        if answer.status == 401:
            raise Unauthenticated("token_unknown", f"Kubernetes does not know this token, or it has ended; {HOW}")
        if answer.status != 201:
            raise Forbidden(
                "review_refused", f"Kubernetes does not let you ask what you may: {answer.message or answer.status}"
            )
        status = answer.body.get("status")
        return isinstance(status, Mapping) and status.get("allowed") is True
