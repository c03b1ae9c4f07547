"""How a run ends on the timeline, in the exit code and in the termination message, for each way an action can end."""

import json
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from cronwright.instants import parse_instant
from cronwright.jsontypes import JSONObject
from cronwright.reasons import Outcome, Reason
from cronwright.run.ids import manual_run_id, scheduled_run_id

from .pod import JOB_UID, TASK_UID, Pod
from .timeline import Timeline


@dataclass(frozen=True)
class Case:
    """An action with attributes → the end of its run; `message` is what the end's message must be."""

    action: str
    outcome: Outcome
    reason: Reason
    exit_code: int
    message: str = ""
    payload: JSONObject | None = None
    attributes: JSONObject = field(default_factory=dict)


SUCCEEDED, FAILED = Outcome.SUCCEEDED, Outcome.FAILED
CASES = {
    "returns an object": Case(
        "returns", SUCCEEDED, Reason.COMPLETED, 0, payload={"rows": 3}, attributes={"value": {"rows": 3}}
    ),
    "returns a number": Case("returns", SUCCEEDED, Reason.COMPLETED, 0, payload={"result": 7}, attributes={"value": 7}),
    "returns nothing": Case("returns", SUCCEEDED, Reason.COMPLETED, 0, attributes={"value": None}),
    "returns more than the timeline keeps": Case(
        "returns",
        SUCCEEDED,
        Reason.COMPLETED,
        0,
        "the action's result was dropped, because it has 70014 bytes and the timeline keeps 65536",
        attributes={"letters": 70000},
    ),
    "returns what JSON has no form for": Case(
        "returns_set",
        SUCCEEDED,
        Reason.COMPLETED,
        0,
        "the action's result was dropped, because it can't be written as JSON: "
        "Object of type set is not JSON serializable",
    ),
    "sys.exit(0)": Case("exits", SUCCEEDED, Reason.COMPLETED, 0, attributes={"code": 0}),
    "sys.exit(3)": Case(
        "exits", FAILED, Reason.ACTION_FAILED, 64, "the action called sys.exit(3)", attributes={"code": 3}
    ),
    "raises": Case("fails", FAILED, Reason.ACTION_FAILED, 64, "RuntimeError: the table is locked"),
    "raises what it foresaw": Case(
        "fails_as_foreseen", FAILED, Reason.ACTION_FAILED, 64, "the mailbox answers LOGIN with NO"
    ),
    "refuses its attributes": Case(
        "refuses_attributes",
        FAILED,
        Reason.INVALID_ATTRIBUTES,
        64,
        'attributes.rows is "three"; write a number',
        attributes={"rows": "three"},
    ),
    "ends its process": Case(
        "vanishes",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "the action's process ended with exit code 3 before the action returned",
    ),
    "segmentation fault": Case(
        "dies_of",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "the action's process was killed by SIGSEGV",
        attributes={"signal": "SIGSEGV"},
    ),
    "killed": Case(
        "dies_of",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "the action's process was killed by SIGKILL",
        attributes={"signal": "SIGKILL"},
    ),
    "library missing in the image": Case(
        "needs_missing_library",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "ModuleNotFoundError: No module named 'a_library_that_nobody_has'",
    ),
    "unknown action": Case(
        "send_mail",
        FAILED,
        Reason.UNKNOWN_ACTION,
        64,
        "no action is named 'send_mail'; this image knows command, dies_of, digest, echo, exits, fails, "
        "fails_as_foreseen, "
        "fails_first, hangs, hangs_deaf, http, leaves_processes, needs_missing_library, notes, prints, "
        "refuses_attributes, "
        "returns, returns_set, sees_orphan_reaped, vanishes",
    ),
    "command succeeds": Case(
        "command",
        SUCCEEDED,
        Reason.COMPLETED,
        0,
        attributes={"command": ["sh", "-c", 'test "$NAME" = value'], "env": {"NAME": "value"}},
    ),
    "command fails": Case(
        "command",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "sh ended with exit code 3",
        attributes={"command": ["sh", "-c", "exit 3"]},
    ),
    "command is killed": Case(
        "command",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "sh was killed by SIGKILL",
        attributes={"command": ["sh", "-c", "kill -9 $$"]},
    ),
    "command has a directory that isn't there": Case(
        "command",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "there is no directory /nowhere to work in; make it in the image, or mount it by the Task's template",
        attributes={"command": ["true"], "workingDir": "/nowhere"},
    ),
    "command is a directory": Case(
        "command",
        FAILED,
        Reason.ACTION_FAILED,
        64,
        "/tmp can't be started: Permission denied",
        attributes={"command": ["/tmp"]},
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_run_ends_as_its_action_does(pod: Pod, timeline: Timeline, case: Case) -> None:
    ended = pod.runs(case.action, case.attributes).run()

    (end,) = timeline.ends
    assert (end.outcome, end.reason, end.message) == (case.outcome, case.reason, case.message)
    if case.action != "command":
        assert end.payload == case.payload
    assert ended.exit_code == case.exit_code
    assert ended.termination is not None
    assert ended.termination.delivered
    said = ended.termination
    assert (said.run_id, said.outcome, said.reason, said.message, said.attempt, said.finished_at) == (
        end.run_id,
        end.outcome,
        end.reason,
        end.message,
        end.attempt,
        end.finished_at,
    )


def test_start_and_end_say_what_ran_where_and_for_whom(pod: Pod, timeline: Timeline) -> None:
    ended = pod.runs("returns", {"value": 1}).run()

    start, end = sorted(timeline.events, key=lambda event: event.kind, reverse=True)
    assert ended.exit_code == 0
    for event in (start, end):
        assert event.run_id == scheduled_run_id(TASK_UID, pod.this_minute)
        assert (event.task, event.namespace, event.task_uid) == ("mail-sync", "shop", TASK_UID)
        assert (event.title, event.trigger, event.reported_by) == ("Sync the mail", "schedule", "runner")
        assert event.scheduled_at == pod.this_minute
        assert (event.action_name, event.entity_name) == ("returns", "mailbox")
        assert event.as_user_email == "ada@example.com"
        assert (event.pod, event.pod_uid, event.node) == (
            pod.environment["POD_NAME"],
            pod.environment["POD_UID"],
            "node-1",
        )
        assert event.attempt == 1
    assert start.started_at == end.started_at
    assert end.started_at is not None and end.finished_at is not None and end.duration_ms is not None
    assert end.started_at < end.finished_at
    assert abs((end.finished_at - end.started_at).total_seconds() * 1000 - end.duration_ms) < 50


def test_an_action_of_another_package_gets_the_whole_context(pod: Pod, timeline: Timeline) -> None:
    pod.runs("echo", {"mailbox": "INBOX"}).run()

    (end,) = timeline.ends
    payload = dict(end.payload or {})
    deadline = payload.pop("deadline")
    assert payload == {
        "task": "mail_sync",
        "namespace": "shop",
        "entity": "mailbox",
        "attributes": {"mailbox": "INBOX"},
        "user": "ada@example.com",
        "scheduled_time": pod.this_minute.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "attempt": 1,
        "idempotency_key": str(end.run_id),
        "connections": {},
    }
    assert isinstance(deadline, str) and end.started_at is not None
    assert 0 <= (parse_instant(deadline) - end.started_at).total_seconds() - pod.document.timeout_seconds < 1


ATTRIBUTES = {
    "what Kubernetes expands elsewhere": {"text": "$$ $(HOME) $HOME ${HOME} %s {} \\n"},
    "other scripts": {"名前": "Ωμέγα – žluťoučký – 👩‍🚀", "quotes": "\"'`"},
    "control characters": {"text": "a\tb\nc\rd\u0000e\u001b[31m"},
    "nested": {"a": [1, 2.5, True, None, {"b": []}]},
    "64 KiB": {"text": "x" * (64 * 1024 - 11)},
}


@pytest.mark.parametrize("attributes", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes_reach_the_action_as_they_were_written(pod: Pod, timeline: Timeline, attributes: JSONObject) -> None:
    pod.runs("digest", attributes).run()

    (end,) = timeline.ends
    assert end.payload == {"sha256": sha256(json.dumps(attributes, sort_keys=True).encode()).hexdigest()}


def test_a_built_in_name_means_the_built_in_action(pod: Pod, timeline: Timeline) -> None:
    """The extension registers `http`, too."""
    pod.runs("http", {"mailbox": "INBOX"}).run()

    (end,) = timeline.ends
    assert end.message.startswith("attributes.mailbox is unknown; write some of body,")


MANUAL_NAMES = ["mail-sync-by-hand", "mail-sync-manual-5", "other-29000000"]


@pytest.mark.parametrize("name", MANUAL_NAMES)
def test_a_job_that_no_fire_time_made_is_a_manual_run(pod: Pod, timeline: Timeline, name: str) -> None:
    pod.write("job-name", name)
    ended = pod.runs("returns", {"value": None}).run()

    (end,) = timeline.ends
    assert (end.trigger, end.scheduled_at, end.run_id) == ("manual", None, manual_run_id(TASK_UID, JOB_UID))
    assert ended.exit_code == 0


def test_a_job_that_a_person_asked_for_has_the_time_on_it(pod: Pod, timeline: Timeline) -> None:
    pod.write("job-name", "mail-sync-asked-for")
    pod.asked_for(pod.this_minute)
    pod.runs("returns", {"value": None}).run()

    (end,) = timeline.ends
    assert (end.trigger, end.scheduled_at) == ("manual", pod.this_minute)
    assert end.run_id == scheduled_run_id(TASK_UID, pod.this_minute)
