"""The attributes of Tasks as JSON text, kept until the Task or its next fire time is another: a list of the same Tasks
costs little more than a copy.

What an attribute shows is for `shown` to say.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cronwright_api.jsonapi.documents import Resource, text_of_attributes
from cronwright_api.tasks.columns import TASK
from cronwright_api.tasks.record import Record
from cronwright_api.tasks.shown import next_change, resource_of

MOST_BYTES = 32 * 1024 * 1024
"""Room for the texts: those of twenty thousand ordinary Tasks."""

_Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A text, true of this very record from `since` until just before `until` (None: for as long as it is there)."""

    record: Record
    since: datetime
    until: datetime | None
    text: bytes


class Rendering:
    """Renders Tasks, each once for each set of attributes that is asked for."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._bytes = most_bytes, 0
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()

    def resource(self, record: Record, now: datetime, fields: Sequence[str] | None = None) -> Resource:
        """Return the resource of `record` with the attributes in `fields`, or with all. `now` is aware."""
        names = tuple(TASK.attributes if fields is None else fields)
        key = (record.uid, names)
        kept = self._kept.get(key)
        if kept is None or not _is_true(kept, record, now):
            text = text_of_attributes(resource_of(record, now, names))
            kept = _Kept(record, now, next_change(record, now, names), text)
            self._keep(key, kept)
        else:
            self._kept.move_to_end(key)
        return Resource(TASK.type, record.uid, kept.text)

    def _keep(self, key: _Key, kept: _Kept) -> None:
        before = self._kept.pop(key, None)
        self._bytes += len(kept.text) - (len(before.text) if before else 0)
        self._kept[key] = kept
        while self._bytes > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.text)


def _is_true(kept: _Kept, record: Record, now: datetime) -> bool:
    return kept.record is record and kept.since <= now and (kept.until is None or now < kept.until)
