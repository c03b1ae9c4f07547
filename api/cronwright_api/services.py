"""What the routes need, made once in `main` and handed to them: no route makes or finds any of it itself."""

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from cronwright_api.auth.readers import Readers
from cronwright_api.auth.reporters import Reporters
from cronwright_api.jsonapi.origin import Networks, origin
from cronwright_api.metrics import Metrics
from cronwright_api.readiness import Readiness
from cronwright_api.store.database import Database
from cronwright_api.tasks.service import TaskService
from cronwright_api.timeline.feed import Feed


@dataclass(frozen=True, slots=True)
class Services:
    """The store, who may do what, and what is counted."""

    database: Database
    feed: Feed
    readers: Readers
    tasks: TaskService
    reporters: Reporters
    readiness: Readiness
    metrics: Metrics
    trusted_networks: Networks

    def origin(self, request: Request) -> str:
        """Return scheme and host as the caller of `request` wrote them. Raises BadRequest."""
        return origin(request, self.trusted_networks)


def services_of(request: Request) -> Services:
    """Return the services of the application that takes `request`."""
    return cast(Services, request.app.state.services)
