"""When a program at `@every 1s` started its ticks, and how late. Pure; the programs say it in their logs, in lines of
"probe", the due time in milliseconds and the start in nanoseconds, both since the Unix epoch.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

_LINE = re.compile(r"probe (\d+) (\d+)")


@dataclass(frozen=True, slots=True)
class Start:
    """One start; `due` in whole seconds and `at` in seconds, since the Unix epoch."""

    due: int
    at: float

    @property
    def late_ms(self) -> float:
        """How long after its due time it came."""
        return (self.at - self.due) * 1000


def read(log: str) -> list[Start]:
    """Return the starts that `log` tells of, whatever else stands in it."""
    return [Start(int(due) // 1000, int(at) / 1e9) for due, at in _LINE.findall(log)]


@dataclass(frozen=True, slots=True)
class Ticks:
    """The starts of the ticks due from the second `begin` (inclusive) to `end` (exclusive)."""

    begin: int
    end: int
    starts: Sequence[Start]

    @property
    def due(self) -> int:
        """How many were due."""
        return self.end - self.begin

    @property
    def lost(self) -> list[int]:
        """The due times without a start."""
        started = {start.due for start in self.starts}
        return [second for second in range(self.begin, self.end) if second not in started]

    @property
    def twice(self) -> list[int]:
        """The due times with more than one start."""
        return [due for due, count in Counter(start.due for start in self.starts).items() if count > 1]

    def late_ms(self, share: float) -> float:
        """Return the lateness that this share of the starts does not pass: 0.5 is the median, 1 the greatest."""
        ordered = sorted(start.late_ms for start in self.starts)
        return ordered[max(0, ceil(share * len(ordered)) - 1)]

    def text(self) -> str:
        """Return the lateness in words."""
        return f"p50 {self.late_ms(0.5):.1f} ms, p99 {self.late_ms(0.99):.1f} ms, max {self.late_ms(1):.1f} ms"


def ticks(starts: Iterable[Start], begin: int, end: int) -> Ticks:
    """Return those of `starts` that were due from `begin` to before `end`."""
    return Ticks(begin, end, [start for start in starts if begin <= start.due < end])
