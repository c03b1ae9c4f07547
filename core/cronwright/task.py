"""The Task as the programs know it: parsed once, at the edge, into a frozen type.

What the API server's schema has refused never comes here; what it can't see is checked by `cronwright.plan.choose`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from cronwright.jsontypes import JSON, JSONObject
from cronwright.retry import DEFAULT_BACKOFF_SECONDS
from cronwright.retry import Retry as Retry

ConcurrencyPolicy = Literal["Forbid", "Allow", "Replace"]

DEFAULT_TIME_ZONE = "Etc/UTC"
DEFAULT_TIMEOUT_SECONDS = 3600


class TaskError(ValueError):
    """A Task that can't be read: where (`path`), what stands there (`value`), and what to write instead (`remedy`)."""

    def __init__(self, path: str, value: object, remedy: str) -> None:
        self.path, self.value, self.remedy = path, value, remedy
        super().__init__(f"{path} is {value!r}; {remedy}")


@dataclass(frozen=True, slots=True)
class Task:
    """A Task resource. Durations are in seconds; `resource_name` is metadata.name, `name` the identifier people use."""

    namespace: str
    resource_name: str
    uid: str
    generation: int
    name: str
    label: str
    schedule: str
    time_zone: str | None
    action_name: str
    entity_name: str
    attributes: JSONObject
    as_user_email: str | None
    is_active: bool
    suspend_reason: str | None
    concurrency_policy: ConcurrencyPolicy
    starting_deadline_seconds: int | None
    timeout_seconds: int
    retry: Retry
    successful_jobs_history_limit: int
    failed_jobs_history_limit: int
    template: JSONObject | None


def parse_task(manifest: Mapping[str, JSON]) -> Task:
    """Return the Task of a `manifest` as the API server holds it.

    Raises:
        TaskError: a field is missing or of the wrong type.
    """
    metadata, spec = _Fields("metadata", manifest), _Fields("spec", manifest)
    retry = _Fields("retry", spec.fields, "spec.retry", optional=True)
    resource_name = metadata.text("name")
    name = spec.text("name", resource_name)
    return Task(
        namespace=metadata.text("namespace"),
        resource_name=resource_name,
        uid=metadata.text("uid"),
        generation=metadata.number("generation", 1),
        name=name,
        label=spec.text("label", ""),
        schedule=spec.text("schedule"),
        time_zone=spec.optional_text("timeZone"),
        action_name=spec.text("actionName"),
        entity_name=spec.text("entityName", ""),
        attributes=spec.optional_object("attributes") or {},
        as_user_email=spec.optional_text("asUserEmail"),
        is_active=spec.flag("isActive", True),
        suspend_reason=spec.optional_text("suspendReason"),
        concurrency_policy=cast(ConcurrencyPolicy, spec.choice("concurrencyPolicy", ("Forbid", "Allow", "Replace"))),
        starting_deadline_seconds=spec.optional_number("startingDeadlineSeconds"),
        timeout_seconds=spec.number("timeoutSeconds", DEFAULT_TIMEOUT_SECONDS),
        retry=Retry(retry.number("limit", 0), retry.number("backoffSeconds", DEFAULT_BACKOFF_SECONDS)),
        successful_jobs_history_limit=spec.number("successfulJobsHistoryLimit", 3),
        failed_jobs_history_limit=spec.number("failedJobsHistoryLimit", 1),
        template=spec.optional_object("template"),
    )


class _Fields:
    """One object of a manifest, read field by field with the path for the error."""

    def __init__(self, key: str, parent: Mapping[str, JSON], path: str | None = None, optional: bool = False) -> None:
        self.path = path or key
        found = parent.get(key, {} if optional else None)
        if not isinstance(found, Mapping):
            raise TaskError(self.path, found, "write an object with the fields of a Task")
        self.fields = found

    def _typed(self, key: str, kind: type, default: JSON, remedy: str) -> JSON:
        found = self.fields.get(key)
        if found is None:
            found = default
        # bool is an int to isinstance, but not to a reader of YAML
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise TaskError(f"{self.path}.{key}", found, remedy)
        return found

    def text(self, key: str, default: str | None = None) -> str:
        return cast(str, self._typed(key, str, default, "write a string"))

    def number(self, key: str, default: int | None = None) -> int:
        return cast(int, self._typed(key, int, default, "write a whole number"))

    def flag(self, key: str, default: bool) -> bool:
        return cast(bool, self._typed(key, bool, default, "write true or false"))

    def optional_text(self, key: str) -> str | None:
        return None if self.fields.get(key) is None else self.text(key)

    def optional_number(self, key: str) -> int | None:
        return None if self.fields.get(key) is None else self.number(key)

    def optional_object(self, key: str) -> JSONObject | None:
        if self.fields.get(key) is None:
            return None
        return cast(JSONObject, self._typed(key, Mapping, None, "write an object"))

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        found = self.text(key, choices[0])
        if found not in choices:
            raise TaskError(f"{self.path}.{key}", found, f"write one of {', '.join(choices)}")
        return found
