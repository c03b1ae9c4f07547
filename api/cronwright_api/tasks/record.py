"""What the cache remembers of a Task: its own words, parsed once and packed small; a cluster may have ten thousand."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSON
from cronwright.words import FIELDS

Manifest = Mapping[str, JSON]

_PACKED = ("attributes", "template")
"""Fields that may be large and are only looked at when they are shown; kept as JSON."""
_PLACES = {word.resource: place for place, word in enumerate(FIELDS)}


@dataclass(frozen=True, slots=True)
class Record:
    """A Task at one version. Times are aware; `updated_at` is that of the newest change outside status."""

    uid: str
    namespace: str
    resource_name: str
    version: int
    generation: int
    created_at: datetime
    updated_at: datetime
    _fields: tuple[JSON | bytes, ...]
    _status: bytes

    def field(self, name: str) -> JSON:
        """Return the field `name` of the spec, None where it is unset; `name` itself is never unset."""
        value = self._fields[_PLACES[name]]
        if isinstance(value, bytes):
            return cast(JSON, json.loads(value))
        return self.resource_name if value is None and name == "name" else value

    def status(self) -> Mapping[str, JSON]:
        """Return the status as the manifest has it."""
        return cast(Mapping[str, JSON], json.loads(self._status))


def record_of(manifest: Manifest) -> Record:
    """Return the record of a Task's `manifest` as the API server holds it."""
    metadata = cast(Mapping[str, JSON], manifest["metadata"])
    spec = cast(Mapping[str, JSON], manifest.get("spec") or {})
    created = parse_instant(cast(str, metadata["creationTimestamp"]))
    return Record(
        uid=cast(str, metadata["uid"]),
        namespace=sys.intern(cast(str, metadata["namespace"])),
        resource_name=cast(str, metadata["name"]),
        version=version_of(manifest),
        generation=cast(int, metadata.get("generation", 1)),
        created_at=created,
        updated_at=_updated(metadata, created),
        _fields=tuple(_packed(word.resource, spec.get(word.resource)) for word in FIELDS),
        _status=_text(manifest.get("status") or {}),
    )


def version_of(manifest: Manifest) -> int:
    """Return the resourceVersion; Kubernetes says that those of one resource may be compared as numbers."""
    return int(cast(str, cast(Mapping[str, JSON], manifest["metadata"])["resourceVersion"]))


def _packed(name: str, value: JSON) -> JSON | bytes:
    if value is None:
        return None
    if name in _PACKED:
        return _text(value)
    # Ten thousand Tasks share a handful of schedules, actions and users
    return sys.intern(value) if isinstance(value, str) else value


def _text(value: JSON) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _updated(metadata: Mapping[str, JSON], created: datetime) -> datetime:
    managed = cast("list[Mapping[str, JSON]]", metadata.get("managedFields") or [])
    times = (entry.get("time") for entry in managed if entry.get("subresource") != "status")
    return max((parse_instant(time) for time in times if isinstance(time, str)), default=created)
