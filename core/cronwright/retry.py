"""How often a run tries its action, and how long it pauses in between. A module of its own: a runner's start pays for
each thing that it imports, and needs of a Task only this.
"""

from typing import NamedTuple

DEFAULT_BACKOFF_SECONDS = 10
MAX_BACKOFF_SECONDS = 600


class Retry(NamedTuple):
    """Attempts after the first one, and the pause in seconds before the second; it doubles up to 600 s."""

    limit: int = 0
    backoff_seconds: int = DEFAULT_BACKOFF_SECONDS

    def pause_before(self, attempt: int) -> int:
        """Return the pause in seconds before `attempt` (2 is the first retry)."""
        return min(self.backoff_seconds << (attempt - 2), MAX_BACKOFF_SECONDS)

    def total_pause(self) -> int:
        """Return the seconds that the pauses of a run with every attempt used add up to."""
        return sum(self.pause_before(attempt) for attempt in range(2, self.limit + 2))
