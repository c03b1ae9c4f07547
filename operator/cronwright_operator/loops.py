"""The places among the loops of an installation: so many may be in force, since each is a pod that stays."""

from cronwright_operator.observe import Key, Observed


class Places:
    """Who holds a place: every loop whose CronJob is there, and every one that is about to be made.

    Nothing awaits between a decision and its `note`, so workers that decide at the same time never overshoot.
    """

    def __init__(self, observed: Observed, most: int) -> None:
        self._observed, self._most = observed, most
        self._noted: set[Key] = set()

    def has_room(self, key: Key) -> bool:
        """Return whether the Task holds a place or may take one: what is in force is never refused."""
        in_force = self._observed.loops
        if key in in_force or key in self._noted:
            return True
        return len(in_force) + len(self._noted - in_force) < self._most

    def note(self, key: Key, holds: bool) -> None:
        """Note whether the Task holds a place from now on."""
        if holds:
            self._noted.add(key)
        else:
            self._noted.discard(key)
