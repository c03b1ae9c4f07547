"""Which ticks of a loop the operator has to account for, since no ticker will: those that a window's pod left without a
word, those whose word stayed with it, and those that a change of plan leaves to nobody.

Which ticks they are is told by `cronwright.plan.loop`; which of them the timeline lacks, it finds out itself.
"""

from collections.abc import Sequence

from cronwright.plan.loop.jobs import JobWithPods, left_untold
from cronwright.plan.loop.steps import Unserved
from cronwright.reasons import Reason
from cronwright.run.document import RunDocument
from cronwright.run.report import undelivered_spans, unserved_span
from cronwright.run.state import RunState
from cronwright_operator.actions import Claim
from cronwright_operator.observe import Observation


def claims_of_windows(seen: Observation, windows: Sequence[RunState]) -> list[Claim]:
    """Return what the windows' Jobs leave to tell: what a ticker could not deliver, and ticks of which it told
    nothing.
    """
    claims: list[Claim] = []
    for window in windows:
        document, pods = window.job.document, tuple(seen.pods_of(window.job))
        if document is None:
            continue
        claims += [
            Claim(tuple(undelivered_spans(document, pod)), pod.uid)
            for pod in pods
            if pod.undelivered and pod.uid not in seen.reported
        ]
        untold = left_untold(JobWithPods(window.job, pods))
        if untold is not None and window.reason and window.job.uid not in seen.reported:
            failed = window.job.ended == "Failed"
            reason, message = (window.reason, window.message) if failed else (Reason.POD_LOST, _UNTOLD)
            span = unserved_span(document, untold, reason, message)
            claims.append(Claim((span,) if span else (), window.job.uid))
    return claims


def claims_of_unserved(unserved: Unserved, windows: Sequence[RunState], document: RunDocument | None) -> list[Claim]:
    """Return the claim of ticks that nobody serves: by the reason of their window, where they have one that knows why,
    and of the plan's `document` where they have none.
    """
    reason, message = Reason.POD_LATE, "the loop was being changed"
    window = next((window for window in windows if window.job == unserved.job), None)
    if window and window.reason:
        reason, message = window.reason, window.message
    if window:
        document = window.job.document
    span = unserved_span(document, unserved.ticks, reason, message) if document else None
    return [Claim((span,))] if span else []


_UNTOLD = "the window's pod ended without a word about it"
