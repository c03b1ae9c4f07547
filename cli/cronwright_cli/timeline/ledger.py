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

    def knows_the_end_of(self, run: Run) -> bool:
        """Whether `run` is known as it is and over: what lies further back was seen before."""
        return run.is_over and self._runs.get(run.id) == run

    @property
    def has_running(self) -> bool:
        """Whether a run is known that was not over when it was last seen."""
        return any(not run.is_over for run in self._runs.values())

    def oldest_running(self) -> datetime | None:
        """When the oldest run that is not over began."""
        return min((run.at for run in self._runs.values() if not run.is_over and run.at is not None), default=None)

    def latest(self, limit: int) -> list[Run]:
        """Return the last `limit` runs, the oldest first."""
        return in_order(self._runs.values())[-limit:]


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Return `runs` the oldest first; the id decides between runs of the same moment."""
    return sorted(runs, key=lambda run: (run.at or _NEVER, run.id))
