"""kopf's handlers: each watch event is taken in, and the key of its Task put into the queue. No decisions here."""

from collections.abc import Mapping
from typing import Any

import kopf

from cronwright.names import GROUP, PLURAL, VERSION
from cronwright_operator.kubernetes import CHILD_SELECTOR, Kind
from cronwright_operator.observe import Key, Observed
from cronwright_operator.queue import KeyedQueue

CHILD_DELAY_SECONDS = 1.0
"""Jobs and pods change several times within a second of a run's start and end; one look at all of it is enough."""

_RESOURCES: Mapping[Kind, tuple[str, str, str]] = {
    "tasks": (GROUP, VERSION, PLURAL),
    "cronjobs": ("batch", "v1", "cronjobs"),
    "jobs": ("batch", "v1", "jobs"),
    "pods": ("", "v1", "pods"),
}
_CHANGES = ("ADDED", "MODIFIED")
"""What a watch brings live. It brings every version, so one that is known already is the echo of our own write. A list
may have left out versions before the one it holds, so what it brings is looked at in any case.
"""
_DELAYS: Mapping[Kind, float] = {
    "tasks": 0.0,
    "cronjobs": 0.0,
    "jobs": CHILD_DELAY_SECONDS,
    "pods": CHILD_DELAY_SECONDS,
}


def registry(observed: Observed, queue: KeyedQueue[Key]) -> kopf.OperatorRegistry:
    """Return kopf's registry with a handler for each kind that concerns us."""
    handlers = kopf.OperatorRegistry()

    @kopf.on.login(registry=handlers)
    def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)

    def watch(kind: Kind) -> None:
        @kopf.on.event(*_RESOURCES[kind], registry=handlers, id=f"take-in-{kind}")
        async def take_in(event: kopf.RawEvent, **_: Any) -> None:
            manifest: Mapping[str, Any] = event["object"]
            if event["type"] in _CHANGES and observed.knows(kind, manifest):
                return
            key = observed.drop(kind, manifest) if event["type"] == "DELETED" else observed.put(kind, manifest)
            queue.add(key, _DELAYS[kind])

    for kind in _RESOURCES:
        watch(kind)
    return handlers


def operator_settings(clusterwide: bool) -> kopf.OperatorSettings:
    """Return kopf's settings: children are filtered by the server, and kopf posts no Events of its own.

    An operator of some namespaces may list neither namespaces nor resource definitions; kopf would try for a minute.
    """
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = not clusterwide
    settings.persistence.diffbase_storage = _NoDifferences()
    for kind in ("cronjobs", "jobs", "pods"):
        group, version, plural = _RESOURCES[kind]
        settings.watching.label_selectors[group, version, plural] = CHILD_SELECTOR
    return settings


class _NoDifferences(kopf.DiffBaseStorage):
    """kopf copies each object and compares it with the last one that it handled; only handlers of changes need that."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None
