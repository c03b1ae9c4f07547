"""The Tasks that benchmarks make: alike but for their names. All but loops are not due for weeks, so that no Job starts
meanwhile.
"""

from typing import Any

MONTHLY = "@monthly"
EVERY = "@every 8759h"
LOOP = "@every 59s"

WORKERS = 16
"""Requests at once, of the operator (its default) and of what it is compared with."""


def tasks(namespace: str, first: int, end: int, schedule: str = MONTHLY) -> list[dict[str, Any]]:
    """Return the Tasks of the numbers `first` to before `end`."""
    return [
        {
            "apiVersion": "cronwright.dev/v1",
            "kind": "Task",
            "metadata": {"name": f"task-{number:05}", "namespace": namespace},
            "spec": {
                "label": f"Task {number}",
                "schedule": schedule,
                "actionName": "command",
                "attributes": {"command": ["echo", f"task {number}"], "env": {"GREETING": "hello"}},
            },
        }
        for number in range(first, end)
    ]
