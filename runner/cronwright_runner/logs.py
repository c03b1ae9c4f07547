"""The runner's own log: one line a record on standard error, as JSON or as text.

The formatter is our own, because importing python-json-logger takes longer than all that the runner does before an
action starts. What an action prints is not touched by it.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Literal

from cronwright.instants import format_instant

LogFormat = Literal["json", "text"]


def configure(log_format: LogFormat, **keys: str) -> None:
    """Send every logger's records to standard error; `keys` (task, namespace, run_id) stand on each line."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json(keys) if log_format == "json" else _Text(keys))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)


def line(log_format: LogFormat, message: str, **keys: str) -> bytes:
    """Return a line such as the log has, with `message` and `keys`, to stand before what a program prints."""
    formatter = _Json(keys) if log_format == "json" else _Text(keys)
    record = logging.LogRecord("cronwright.runner", logging.INFO, "", 0, message, None, None)
    return formatter.format(record).encode() + b"\n"


class _Json(logging.Formatter):
    def __init__(self, keys: dict[str, str]) -> None:
        super().__init__()
        self._keys = keys

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields |= self._keys
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class _Text(logging.Formatter):
    def __init__(self, keys: dict[str, str]) -> None:
        super().__init__()
        self._suffix = "".join(f" {key}={value}" for key, value in keys.items())

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname:<7} {record.getMessage()}{self._suffix}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    return format_instant(datetime.fromtimestamp(record.created, UTC))
