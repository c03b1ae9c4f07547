"""The cron line that Kubernetes gets: the same fire times in the grammar of robfig/cron, which has no 7 and no `H`."""

from __future__ import annotations

from cronwright.schedule import fields
from cronwright.schedule.grammar import Cron

_SATURDAY, _SUNDAY_AT_THE_END = 6, 7


def cron_line(cron: Cron) -> str:
    """Five fields in numbers that robfig/cron's ParseStandard reads as the schedule means them.

    What counts as a star for its rule of the two kinds of day still does, and nothing else does. Raises ValueError for
    an `H` that isn't resolved.
    """
    return " ".join(
        ",".join(_write(item, kind) for item in fields.items(getattr(cron, kind.attribute), kind))
        for kind in fields.KINDS
    )


def _write(item: fields.Item, kind: fields.Kind) -> str:
    if kind is not fields.DAY_OF_WEEK or _SUNDAY_AT_THE_END not in (item.start, item.end):
        return fields.write(item)
    if item.start == _SUNDAY_AT_THE_END:
        return "0"
    named = frozenset(fields.item_numbers(item, kind))
    up_to_saturday = fields.write(item._replace(end=_SATURDAY))
    if item.start == 0 or 0 not in named:
        return "0" if named == {0} else up_to_saturday
    return f"{up_to_saturday},0"
