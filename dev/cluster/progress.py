"""What a person sees while a command works: one line per step, on stderr, with the seconds it took.

stdout belongs to what a command was asked for (`env`, `images --print`). Nothing here decides anything.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Failure(Exception):
    """A sentence that says what is wrong and what to do; the command ends with it and exit code 1."""


def say(sentence: str) -> None:
    """Prints one line for the person who waits."""
    print(f"  {sentence}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Says `what` at once, and how many seconds it took when it is done."""
    print(f"  {what} ...", end="", file=sys.stderr, flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(f" failed after {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
        raise
    print(f" done in {_seconds(time.monotonic() - start)}", file=sys.stderr, flush=True)


def _seconds(elapsed: float) -> str:
    return f"{elapsed:.1f} s" if elapsed < 10 else f"{elapsed:.0f} s"
