"""What an action is given: `Context`, the public interface for authors of actions.

An action is a function `run(context: Context) -> JSON | None`, registered in entry-point group `cronwright.actions`.
What it returns becomes the payload of the run's end on the timeline; how it fails is for `cronwright_runner.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cronwright.jsontypes import JSONObject

if TYPE_CHECKING:
    from datetime import datetime
    from logging import Logger


class Context(NamedTuple):
    """One attempt of a run, as its action sees it. Times are aware, in UTC."""

    task: str
    """The Task's name as people use it, such as `mail_sync`."""
    namespace: str
    """The Task's namespace."""
    entity: str
    """What the action works on, from entityName; empty where the Task names none."""
    attributes: JSONObject
    """The Task's attributes, as they were written."""
    user: str | None
    """The e-mail address of the user whose authority the run carries, or None."""
    scheduled_time: datetime | None
    """The fire time that the run is for, or None for a manual run."""
    deadline: datetime
    """When the attempt is stopped, if it hasn't ended by then."""
    attempt: int
    """1 for the first attempt of the run in this pod."""
    idempotency_key: str
    """The run's id: the same in every attempt, so that a server can tell a repeated request."""
    logger: Logger
    """Writes to the pod's log with the Task and the run on each line."""
    connections: Mapping[str, JSONObject] = MappingProxyType({})
    """The connections mounted into the run, by name. This release mounts none."""
