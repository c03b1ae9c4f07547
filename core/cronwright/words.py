"""The words of a Task's fields in the three places that people write them, and the resource name that a name becomes.

One table: Daptin's schema files say `ActionName`, the HTTP API `action_name`, the Task resource `actionName`. What a
field may hold is decided elsewhere: by `crds/task.yaml`, `cronwright.schedule.grammar` and `cronwright.task`.
"""

import re
from dataclasses import dataclass

LONGEST_NAME = 52  # characters, of both names; a CronJob's limit, since the Job controller appends up to eleven
_NAME = re.compile(r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Word:
    """One field of a Task in its three spellings; `daptin` is None where Daptin has no such field."""

    resource: str
    json_api: str
    daptin: str | None = None


FIELDS = (
    Word("name", "name", "Name"),
    Word("label", "label", "Label"),
    Word("schedule", "schedule", "Schedule"),
    Word("timeZone", "time_zone"),
    Word("actionName", "action_name", "ActionName"),
    Word("entityName", "entity_name", "EntityName"),
    Word("attributes", "attributes", "Attributes"),
    Word("asUserEmail", "as_user_email", "AsUserEmail"),
    Word("isActive", "is_active", "Active"),
    Word("suspendReason", "suspend_reason"),
    Word("concurrencyPolicy", "concurrency_policy"),
    Word("startingDeadlineSeconds", "starting_deadline_seconds"),
    Word("timeoutSeconds", "timeout_seconds"),
    Word("retry", "retry"),
    Word("successfulJobsHistoryLimit", "successful_jobs_history_limit"),
    Word("failedJobsHistoryLimit", "failed_jobs_history_limit"),
    Word("template", "template"),
)
"""Every field of `spec`, in the order in which a person writes them."""

RETRY_FIELDS = (Word("limit", "limit"), Word("backoffSeconds", "backoff_seconds"))
"""Every field of `spec.retry`."""

BY_DAPTIN = {field.daptin: field for field in FIELDS if field.daptin is not None}
BY_JSON_API = {field.json_api: field for field in FIELDS}
BY_RESOURCE = {field.resource: field for field in FIELDS}


def is_name(text: str) -> bool:
    """Return whether `text` may be a Task's `spec.name`.

    That is letters, digits, `.`, `_` and `-`, a letter or digit at both ends, at most 52 characters (`crds/task.yaml`).
    """
    return len(text) <= LONGEST_NAME and _NAME.fullmatch(text) is not None


def resource_name(name: str) -> str:
    """Return the metadata.name of the Task called `name`: the same in lower case, with `-` for `_` and `.`.

    Raises:
        ValueError: `name` is no name of a Task (see `is_name`).
    """
    if not is_name(name):
        raise ValueError(
            f"{name!r} is no name of a Task; write at most {LONGEST_NAME} letters, digits, - _ and dots, with a letter"
            " or digit at both ends, such as daily_report"
        )
    return name.lower().replace("_", "-").replace(".", "-")
