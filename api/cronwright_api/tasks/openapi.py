"""What /openapi.json says of the routes of Tasks, good enough to make, change and delete one by it."""

import re
from typing import Any

from cronwright.schedule import zones
from cronwright_api.jsonapi.openapi import (
    SCHEMAS,
    SECURITY,
    Schema,
    body,
    document,
    errors,
    fields_parameter,
    identity_parameter,
    instant_pattern,
    list_parameters,
    meta_document,
    parameter,
    ref,
    resource,
    schemas_of,
)
from cronwright_api.tasks import checks
from cronwright_api.tasks.columns import READ_ONLY, TASK, WRITABLE
from cronwright_api.tasks.preview import MOST_SHOWN
from cronwright_api.tasks.schedule_patterns import EVERY, IN_A_ZONE, SCHEDULE
from cronwright_api.tasks.upcoming import SHOWN

_WORD = r"^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"
_YEARS = "19[7-9][0-9]|2[01][0-9]{2}"
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}


def _number(least: int, most: int, **more: Any) -> Schema:
    return {"type": ["integer", "null"], "minimum": least, "maximum": most, **more}


def _text(longest: int, description: str, example: str, **more: Any) -> Schema:
    return {
        "type": ["string", "null"],
        "maxLength": longest,
        "description": description,
        "examples": [example],
        **more,
    }


_SENT: dict[str, Schema] = {
    "name": {
        "type": "string",
        "pattern": _WORD,
        "maxLength": 52,
        # Without examples: who makes Tasks by them makes one, and for the others the name is taken
        "description": "The Task's identifier, such as cleanup_old_data. Never changes.",
    },
    "label": _text(checks.LONGEST_LABEL, "The Task's name for people.", "Cleanup Old Data"),
    "namespace": _text(
        63,
        "The namespace; where it is left out, the installation's default. Never changes.",
        "default",
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    ),
    "schedule": ref("Schedule"),
    "time_zone": ref("TimeZone"),
    "action_name": {
        "type": "string",
        "pattern": _WORD,
        "maxLength": checks.LONGEST_WORD,
        "description": "The action to run.",
        "examples": ["cleanup"],
    },
    "entity_name": _text(checks.LONGEST_WORD, "What the action works on.", "temp_data", pattern=f"^$|{_WORD}"),
    "attributes": {
        "type": ["object", "null"],
        "description": "Input of the action, or a string that holds it as JSON. A PATCH replaces it whole.",
        "examples": [{"days_old": 30}],
    },
    "as_user_email": _text(
        checks.LONGEST_ADDRESS,
        "The user whose authority a run carries, in lower case.",
        "system@example.com",
        pattern=r"^[a-z0-9.!#$%&*+/=?^_{|}~-]+@[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$",
    ),
    "is_active": {"type": "boolean", "description": "False pauses the Task.", "examples": [False]},
    "suspend_reason": _text(checks.LONGEST_REASON, "Why it is paused; only beside is_active false.", "moving house"),
    "concurrency_policy": {
        "enum": [*checks.CHOICES, None],
        "description": "What a run does that is due while one goes on.",
    },
    "starting_deadline_seconds": _number(1, checks.SECONDS_OF_A_YEAR, description="How late a run may start."),
    "timeout_seconds": _number(1, checks.SECONDS_OF_A_WEEK, description="How long an attempt may take."),
    "retry": {
        "type": ["object", "null"],
        "additionalProperties": False,
        "description": "Further attempts, and the pause before the first of them.",
        "properties": {
            "limit": _number(0, checks.MOST_RETRIES),
            "backoff_seconds": _number(1, checks.LONGEST_BACKOFF_SECONDS),
        },
        "examples": [{"limit": 3, "backoff_seconds": 30}],
    },
    "successful_jobs_history_limit": _number(0, checks.MOST_JOBS, description="Jobs of successes that are kept."),
    "failed_jobs_history_limit": _number(0, checks.MOST_JOBS, description="Jobs of failures that are kept."),
    "template": {
        "type": ["object", "null"],
        "description": "A partial pod template, merged into the run's pod.",
        "additionalProperties": False,
        "properties": {
            "metadata": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 63}},
                    "annotations": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 65536}},
                },
            },
            "spec": {"type": "object"},
        },
        "examples": [{"spec": {"nodeSelector": {"disk": "ssd"}}}],
    },
}

_SAID: dict[str, Schema] = {
    "next_run_at": _TIME | {"description": "The next fire time; null while it is paused."},
    "next_runs": {"type": "array", "items": {"type": "string", "format": "date-time"}, "description": "The next five."},
    "description": {"type": ["string", "null"], "description": "The schedule in words."},
    "last_run": {"type": ["object", "null"], "description": "The latest run: id, times, outcome, reason, message."},
    "status": {"type": "object", "description": "Whether it is in force and how its runs end, each with a reason."},
    "reference_id": SCHEMAS[TASK.columns["reference_id"]] | {"description": "The id again."},
    "created_at": {"type": "string", "format": "date-time"},
    "updated_at": {"type": "string", "format": "date-time", "description": "The newest change outside status."},
}

