"""The spool: what a ticker has to tell the timeline, as files in the directory that outlives its container.

The ticker writes, its poster reads and deletes. A row is one line, the JSON:API attributes of an event or a span;
a hundred of them make a segment, which is what one post takes. Posting, and what rows say, do not belong here.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cronwright.jsontypes import JSONObject
from cronwright.run.merging import Merged, dump_merged, load_merged, merge, merged_of

MAX_ROWS = 100
"""In a segment, and so in a post."""
DEFAULT_LIMIT_BYTES = 8 * 1024 * 1024
"""Half of the directory, which is memory of the ticker's container: hours of ticks that say little."""
_MAX_MERGED = 100
"""How many merged rows are kept beyond the limit."""

_POSTED = "posted"
_MERGED = "merged"


class Position(NamedTuple):
    """Before row number `row` (from 0) of segment number `segment`."""

    segment: int
    row: int


class Spool:
    """The writer's side. `seconds` is the loop's interval; `span` makes the row of what was merged.

    Beyond `limit` bytes what is written is merged, and becomes rows as soon as half of the limit is free again.
    """

    def __init__(
        self, directory: Path, seconds: int, span: Callable[[Merged], JSONObject], limit: int = DEFAULT_LIMIT_BYTES
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory, self._seconds, self._span, self._limit = directory, seconds, span, limit
        self._sizes = {number: _segment(directory, number).stat().st_size for number in segments(directory)}
        # A new segment, since a ticker that was killed may have left half a line in the last one
        self._end = Position(max(self._sizes, default=posted(directory).segment) + 1, 0)
        self._fd = -1
        merged = directory / _MERGED
        self._merged = load_merged(merged.read_text(encoding="ascii")) if merged.exists() else []
        self._open()

    def append(self, row: JSONObject) -> None:
        """Keep `row` until it is delivered."""
        if sum(self._sizes.values()) >= self._limit:
            beyond = merged_of(row)
            if beyond is not None:
                self._keep_merged([*self._merged, beyond])
            return
        self._write(row)

    def room(self) -> None:
        """Look what the poster has delivered, and write what was merged where there is room for it again."""
        at = posted(self._directory)
        for number in [number for number in self._sizes if number < at.segment]:
            del self._sizes[number]
        if self._merged and sum(self._sizes.values()) <= self._limit // 2:
            for merged in self._merged:
                self._write(self._span(merged))
            self._keep_merged([])

    def delivered(self) -> bool:
        """Return whether all that was written is delivered."""
        return not self._merged and (not self._sizes or posted(self._directory) >= self._end)

    def undelivered(self) -> list[Merged]:
        """Return what is not delivered, row by row."""
        rows = []
        at = posted(self._directory)
        for number in segments(self._directory):
            lines = read(self._directory, number)
            rows += [merged_of(json.loads(line)) for line in lines[at.row if number == at.segment else 0 :]]
        return [row for row in rows if row is not None] + self._merged

    def _write(self, row: JSONObject) -> None:
        if self._end.row == MAX_ROWS:
            self._end = Position(self._end.segment + 1, 0)
            self._open()
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        written = 0
        while written < len(line):
            written += os.write(self._fd, line[written:])
        self._end = Position(self._end.segment, self._end.row + 1)
        self._sizes[self._end.segment] = self._sizes.get(self._end.segment, 0) + len(line)

    def _open(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        path = _segment(self._directory, self._end.segment)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _keep_merged(self, rows: list[Merged]) -> None:
        self._merged = merge(rows, self._seconds, lambda merged: len(merged) <= _MAX_MERGED)
        replace(self._directory / _MERGED, dump_merged(self._merged))


def segments(directory: Path) -> list[int]:
    """Return the numbers of the segments that are there, in order."""
    return sorted(int(name) for name in os.listdir(directory) if name.isdecimal())  # noqa: PTH208 - once per post


def read(directory: Path, number: int) -> list[bytes]:
    """Return the rows of a segment that are written whole."""
    lines = _segment(directory, number).read_bytes().split(b"\n")
    return lines[:-1]


def posted(directory: Path) -> Position:
    """Return up to where the rows are delivered."""
    path = directory / _POSTED
    if not path.exists():
        return Position(0, 0)
    segment, row = path.read_text(encoding="ascii").split()
    return Position(int(segment), int(row))


def note_posted(directory: Path, position: Position) -> None:
    """Note up to where the rows are delivered, and delete the segments before."""
    replace(directory / _POSTED, f"{position.segment} {position.row}")
    for number in segments(directory):
        if number < position.segment:
            _segment(directory, number).unlink(missing_ok=True)


def replace(path: Path, text: str) -> None:
    """Write a small file so that whoever reads it finds either what it held before or `text`, whoever is killed."""
    temporary = f"{path}~"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    os.replace(temporary, path)  # noqa: PTH105 - once per tick, and a Path for it takes longer than the system call


def _segment(directory: Path, number: int) -> Path:
    return directory / f"{number:08}"
