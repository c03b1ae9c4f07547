"""What to do about one Task: from an observation to a list of actions, and when to look again. Pure.

The order of the actions is the order in which they are applied; a restart after any of them finds the rest to do. The
parts are in `decisions`, and what an action is, in `actions`.
"""

from dataclasses import dataclass
from datetime import datetime

from cronwright.conditions import Stalled
from cronwright.plan.choose import LoopSettings
from cronwright.plan.loop.steps import Unserved
from cronwright.plan.pod import RunnerSettings
from cronwright.run.state import RunState
from cronwright_operator.actions import Action
from cronwright_operator.decisions.again import look_again_at
from cronwright_operator.decisions.claims import claims_of_unserved, claims_of_windows
from cronwright_operator.decisions.jobs import to_delete, to_end
from cronwright_operator.decisions.runs import reports, reports_due, run_states, window_states
from cronwright_operator.decisions.spec import Spec, Trouble, decide_spec
from cronwright_operator.decisions.status import status_of, tell
from cronwright_operator.observe import Observation

DEFAULT_LOOPS = LoopSettings()


@dataclass(frozen=True, slots=True)
class Decision:
    """Actions in their order, and when to look again even if nothing happens. `is_loop` says that the Task holds a
    place among the loops.
    """

    actions: tuple[Action, ...]
    look_again_at: datetime
    is_loop: bool = False


def decide(
    seen: Observation,
    runner: RunnerSettings,
    now: datetime,
    trouble: Trouble | None = None,
    loops: LoopSettings = DEFAULT_LOOPS,
) -> Decision:
    """Return what to do about the Task that was `seen`, at `now` (aware).

    After a failed write it is asked again with the `trouble`; the CronJob is then left alone.
    """
    has_timeline = runner.api_url is not None
    runs, windows = run_states(seen, now), window_states(seen, now)
    spec = decide_spec(seen, runner, now, trouble, loops)
    status = status_of(seen, spec, runs, windows, now)
    claims = claims_of_windows(seen, windows) if has_timeline else []
    due = reports_due(seen, runs) if has_timeline else {}
    untold = {*due, *(claim.of for claim in claims)}
    writes, tells = _writes(spec, windows, has_timeline), tell(seen.task.status, status)
    actions: list[Action] = [
        *claims,
        # What stalls is told first: the writes that let the last good plan go on may be what Kubernetes refuses
        *((*tells, *writes) if isinstance(spec.verdict, Stalled) else (*writes, *tells)),
        *reports(runs, due, now),
        *to_end(runs, now),
        *to_delete(seen, [*runs, *windows], untold),
    ]
    again = look_again_at(spec.look_again_at, status, [*runs, *windows], due.values(), now)
    return Decision(tuple(actions), again, spec.is_loop)


def _writes(spec: Spec, windows: list[RunState], has_timeline: bool) -> list[Action]:
    """The steps as actions: ticks that nobody serves become a claim, where there is a timeline."""
    actions: list[Action] = []
    for step in spec.steps:
        if not isinstance(step, Unserved):
            actions.append(step)
        elif has_timeline:
            actions += claims_of_unserved(step, windows, spec.loop_document)
    return actions