_SHOWN: Schema = {
    "type": "object",
    "properties": {name: _SENT[name] for name in WRITABLE} | {name: _SAID[name] for name in READ_ONLY},
}
_RESOURCE = ref("Task")
_SOME_ID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
_EXAMPLE = {
    "name": "cleanup_old_data",
    "label": "Cleanup Old Data",
    "schedule": "@daily",
    "action_name": "cleanup",
    "entity_name": "temp_data",
    "as_user_email": "system@example.com",
    "is_active": True,
    "attributes": {"days_old": 30},
}


SCHEMAS_OF_TASKS: dict[str, Schema] = {
    **schemas_of(TASK),
    "Task": resource(TASK.type, _SHOWN),
    "Schedule": {
        "type": "string",
        "pattern": SCHEDULE,
        "maxLength": 120,
        "description": "@daily and the like, @every and a duration, @manual, or five cron fields.",
        "examples": ["@daily", "0 3 * * mon-fri"],
    },
    "TimeZone": {
        "type": ["string", "null"],
        # Not as an enum: who tries each choice in turn would do little else
        "pattern": f"^({'|'.join(map(re.escape, sorted(zones.names())))})$",
        "description": f"IANA zone of a cron line, as of {zones.version()}; not beside @every. UTC where it is unset.",
        "examples": ["Europe/Berlin"],
    },
}


_WITH_EACH_OTHER: list[Schema] = [
    {
        "anyOf": [
            {
                "title": "A time zone goes with cron lines and presets,",
                "properties": {"schedule": {"type": "string", "pattern": IN_A_ZONE}},
            },
            {
                "title": "and @every counts in UTC.",
                "properties": {"schedule": {"type": "string", "pattern": EVERY}, "time_zone": {"enum": [None, "UTC"]}},
            },
        ]
    },
    {
        "anyOf": [
            {"title": "A reason for a pause", "properties": {"suspend_reason": {"type": "null"}}},
            {
                "title": "goes with a pause.",
                "required": ["is_active"],
                "properties": {"is_active": {"const": False}},
            },
        ]
    },
]
"""What attributes of a whole Task ask of each other."""


def _posted(required: list[str], properties: dict[str, Schema], *, with_id: bool = False) -> Schema:
    attributes = {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }
    if "schedule" in required:
        attributes["allOf"] = _WITH_EACH_OTHER
    described: dict[str, Schema] = {"type": {"const": TASK.type}, "attributes": attributes}
    if with_id:
        described["id"] = {"type": "string", "format": "uuid"}
    data = {
        "type": "object",
        "required": ["type", "attributes", *(["id"] if with_id else [])],
        "additionalProperties": False,
        "properties": described,
    }
    return {"type": "object", "required": ["data"], "properties": {"data": data}, "additionalProperties": False}


def _go_on(*operations: str) -> dict[str, Schema]:
    """OpenAPI links from an answer with a Task to what can be done with it."""
    identity = "$response.body#/data/id"
    links: dict[str, Schema] = {
        operation: {"operationId": operation, "parameters": {"identity": identity}} for operation in operations
    }
    if "changeTask" in links:
        links["changeTask"]["requestBody"] = {
            "data": {"type": TASK.type, "id": identity, "attributes": {"is_active": False, "label": "Paused"}}
        }
    return links


LISTING: Schema = {
    "parameters": list_parameters(TASK),
    "responses": {
        "200": document("A page", {"type": "array", "items": _RESOURCE}),
        **errors(400, 401, 403, 406, 503),
    },
    "security": SECURITY,
}

READING: Schema = {
    "parameters": [identity_parameter(), fields_parameter(TASK)],
    "responses": {"200": document("The Task", _RESOURCE), **errors(400, 401, 404, 406, 503)},
    "security": SECURITY,
}

CREATING: Schema = {
    "parameters": [fields_parameter(TASK)],
    "requestBody": body(
        _posted(list(checks.REQUIRED), _SENT),
        examples={"a daily task": {"data": {"type": TASK.type, "attributes": _EXAMPLE}}},
    ),
    "responses": {
        "201": document(
            "The Task",
            _RESOURCE,
            links=_go_on("readTask", "changeTask", "deleteTask", "runTask"),
            located=True,
        ),
        **errors(400, 401, 403, 406, 409, 413, 415, 422, 503),
    },
    "security": SECURITY,
}

