"""Laying one partial manifest over another, as a Task's template is laid over the run's pod."""

from collections.abc import Mapping, Sequence
from typing import cast

from cronwright.jsontypes import JSON, JSONObject

# The merge keys of Kubernetes' strategic merge patch for the lists of a pod template (core/v1 types.go, patchMergeKey).
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}

# An item of these has one value or source; merged with another of its name it would have two, which Kubernetes refuses.
_WHOLE = ("env", "volumes")


def overlay(below: JSONObject, above: JSONObject) -> dict[str, JSON]:
    """Return `below` with `above` laid over it: objects merge, lists merge by their Kubernetes merge key, else `above`
    wins.
    """
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _overlay_value(key, merged.get(key), value)
    return merged


def _overlay_value(key: str, below: JSON, above: JSON) -> JSON:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return overlay(below, above)
    merge_key = _MERGE_KEYS.get(key)
    if merge_key and _are_objects(below) and _are_objects(above):
        return _overlay_list(key, merge_key, cast(Sequence[JSONObject], below), cast(Sequence[JSONObject], above))
    return above


def _overlay_list(key: str, merge_key: str, below: Sequence[JSONObject], above: Sequence[JSONObject]) -> list[JSON]:
    result = list(below)
    places = {item.get(merge_key): place for place, item in enumerate(below)}
    for item in above:
        place = places.get(item.get(merge_key))
        if place is None:
            result.append(item)
        else:
            result[place] = item if key in _WHOLE else overlay(result[place], item)
    return list(result)


def _are_objects(value: JSON) -> bool:
    return (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, Mapping) for item in value)
    )
