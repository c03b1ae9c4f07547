"""The two manifests of a loop, closed and opened, and whether a CronJob runs what they say.

What else stands in them is made in `cronwright.plan.manifests`.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSON, JSONObject
from cronwright.names import LOOP_HASH_ANNOTATION, LOOP_START_ANNOTATION
from cronwright.observed.cronjob import CronJobFacts
from cronwright.plan.choose import Plan
from cronwright.plan.overlay import overlay


def closed(manifest: Mapping[str, JSON], start: datetime) -> dict[str, JSON]:
    """Return `manifest` with the loop start, suspended."""
    return _with_start(manifest, start, suspend=True)


def opened(manifest: Mapping[str, JSON], start: datetime) -> dict[str, JSON]:
    """Return `manifest` with the loop start, not suspended."""
    return _with_start(manifest, start, suspend=False)


def runs_the_same(observed: CronJobFacts, manifest: Mapping[str, JSON], plan: Plan) -> bool:
    """Return whether the `observed` CronJob opens the same windows with the same pods as that of `manifest`, whatever
    else differs: whether it is suspended, its loop start, its metadata, how many Jobs it keeps.
    """
    return observed.annotations.get(LOOP_HASH_ANNOTATION) == _hash(manifest) and (
        observed.schedule,
        observed.time_zone,
    ) == (plan.schedule, plan.time_zone)


def _with_start(manifest: Mapping[str, JSON], start: datetime, suspend: bool) -> dict[str, JSON]:
    annotations: JSONObject = {LOOP_START_ANNOTATION: format_seconds(start)}
    return overlay(
        manifest,
        {
            "metadata": {"annotations": {LOOP_HASH_ANNOTATION: _hash(manifest)}},
            "spec": {
                "suspend": suspend,
                "jobTemplate": {"spec": {"template": {"metadata": {"annotations": annotations}}}},
            },
        },
    )


def _hash(manifest: Mapping[str, JSON]) -> str:
    spec = cast(Mapping[str, JSON], manifest["spec"])
    what_runs = [spec["jobTemplate"], spec["schedule"], spec.get("timeZone")]
    return hashlib.sha256(json.dumps(what_runs, sort_keys=True).encode()).hexdigest()[:16]
