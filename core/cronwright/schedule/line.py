"""The cron line that Kubernetes gets: the same fire times in the grammar of robfig/cron, which has no 7 and no `H`."""

from __future__ import annotations

from cronwright.schedule import fields
from cronwright.schedule.grammar import Cron

_SUNDAY = 7


def cron_line(cron: Cron) -> str:
    """Five fields in numbers that robfig/cron's ParseStandard reads as the schedule means them.

    What counts as a star for its day-of-month or day-of-week rule still does, and nothing else does. Raises ValueError
    for an `H` that isn't resolved.
    """
    return " ".join(
        ",".join(
            written
            for item in fields.items(getattr(cron, kind.attribute), kind)
            for written in (_write_weekday(item) if kind is fields.DAY_OF_WEEK else [fields.write(item)])
        )
        for kind in fields.KINDS
    )


def _write_weekday(item: fields.Item) -> list[str]:
    if item.start is None or _SUNDAY not in (item.start, item.end):
        return [fields.write(item)]
    named = sorted(fields.item_numbers(item, fields.DAY_OF_WEEK))
    if len(named) > 2 and named == list(range(named[0], named[-1] + 1)):
        return [f"{named[0]}-{named[-1]}"]
    if named[0] == 0 and len(named) > 3 and named[1:] == list(range(named[1], 7)):
        return [f"{named[1]}-6", "0"]
    return [str(number) for number in named]
