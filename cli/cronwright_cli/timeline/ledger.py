"""The runs that are known so far, kept by id while pages of them arrive again and again. Pure; no clock."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cronwright_cli.timeline.run import Run

_NEVER = datetime.min.replace(tzinfo=UTC)


class Ledger:
    """Runs by id; the newest word about a run counts."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}

    def take(self, runs: Iterable[Run]) -> list[Run]:
        """Keep `runs` and return those that are new or have changed, the oldest first."""
        changed = [run for run in runs if self._runs.get(run.id) != run]
        self._runs.update((run.id, run) for run in changed)
        return in_order(changed)

    def __contains__(self, run: Run) -> bool:
        return run.id in self._runs

    def running(self) -> list[str]:
        """Return the ids of the runs that were not over when they were last seen."""
        return [run.id for run in self._runs.values() if not run.is_over]

    def last_span_at(self) -> datetime:
        """Return when the newest of the known spans was written."""
        return max((run.created_at for run in self._runs.values() if run.count and run.created_at), default=_NEVER)

    def latest(self, limit: int) -> list[Run]:
        """Return the last `limit` runs, the oldest first."""
        return in_order(self._runs.values())[-limit:]


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Return `runs` the oldest first; the id decides between runs of the same moment."""
    return sorted(runs, key=lambda run: (run.at or _NEVER, run.id))
