"""What the Task's status says next, as the least write, and which of it is worth a Kubernetes Event.

What each condition says is in `cronwright.conditions`; what becomes of the spec, in `spec`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cronwright.conditions import LoopView, next_status
from cronwright.run.state import RunState
from cronwright.status import TaskStatus, dump_status, merge_patch
from cronwright_operator.actions import Tell, WriteStatus
from cronwright_operator.decisions.spec import Spec
from cronwright_operator.notices import notices
from cronwright_operator.observe import Observation


def status_of(
    seen: Observation, spec: Spec, runs: Sequence[RunState], windows: Sequence[RunState], now: datetime
) -> TaskStatus:
    """Return what the status of the Task that was `seen` says next, at `now` (aware)."""
    facts, old = seen.task, seen.task.status
    ticks = spec.plan.windows is not None if spec.plan else old.plan_kind == "loop"
    view = LoopView(windows, seen.ticks, seen.timeline_problem) if ticks else None
    former = None if ticks else seen.ticks
    return next_status(old, facts.generation, facts.task, spec.verdict, runs, now, view, former)


def tell(old: TaskStatus, new: TaskStatus) -> list[WriteStatus | Tell]:
    """Return what brings people from the `old` status to the `new` one; nothing where they read the same."""
    # A fresh time alone says nothing new.
    kept = {
        kind: before if (before := old.conditions.get(kind)) and condition.says_the_same_as(before) else condition
        for kind, condition in new.conditions.items()
    }
    patch = merge_patch(dump_status(old), dump_status(replace(new, conditions=kept)))
    return [*([WriteStatus(patch)] if patch else []), *map(Tell, notices(old, new))]
