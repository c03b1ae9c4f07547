"""Follows the timeline: asks again and again, and tells what is new, through times when the API is away.

When to ask, `stream` knows. What is shown of it is `table`'s subject.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cronwright_cli.access import Access
from cronwright_cli.errors import ApiAway
from cronwright_cli.timeline.api import LARGEST_PAGE, Wanted, newest_runs, newest_spans
from cronwright_cli.timeline.ledger import Ledger
from cronwright_cli.timeline.run import Run


@dataclass(frozen=True, slots=True)
class News:
    """What one question brought: runs that are new or have changed, the oldest first, or why there was no answer."""

    changed: list[Run]
    problem: str = ""


def last_runs(access: Access, wanted: Wanted, limit: int, ledger: Ledger) -> list[Run]:
    """Put the last `limit` runs and spans into `ledger` and return those that are new or have changed, the oldest
    first.

    Raises:
        ApiError: as `newest_runs`.
    """
    found: list[Run] = []
    for newest in (newest_runs, newest_spans):
        some: list[Run] = []
        for page in newest(access, wanted, min(limit, LARGEST_PAGE)):
            some += page
            if len(some) >= limit:
                break
        found += some[:limit]
    return ledger.take(found)[-limit:]


def follow(access: Access, wanted: Wanted, limit: int, ledger: Ledger, wait: Callable[[], bool]) -> Iterator[News]:
    """Yield news for ever, the first with the last `limit` runs; `wait` is called before each further question and says
    whether it is time for one.

    Raises:
        AccessRefused, ApiError: asking again would not help.
    """
    is_first, news = True, News([])
    while True:
        try:
            news = News(last_runs(access, wanted, limit, ledger) if is_first else _what_is_new(access, wanted, ledger))
            is_first = False
        except ApiAway as problem:
            news = News([], str(problem))
        yield news
        while not wait():
            # Nothing is new but the time
            yield News([], news.problem)


def _what_is_new(access: Access, wanted: Wanted, ledger: Ledger) -> list[Run]:
    found: list[Run] = []
    for page in newest_runs(access, wanted):
        known = [index for index, run in enumerate(page) if run in ledger]
        # What lies behind the last known one was left out at the start, by the limit.
        found += page[: known[-1] + 1] if known else page
        if known:
            break
    seen = {run.id for run in found}
    unseen = tuple(run_id for run_id in ledger.running() if run_id not in seen)
    if unseen:
        # Runs that go on for so long that newer ones have filled the page.
        for page in newest_runs(access, replace(wanted, ids=unseen[:LARGEST_PAGE])):
            found += page
    known_until = ledger.last_span_at()
    for page in newest_spans(access, wanted):
        written = [span for span in page if span.created_at is None or span.created_at >= known_until]
        found += written
        if len(written) < len(page):
            break
    return ledger.take(found)
