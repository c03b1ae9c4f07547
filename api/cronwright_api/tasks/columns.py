"""The collection `task`: its attributes over HTTP, and the columns that lists can be sorted by and asked for."""

from cronwright.timeline.query import ColumnType
from cronwright.words import FIELDS
from cronwright_api.jsonapi.collections import Collection

READ_ONLY = (
    "next_run_at",
    "next_runs",
    "description",
    "last_run",
    "status",
    "reference_id",
    "created_at",
    "updated_at",
)
"""What Cronwright says of a Task; ignored where a PATCH brings it back."""

WRITABLE = ("name", "label", "namespace", *(word.json_api for word in FIELDS if word.json_api not in ("name", "label")))

_TYPES = {
    "is_active": ColumnType.BOOLEAN,
    "starting_deadline_seconds": ColumnType.NUMBER,
    "timeout_seconds": ColumnType.NUMBER,
    "successful_jobs_history_limit": ColumnType.NUMBER,
    "failed_jobs_history_limit": ColumnType.NUMBER,
    "next_run_at": ColumnType.INSTANT,
    "created_at": ColumnType.INSTANT,
    "updated_at": ColumnType.INSTANT,
    "reference_id": ColumnType.UUID,
}
_OBJECTS = {"attributes", "retry", "template", "next_runs", "last_run", "status"}

TASK = Collection(
    "task",
    (*WRITABLE, *READ_ONLY),
    {"id": ColumnType.UUID}
    | {name: _TYPES.get(name, ColumnType.TEXT) for name in (*WRITABLE, *READ_ONLY) if name not in _OBJECTS},
    by_row=False,
)
