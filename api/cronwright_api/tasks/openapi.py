"""What /openapi.json says of the routes of Tasks, good enough to make, change and delete one by it."""

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
    list_parameters,
    meta_document,
    parameter,
    resource,
)
from cronwright_api.tasks import checks
from cronwright_api.tasks.columns import READ_ONLY, TASK, WRITABLE
from cronwright_api.tasks.preview import MOST_SHOWN
from cronwright_api.tasks.upcoming import SHOWN

_WORD = r"^[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?$"
_EVERY = r"@every[ \t]+([0-9]{1,5}(\.[0-9]{1,3})?(h|m|s)|[0-9]{4,8}ms){1,5}"


def _cron_field(one: str) -> str:
    """Return the pattern of a cron field, whose numbers or names are those that the pattern `one` takes."""
    item = rf"([*?]|H(\({one}-{one}\))?|{one}(-{one})?)(/0*[1-9][0-9]{{0,2}})?"
    return f"{item}(,{item})*"


_CRON = r"[ \t]+".join(
    _cron_field(one)
    for one in (
        "0*[0-5]?[0-9]",
        "0*(1?[0-9]|2[0-3])",
        "0*([1-9]|[12][0-9]|3[01])",
        "(0*([1-9]|1[0-2])|[A-Za-z]{3})",
        "(0*[0-7]|[A-Za-z]{3})",
    )
)
SCHEDULE = rf"^[ \t]*(@(yearly|annually|monthly|weekly|daily|midnight|hourly|manual)|{_EVERY}|{_CRON})[ \t]*$"
_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}


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
        "description": "The Task's identifier. Never changes.",
        "examples": ["cleanup_old_data"],
    },
    "label": _text(checks.LONGEST_LABEL, "The Task's name for people.", "Cleanup Old Data"),
    "namespace": _text(
        63,
        "The namespace; where it is left out, the installation's default. Never changes.",
        "default",
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
    ),
    "schedule": {
        "type": "string",
        "pattern": SCHEDULE,
        "maxLength": 120,
        "description": "@daily and the like, @every and a duration, @manual, or five cron fields.",
        "examples": ["@daily", "0 3 * * mon-fri"],
    },
    "time_zone": {"$ref": "#/components/schemas/TimeZone"},
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
        "properties": {"metadata": {"type": "object", "maxProperties": 0}, "spec": {"type": "object"}},
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
_RESOURCE = resource(TASK.type, _SHOWN)
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
    "TimeZone": {
        "enum": [*sorted(zones.names()), None],
        "description": f"IANA zone of a cron line, as of {zones.version()}; not beside @every. UTC where it is unset.",
        "examples": ["Europe/Berlin"],
    }
}


def _posted(required: list[str], properties: dict[str, Schema], *, with_id: bool = False) -> Schema:
    attributes = {
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": properties,
    }
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


def _go_on(pointer: str) -> dict[str, Schema]:
    """OpenAPI links from an answer with a Task, whose id is at `pointer`, to what can be done with it."""
    links: dict[str, Schema] = {
        operation: {"operationId": operation, "parameters": {"identity": pointer}}
        for operation in ("readTask", "changeTask", "deleteTask", "runTask")
    }
    links["changeTask"]["requestBody"] = {
        "data": {"type": TASK.type, "id": pointer, "attributes": {"is_active": False, "label": "Paused"}}
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
        "201": document("The Task", _RESOURCE, links=_go_on("$response.body#/data/id")),
        **errors(400, 401, 403, 406, 409, 413, 415, 422, 503),
    },
    "security": SECURITY,
}

CHANGING: Schema = {
    "parameters": [identity_parameter(), fields_parameter(TASK)],
    "requestBody": body(
        _posted([], {name: schema for name, schema in _SENT.items() if name not in ("name", "namespace")}, with_id=True)
    ),
    "responses": {
        "200": document("The Task", _RESOURCE),
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
    "scheduled_at": _TIME | {"description": "The fire time that the run is for, in whole seconds; it runs once."},
}

RUNNING: Schema = {
    "parameters": [identity_parameter()],
    "requestBody": body(
        {"type": "object", "properties": _RUN_SENT, "additionalProperties": False},
        required=False,
        examples={"as it is": {}, "with other attributes": {"attributes": {"days_old": 7}}},
    ),
    "responses": {
        "202": document("The run, which starts soon", resource("run", {"type": "object"})),
        **errors(400, 401, 403, 404, 406, 409, 413, 415, 422, 503),
    },
    "security": SECURITY,
}

PREVIEWING: Schema = {
    "parameters": [
        parameter(
            "count",
            f"How many fire times, {SHOWN} by default.",
            {"type": "integer", "minimum": 1, "maximum": MOST_SHOWN},
        ),
        parameter("from", "Fire times after this instant; now by default.", example="2027-01-04T08:00:00Z"),
    ],
    "requestBody": body(
        _posted(["schedule"], _SENT),
        examples={"a schedule": {"data": {"type": TASK.type, "attributes": {"schedule": "@every 90s"}}}},
    ),
    "responses": {
        "200": meta_document(
            "Fire times, changes of clocks, plan, effects",
            {
                "type": "object",
                "required": ["description", "from", "next_runs", "is_active", "plan", "clock_changes", "effects"],
            },
        ),
        **errors(400, 401, 403, 404, 406, 413, 415, 422, 409, 503),
    },
    "security": SECURITY,
}
