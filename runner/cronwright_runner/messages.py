"""What a loop's ticker and runner say to each other over their socket: one line of JSON each.

The ticker says `run` (with a tick), `taken` (an end is kept), `supersede` and `end`; the runner says `hello` (who it is
and what it knows of), `started`, `ended` (an attempt has) and `leaving`.
"""

import json
from collections.abc import Callable
from typing import NamedTuple, cast

from cronwright.jsontypes import JSON, JSONObject

SOCKET = "socket"
"""The socket's name in the loop's directory."""


class UnderWay(NamedTuple):
    """A tick (seconds since the epoch) that a runner knows of: attempt number `attempt` has started at `started_at`
    (RFC 3339), or will after a pause (None).
    """

    tick: int
    attempt: int
    started_at: str | None


class Hello(NamedTuple):
    """The first message of a runner: a name that no other has, what is under way, and which ticks have ended but are
    yet to be told of.
    """

    runner: str
    under_way: tuple[UnderWay, ...]
    ended: tuple[int, ...]


class Ended(NamedTuple):
    """An attempt of a tick has ended, the `number`th that this runner tells of; `over` if the run has, too.

    `event` is the row for the timeline.
    """

    number: int
    tick: int
    attempt: int
    over: bool
    event: JSONObject


class Leaving(NamedTuple):
    """The runner was told to end by a signal."""


FromRunner = Hello | UnderWay | Ended | Leaving


class Run(NamedTuple):
    """Run this tick now."""

    tick: int


class Taken(NamedTuple):
    """The end with this number is kept by the ticker, and need not be told again."""

    number: int


class Supersede(NamedTuple):
    """Stop what is under way, because the Task was edited."""


class End(NamedTuple):
    """End as soon as nothing is under way and all ends are taken."""


FromTicker = Run | Taken | Supersede | End


def dump(message: FromRunner | FromTicker) -> bytes:
    """Return `message` as a line."""
    kind = _KINDS[type(message)]
    return json.dumps([kind, *message], ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def load_from_runner(line: bytes) -> FromRunner:
    """Return what a runner said."""
    kind, *fields = json.loads(line)
    if kind == "hello":
        runner, under_way, ended = fields
        return Hello(runner, tuple(UnderWay(*entry) for entry in under_way), tuple(ended))
    return cast(FromRunner, _TYPES[kind](*fields))


def load_from_ticker(line: bytes) -> FromTicker:
    """Return what a ticker said."""
    kind, *fields = cast(list[JSON], json.loads(line))
    return cast(FromTicker, _TYPES[cast(str, kind)](*fields))


_TYPES: dict[str, Callable[..., object]] = {
    "hello": Hello,
    "started": UnderWay,
    "ended": Ended,
    "leaving": Leaving,
    "run": Run,
    "taken": Taken,
    "supersede": Supersede,
    "end": End,
}
_KINDS = {made_by: kind for kind, made_by in _TYPES.items()}


class Lines:
    """Cuts what comes in on a stream into lines."""

    def __init__(self) -> None:
        self._partial = b""

    def add(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        return lines
