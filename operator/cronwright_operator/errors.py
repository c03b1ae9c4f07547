"""The operator's errors: what Kubernetes answered, in our words. Only `kubernetes.py` makes them of foreign ones."""

from cronwright.reasons import Reason


class KubernetesError(Exception):
    """A request that Kubernetes did not take. `status` is HTTP's, 0 where no answer came; trying again may help."""

    def __init__(self, request: str, status: int, message: str) -> None:
        self.request, self.status, self.message = request, status, message
        super().__init__(f"{request}: {status or 'no answer'}: {message}")


class ConflictError(KubernetesError):
    """The object changed since it was read, or exists already (409)."""


class NotFoundError(KubernetesError):
    """The object is gone (404)."""


class RefusedError(KubernetesError):
    """The API server refuses what was written: invalid (400, 422), forbidden (403). Trying the same again does not
    help.
    """


class StalledError(Exception):
    """A Task that can't be put in force until a person acts."""

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason, self.message = reason, message
        super().__init__(message)


class TimelineError(Exception):
    """The timeline did not take an event; trying again may help."""
