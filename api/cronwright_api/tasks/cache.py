"""All Tasks that the API knows, as the watches tell them, and how old that knowledge is.

Versions never go back: what is older than what is there is left out. Asks nobody; `watching` feeds it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from cronwright_api.tasks.record import Record

FRESH_SECONDS = 30.0
"""How old the knowledge may be that lists are answered from: more than a restart of an API server that is one of
several takes, so that lists go on through that, and little enough that nobody takes old news for new."""
_GONE_KEPT = 4096


class TaskCache:
    """The Tasks of some scopes: namespaces, or an empty name for the whole cluster."""

    def __init__(self, scopes: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self.scopes, self._clock = tuple(scopes), clock
        self._records: dict[str, dict[str, Record]] = {scope: {} for scope in scopes}
        self._heard: dict[str, float] = {}
        self._problems: dict[str, str] = {}
        # A Task that was deleted through this API; events that were under way then must not bring it back
        self._gone: OrderedDict[str, None] = OrderedDict()

    # What is known

    def find(self, uid: str) -> Record | None:
        """Return the Task with this UID."""
        for records in self._records.values():
            if uid in records:
                return records[uid]
        return None

    def namespace_of(self, uid: str) -> str | None:
        """Return the namespace of the Task with this UID, None where none is known."""
        record = self.find(uid)
        return None if record is None else record.namespace

    def all(self) -> Iterable[Record]:
        """Return all Tasks, in no order."""
        for records in self._records.values():
            yield from records.values()

    def __len__(self) -> int:
        return sum(map(len, self._records.values()))

    def namespaces(self) -> list[str]:
        """Return the namespaces that have Tasks, sorted."""
        return sorted({record.namespace for record in self.all()})

    def age_seconds(self) -> float | None:
        """Return how long ago Kubernetes was last heard of for the scope of which that is longest ago, None where one
        has never been listed."""
        if len(self._heard) < len(self.scopes):
            return None
        now = self._clock()
        return max((now - heard for heard in self._heard.values()), default=0.0)

    def problem(self) -> str:
        """Return why the knowledge is too old to answer from, empty where it is not."""
        age = self.age_seconds()
        if age is not None and age <= FRESH_SECONDS:
            return ""
        said = "the Tasks have not been listed yet" if age is None else f"the Tasks are as of {age:.0f} s ago"
        why = next(iter(self._problems.values()), "")
        return f"{said}: {why}" if why else said

    # What is heard

    def heard(self, scope: str) -> None:
        """Kubernetes says that nothing else has happened."""
        self._heard[scope] = self._clock()
        self._problems.pop(scope, None)

    def lost(self, scope: str, problem: str) -> bool:
        """Kubernetes can't be heard; return whether that is news."""
        news = scope not in self._problems
        self._problems[scope] = problem
        return news

    def replace(self, scope: str, records: Iterable[Record]) -> None:
        """A list: these and no others."""
        self._records[scope] = {record.uid: record for record in records if record.uid not in self._gone}
        self.heard(scope)

    def put(self, scope: str, record: Record) -> None:
        """A Task that was made or changed."""
        known = self._records[scope].get(record.uid)
        if record.uid not in self._gone and (known is None or known.version < record.version):
            self._records[scope][record.uid] = record

    def drop(self, scope: str, uid: str) -> None:
        """A Task that was deleted."""
        self._records[scope].pop(uid, None)
        self._gone.pop(uid, None)

    # What this API itself wrote

    def wrote(self, record: Record) -> None:
        """A Task as the answer to a write shows it: lists show it from now on."""
        scope = self._scope(record.namespace)
        if scope in self._heard:
            self.put(scope, record)

    def deleted(self, record: Record) -> None:
        """A Task that Kubernetes has deleted, as the answer says: lists leave it out from now on."""
        if self._records[self._scope(record.namespace)].pop(record.uid, None) is not None:
            self._gone[record.uid] = None
            while len(self._gone) > _GONE_KEPT:
                self._gone.popitem(last=False)

    def serves(self, namespace: str) -> bool:
        """Whether Tasks of `namespace` are served by this installation."""
        return "" in self.scopes or namespace in self.scopes

    def _scope(self, namespace: str) -> str:
        return "" if "" in self.scopes else namespace
