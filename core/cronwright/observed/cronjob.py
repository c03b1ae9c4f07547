"""Facts of a CronJob: what its schedule is, what the controller remembers, and whether another hand changed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cronwright.names import (
    FIELD_MANAGER,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    MANIFEST_HASH_ANNOTATION,
    TASK_ANNOTATION,
    TASK_LABEL,
    TASK_UID_LABEL,
)
from cronwright.observed.manifest import Manifest, controller_uid, instant, loop_start
from cronwright.plan.windows import Windows, windows_of
from cronwright.run.document import RunDocument, load_document
from cronwright.schedule.grammar import Every, parse


@dataclass(frozen=True, slots=True)
class CronJobFacts:
    """A CronJob. `touched` says that another hand than the operator's wrote its spec or took off a label.

    For a loop that is or will be open, `loop_start` is when its plan takes over, `loop_document` is its run
    document and `windows` are its windows; these two are None where another hand has made them unreadable.
    """

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str | None
    schedule: str
    time_zone: str | None
    suspend: bool
    last_schedule_time: datetime | None
    loop_start: datetime | None
    loop_document: RunDocument | None
    windows: Windows | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    finalizers: tuple[str, ...]
    touched: bool

    @property
    def manifest_hash(self) -> str | None:
        """The digest of the manifest that it was written from; None where another hand took it off."""
        return self.annotations.get(MANIFEST_HASH_ANNOTATION)

    @property
    def labelled_uid(self) -> str | None:
        """The uid of the Task that its label names."""
        return self.labels.get(TASK_UID_LABEL)

    def is_of(self, task_uid: str) -> bool:
        """Return whether it is the CronJob of that Task: owned by it, or labelled as its and owned by none."""
        return task_uid == (self.owner_uid or self.labelled_uid)


def parse_cron_job(manifest: Manifest) -> CronJobFacts:
    """Return the facts of a batch/v1 CronJob."""
    metadata, spec = manifest["metadata"], manifest["spec"]
    owner = controller_uid(metadata, KIND)
    labels = metadata.get("labels") or {}
    template = spec["jobTemplate"]["spec"]["template"]
    start = loop_start(template)
    document, windows = _loop(template) if start else (None, None)
    return CronJobFacts(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        owner_uid=owner,
        schedule=spec["schedule"],
        time_zone=spec.get("timeZone"),
        suspend=spec.get("suspend", False),
        last_schedule_time=instant(manifest.get("status") or {}, "lastScheduleTime"),
        loop_start=start,
        loop_document=document,
        windows=windows,
        labels=labels,
        annotations=metadata.get("annotations") or {},
        finalizers=tuple(metadata.get("finalizers") or ()),
        touched=labels.get(TASK_UID_LABEL) != owner
        or labels.get(TASK_LABEL) != metadata["name"]
        or labels.get(MANAGED_BY_LABEL) != MANAGED_BY
        or any(map(_touches_spec, metadata.get("managedFields") or ())),
    )


def _loop(template: Manifest) -> tuple[RunDocument | None, Windows | None]:
    try:
        document = load_document(template["metadata"]["annotations"].get(TASK_ANNOTATION, ""))
        if document.loop is None or not isinstance(parse(document.schedule), Every):
            return None, None
        return document, windows_of(document.uid, document.loop.window_seconds)
    except ValueError:
        # Another hand's
        return None, None


def _touches_spec(entry: Manifest) -> bool:
    return (
        entry.get("manager") != FIELD_MANAGER
        and not entry.get("subresource")
        and "f:spec" in (entry.get("fieldsV1") or {})
    )
