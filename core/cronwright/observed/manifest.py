"""Reading of objects as the API server holds them. Their shape is the API's promise, so a missing required field is a
KeyError, a defect.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from cronwright.instants import parse_instant
from cronwright.names import LOOP_START_ANNOTATION

# What the API server sends is deep and typed by the API, not by us; facts are what comes out.
Manifest: TypeAlias = Mapping[str, Any]


def instant(fields: Manifest, key: str) -> datetime | None:
    """Return the time at `key`, aware, or None where there is none."""
    text = fields.get(key)
    return None if text is None else parse_instant(text)


def optional_instant(text: str | None) -> datetime | None:
    """Return the time that `text` is, aware, or None where it is none: any hand may have written it."""
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        return None


def loop_start(template: Manifest) -> datetime | None:
    """Return when the loop of a pod `template` takes over, or None where it is of no loop."""
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return optional_instant(annotations.get(LOOP_START_ANNOTATION))


def controller_uid(metadata: Manifest, kind: str) -> str | None:
    """Return the uid of the owner that controls the object, if it is of `kind`."""
    return next(
        (
            owner["uid"]
            for owner in metadata.get("ownerReferences") or ()
            if owner["kind"] == kind and owner.get("controller")
        ),
        None,
    )


def owner_uid(metadata: Manifest, kind: str) -> str | None:
    """Return the uid of the first owner of `kind`, controlling or not."""
    return next((owner["uid"] for owner in metadata.get("ownerReferences") or () if owner["kind"] == kind), None)