CHANGING: Schema = {
    "parameters": [identity_parameter(), fields_parameter(TASK)],
    "requestBody": body(
        _posted(
            [], {name: schema for name, schema in _SENT.items() if name not in ("name", "namespace")}, with_id=True
        ),
        examples={
            "another schedule": {
                "data": {"type": TASK.type, "id": _SOME_ID, "attributes": {"schedule": "@every 2h", "is_active": True}}
            },
            "a pause": {"data": {"type": TASK.type, "id": _SOME_ID, "attributes": {"is_active": False}}},
        },
    ),
    "responses": {
        "200": document("The Task", _RESOURCE, links=_go_on("readTask", "runTask", "deleteTask")),
        **errors(400, 401, 403, 404, 406, 409, 413, 415, 422, 503),
    },
    "security": SECURITY,
}

DELETING: Schema = {
    "parameters": [identity_parameter()],
    "responses": {
        "200": meta_document("It is gone", {"type": "object", "maxProperties": 0}),
        **errors(400, 401, 403, 404, 406, 409, 413, 415, 503),
    },
    "security": SECURITY,
}

_RUN_SENT: dict[str, Schema] = {
    "attributes": {
        "type": ["object", "null"],
        "description": "Input of the action in place of the Task's own attributes.",
        "examples": [{"days_old": 7}],
    },
    "scheduled_at": {
        "type": ["string", "null"],
        "format": "date-time",
        "pattern": f"^{instant_pattern(_YEARS, fraction='')}$",
        "description": "The fire time that the run is for, in whole seconds, which is past; it runs once.",
    },
}
_REQUESTED: Schema = {
    "type": "object",
    "required": ["run_id", "state", "task", "namespace", "task_uid", "trigger"],
    "properties": {
        "run_id": {"type": "string", "format": "uuid"},
        "state": {"const": "requested"},
        "task": {"type": "string"},
        "namespace": {"type": "string"},
        "task_uid": {"type": "string", "format": "uuid"},
        "trigger": {"const": "manual"},
        "scheduled_at": _TIME,
        "attributes": {"type": ["object", "null"]},
        "requested_by": {"type": ["string", "null"]},
        "requested_at": _TIME,
    },
}

RUNNING: Schema = {
    "parameters": [identity_parameter()],
    "requestBody": body(
        {"type": "object", "properties": _RUN_SENT, "additionalProperties": False},
        required=False,
        examples={"as it is": {}, "with other attributes": {"attributes": {"days_old": 7}}},
    ),
    "responses": {
        "202": document("The run, which starts soon", resource("run", _REQUESTED), located=True),
        **errors(400, 401, 403, 404, 406, 409, 413, 415, 422, 503),
    },
    "security": SECURITY,
}

_PREVIEW: Schema = {
    "type": "object",
    "required": ["description", "from", "next_runs", "is_active", "plan", "clock_changes", "effects"],
    "properties": {
        "description": {"type": "string", "description": "The schedule in words."},
        "from": _INSTANT,
        "next_runs": {"type": "array", "maxItems": MOST_SHOWN, "items": _INSTANT},
        "is_active": {"type": "boolean"},
        "plan": {
            "type": "object",
            "properties": {
                "kind": {"enum": ["cron", "every", "loop", "manual"]},
                "schedule": {"type": ["string", "null"], "description": "That of the CronJob."},
                "time_zone": {"type": ["string", "null"]},
                "starting_deadline_seconds": {"type": "integer"},
            },
        },
        "clock_changes": {
            "type": "array",
            "description": "Local times of the schedule that don't exist or come twice within a year.",
            "items": {
                "type": "object",
                "properties": {
                    "at": _INSTANT,
                    "kind": {"type": "string"},
                    "sentence": {"type": "string"},
                    "local_times": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "local": {"type": "string"},
                                "runs": {"type": "array", "items": _INSTANT},
                            },
                        },
                    },
                    "local_times_total": {"type": "integer"},
                },
            },
        },
        "effects": {"type": "array", "items": {"type": "string"}, "description": "What would happen, in sentences."},
    },
}

PREVIEWING: Schema = {
    "parameters": [
        parameter(
            "count",
            f"How many fire times, {SHOWN} by default.",
            {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN},
            2,
        ),
        parameter(
            "from",
            "Fire times after this instant; now by default.",
            {"type": "string", "format": "date-time", "pattern": f"^{instant_pattern(_YEARS)}$"},
            "2027-01-04T08:00:00Z",
        ),
    ],
    "requestBody": body(
        _posted(["schedule"], _SENT),
        examples={
            "a schedule": {"data": {"type": TASK.type, "attributes": {"schedule": "@every 90s"}}},
            "a night when clocks change": {
                "data": {"type": TASK.type, "attributes": {"schedule": "30 2 * * *", "time_zone": "Europe/Berlin"}}
            },
        },
    ),
    "responses": {
        "200": meta_document("Fire times, changes of clocks, plan, effects", _PREVIEW),
        **errors(400, 401, 403, 404, 406, 409, 413, 415, 422, 503),
    },
    "security": SECURITY,
}
