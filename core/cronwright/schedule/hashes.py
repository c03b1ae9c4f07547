"""`H`: a number chosen by the Task's name, so that many Tasks with the same schedule spread, each always at one time.

The choice is a promise: it must not change between versions, or an upgrade moves everybody's runs. A test pins it.
"""

from __future__ import annotations

import hashlib

from cronwright.schedule import fields
from cronwright.schedule.grammar import Cron


def resolve(cron: Cron, namespace: str, name: str) -> Cron:
    """The schedule with a number for each `H`, chosen by SHA-256 of `namespace/name/field`.

    `field` is `minute`, `hour`, `day_of_month`, `month` or `day_of_week`; `text` stays as written. Without an `H` it is
    the schedule itself.
    """
    if not cron.has_hash:
        return cron
    resolved = {
        kind.attribute: _resolve_field(getattr(cron, kind.attribute), kind, f"{namespace}/{name}/{kind.attribute}")
        for kind in fields.KINDS
    }
    return cron._replace(has_hash=False, **resolved)


def _resolve_field(text: str, kind: fields.Kind, key: str) -> str:
    if "H" not in text:
        return text
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest(), "big")
    chosen: list[fields.Item] = []
    for item in fields.items(text, kind):
        if item.hashed:
            choices = fields.hash_choices(item, kind)
            item = choices[digest % len(choices)]
        chosen.append(item)
    return ",".join(fields.write(item) for item in chosen)
