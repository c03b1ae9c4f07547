"""Facts of a Job: which run it is, and how far it is."""

from dataclasses import dataclass
from datetime import datetime

from cronwright.instants import parse_instant
from cronwright.names import SCHEDULED_TIME_ANNOTATION, TASK_ANNOTATION, TASK_LABEL, TASK_UID_LABEL
from cronwright.observed.manifest import Manifest, controller_uid, instant, loop_start, optional_instant
from cronwright.run.document import RunDocument, load_document
from cronwright.run.gate import Due, due
from cronwright.schedule.firetimes import FireTimes
from cronwright.schedule.grammar import parse


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A Job. `document` is None where its pod template carries none that can be read; `due` is what its name says of
    its run; `loop_start` is when the plan of a loop's window took over; `ended` is its terminal condition's type;
    `scheduled` says that a CronJob controls it.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    task: str
    task_uid: str
    created_at: datetime
    document: RunDocument | None
    due: Due
    loop_start: datetime | None
    scheduled: bool
    active_deadline_seconds: int | None
    ended: str | None
    ended_at: datetime | None
    end_reason: str
    end_message: str
    deleted: bool


def parse_job(manifest: Manifest) -> JobFacts:
    """Return the facts of a batch/v1 Job that carries our labels."""
    metadata, spec, status = manifest["metadata"], manifest["spec"], manifest.get("status") or {}
    annotations = (spec["template"].get("metadata") or {}).get("annotations") or {}
    end: Manifest = next(
        (c for c in status.get("conditions") or () if c["type"] in ("Complete", "Failed") and c["status"] == "True"), {}
    )
    document = _document(annotations.get(TASK_ANNOTATION))
    annotated = optional_instant(annotations.get(SCHEDULED_TIME_ANNOTATION))
    return JobFacts(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        task=metadata["labels"][TASK_LABEL],
        task_uid=metadata["labels"][TASK_UID_LABEL],
        created_at=parse_instant(metadata["creationTimestamp"]),
        document=document,
        due=due(document, metadata["name"], annotated) if document else Due(annotated),
        loop_start=loop_start(spec["template"]),
        scheduled=controller_uid(metadata, "CronJob") is not None,
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
        document = load_document(text)
        # Anyone who may make Jobs may have written it, and nothing of it may stop us later.
        FireTimes(parse(document.schedule), document.time_zone)
    except ValueError:
        return None
    return document
