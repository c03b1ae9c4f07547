"""The request to a loop's pod to end by itself: what stands in the annotation that the pod reads as a file.

A signal could not tell a pause, which lets a tick finish, from an edit, which does not.
"""

from datetime import datetime
from typing import NamedTuple

from cronwright.instants import format_seconds, parse_instant

_FINISH = "finish"
_SUPERSEDE = "supersede at "


class EndRequest(NamedTuple):
    """No tick starts any more. With `superseded_at` (aware, whole seconds) ticks before that instant still run, and one
    that is under way then is stopped; without, the ticks under way finish.
    """

    superseded_at: datetime | None


FINISH = EndRequest(None)


def dump_end(request: EndRequest) -> str:
    """Return the text of `request`."""
    return _FINISH if request.superseded_at is None else _SUPERSEDE + format_seconds(request.superseded_at)


def load_end(text: str) -> EndRequest | None:
    """Return the request that `text` is, or None where it is empty: nothing was asked for.

    Raises:
        ValueError: `text` is something else.
    """
    if not text:
        return None
    if text == _FINISH:
        return FINISH
    if text.startswith(_SUPERSEDE):
        return EndRequest(parse_instant(text.removeprefix(_SUPERSEDE)))
    raise ValueError(f"the end request is {text[:80]!r}; write finish, or supersede at 2027-01-04T08:00:00Z")
