"""Facts of a Job: which run it is, and how far it is."""

from dataclasses import dataclass
from datetime import datetime

from cronwright.instants import parse_instant
from cronwright.names import SCHEDULED_TIME_ANNOTATION, TASK_ANNOTATION, TASK_LABEL, TASK_UID_LABEL
from cronwright.observed.manifest import Manifest, instant
from cronwright.run.document import RunDocument, load_document


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A Job. `document` is None where its pod template carries none that can be read; `ended` is its terminal
    condition's type.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    task: str
    task_uid: str
    created_at: datetime
    document: RunDocument | None
    annotated_time: datetime | None
    active_deadline_seconds: int | None
    ended: str | None
    ended_at: datetime | None
    end_reason: str
    end_message: str
    deleted: bool


def parse_job(manifest: Manifest) -> JobFacts:
    """Return the facts of a batch/v1 Job that carries our labels."""
    metadata, spec, status = manifest["metadata"], manifest["spec"], manifest.get("status") or {}
    annotations = spec["template"]["metadata"].get("annotations") or {}
    end: Manifest = next(
        (c for c in status.get("conditions") or () if c["type"] in ("Complete", "Failed") and c["status"] == "True"), {}
    )
    annotated = annotations.get(SCHEDULED_TIME_ANNOTATION)
    return JobFacts(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        task=metadata["labels"][TASK_LABEL],
        task_uid=metadata["labels"][TASK_UID_LABEL],
        created_at=parse_instant(metadata["creationTimestamp"]),
        document=_document(annotations.get(TASK_ANNOTATION)),
        annotated_time=_annotated(annotated),
        active_deadline_seconds=spec.get("activeDeadlineSeconds"),
        ended=end.get("type"),
        ended_at=instant(end, "lastTransitionTime"),
        end_reason=end.get("reason", ""),
        end_message=end.get("message", ""),
        deleted="deletionTimestamp" in metadata,
    )


def _document(text: str | None) -> RunDocument | None:
    if text is None:
        return None
    try:
        return load_document(text)
    except ValueError:
        return None


def _annotated(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        return None
