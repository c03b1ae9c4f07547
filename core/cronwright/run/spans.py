"""The span that a stretch of a loop's ticks becomes on the timeline, whoever tells of it."""

from cronwright.run.document import RunDocument
from cronwright.run.merging import Merged
from cronwright.timeline.event import Reporter
from cronwright.timeline.span import Span


def span_of(
    document: RunDocument,
    ticks: Merged,
    *,
    reported_by: Reporter,
    title: str,
    message: str = "",
    pod_uid: str = "",
    pod: str = "",
    node: str = "",
) -> Span:
    """Return the span of `ticks` of the loop of `document`; the pod is the one that owned them, if any."""
    return Span(
        reported_by=reported_by,
        task=document.resource_name,
        namespace=document.namespace,
        task_uid=document.uid,
        title=title,
        reason=ticks.reason,
        schedule=document.schedule,
        time_zone=document.time_zone,
        first_at=ticks.first,
        last_at=ticks.last,
        count=ticks.total,
        message=message,
        pod_uid=pod_uid,
        pod=pod,
        node=node,
        action_name=document.action_name,
        entity_name=document.entity_name,
        as_user_email=document.as_user_email,
    )
