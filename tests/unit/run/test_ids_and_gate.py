"""What the name of a Job says of its run, and whether the run may start."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cronwright.plan.choose import choose
from cronwright.reasons import Reason
from cronwright.run.document import Requested, RunDocument, dump_document, load_document
from cronwright.run.gate import Due, Skip, due, gate
from cronwright.run.ids import event_id, job_name, manual_run_id, requested_run_id, scheduled_minute, scheduled_run_id
from cronwright.task import parse_task
from support.facts import DUE, TASK_UID, a_task, at, some_uuid

MINUTE = int(DUE.timestamp()) // 60


def document(schedule: str = "* * * * *", **spec: Any) -> RunDocument:
    """Return the run document of Task backup."""
    return choose(parse_task(a_task(schedule, **spec))).document


NAMES: dict[str, tuple[str, datetime | None]] = {
    "the controller's": (f"backup-{MINUTE}", DUE),
    "of another CronJob": (f"other-{MINUTE}", None),
    "of a CronJob whose name begins alike": (f"backup-db-{MINUTE}", None),
    "by hand": ("by-hand", None),
    "the CronJob's own": ("backup", None),
    "with a word": ("backup-manual", None),
    "with a small number": ("backup-2", None),
    "with a date": ("backup-20270104", None),
    "with a leading zero": (f"backup-0{MINUTE}", None),
    "with a sign": (f"backup--{MINUTE}", None),
    "with digits of another script": ("backup-٢٩٩٨٢٧٢٠", None),
    "before Cronwright": ("backup-20000000", None),
    "in a far future": ("backup-99999999", None),
    "without digits": ("backup-", None),
}


@pytest.mark.parametrize(("name", "minute"), NAMES.values(), ids=NAMES)
def test_the_minute_of_a_name(name: str, minute: datetime | None) -> None:
    assert scheduled_minute("backup", name) == minute


@given(
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?", fullmatch=True),
    st.integers(1_600_000_000, 2_800_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
)
def test_a_name_says_its_minute(cron_job: str, time: datetime) -> None:
    assert scheduled_minute(cron_job, job_name(cron_job, time)) == time.replace(second=0, microsecond=0)


def test_ids_are_the_same_for_all_and_differ_for_each_run() -> None:
    # Written down: a run that changed its id with a release would be on the timeline twice.
    assert scheduled_run_id(TASK_UID, DUE) == UUID("22418b51-d7c7-55ad-b4bb-a7cfecd93876")
    ids = {
        scheduled_run_id(TASK_UID, DUE),
        scheduled_run_id(TASK_UID, at(1)),
        scheduled_run_id(str(some_uuid(1)), DUE),
        manual_run_id(TASK_UID, "job-one"),
        manual_run_id(TASK_UID, "job-two"),
        requested_run_id(TASK_UID, "one"),
        requested_run_id(TASK_UID, "two"),
    }
    assert len(ids) == 7


def test_the_second_counts_and_the_zone_does_not() -> None:
    elsewhere = DUE.astimezone(tz=datetime.fromisoformat("2027-01-01T00:00:00+05:45").tzinfo)
    assert scheduled_run_id(TASK_UID, elsewhere) == scheduled_run_id(TASK_UID, DUE)
    assert scheduled_run_id(TASK_UID, DUE + timedelta(microseconds=9)) == scheduled_run_id(TASK_UID, DUE)


def test_each_event_has_an_id() -> None:
    run = some_uuid(1)
    keys = [("pod", 1, "start"), ("pod", 1, "end"), ("pod", 2, "start"), ("other", 1, "start")]
    assert len({event_id(run, *key) for key in keys}) == len(keys)


DUE_TABLE: dict[str, tuple[RunDocument, str, datetime | None, Due]] = {
    "a tick": (document(), job_name("backup", DUE), None, Due(DUE)),
    "a tick of seconds": (document("@every 90s"), job_name("backup", at(90)), None, Due(at(90))),
    "a tick of seconds, in the minute of the controller's own": (
        document("@every 90s"),
        job_name("backup", at(117)),
        None,
        Due(at(90)),
    ),
    "no tick of the minute": (document("0 3 * * *"), job_name("backup", DUE), None, Due(DUE, off_grid=True)),
    "no tick of the interval": (
        document("@every 7m"),
        job_name("backup", DUE),
        None,
        Due(DUE, off_grid=True),
    ),
    "by hand": (document(), "by-hand", None, Due(None)),
    "by hand, of a Task that runs on request": (document("@manual"), f"backup-{MINUTE}", None, Due(None)),
    "an annotated time wins": (document("0 3 * * *"), "by-hand", at(7), Due(at(7), on_request=True)),
    "an annotated time wins over the name": (document(), job_name("backup", DUE), at(7), Due(at(7), on_request=True)),
    "an annotated time of a loop is a run, not a window": (
        document("@every 5s"),
        "by-hand",
        at(5),
        Due(at(5), on_request=True),
    ),
    "in the Task's zone": (
        document("0 17 * * *", timeZone="Asia/Tokyo"),
        job_name("backup", DUE),
        None,
        Due(DUE),
    ),
}


@pytest.mark.parametrize(("told", "name", "annotated", "expected"), DUE_TABLE.values(), ids=DUE_TABLE)
def test_due(told: RunDocument, name: str, annotated: datetime | None, expected: Due) -> None:
    assert due(told, name, annotated) == expected


GATE: dict[str, tuple[RunDocument, Due, datetime, Skip | None]] = {
    "in time": (document(), Due(DUE), at(3), None),
    "at its deadline": (document(), Due(DUE), at(60), None),
    "past its deadline": (
        document(),
        Due(DUE),
        at(61),
        Skip(
            Reason.STARTING_DEADLINE_PASSED,
            "the run of 2027-01-04T08:00:00Z could start only 61 s late; startingDeadlineSeconds is 60",
        ),
    ),
    "late, with a deadline of its own": (document(startingDeadlineSeconds=600), Due(DUE), at(599), None),
    "ahead of time, by a node's clock": (document(), Due(DUE), at(-2), None),
    "off the grid": (
        document("0 3 * * *"),
        Due(DUE, off_grid=True),
        at(3),
        Skip(Reason.OFF_THE_GRID, "2027-01-04T08:00:00Z is no fire time of 0 3 * * * in Etc/UTC"),
    ),
    "asked for, however late": (document(), Due(DUE, on_request=True), at(86400), None),
    "by hand, whenever": (document(), Due(None), at(86400), None),
}


@pytest.mark.parametrize(("told", "run", "now", "expected"), GATE.values(), ids=GATE)
def test_gate(told: RunDocument, run: Due, now: datetime, expected: Skip | None) -> None:
    assert gate(told, run, now) == expected


DOCUMENTS = {
    "least": document(),
    "most": document(
        "@every 90s",
        label='Daily "backup" of 財務 $(HOME) $$',
        entityName="world",
        attributes={"nested": [{"a": None}], "text": "ü\n$(x)"},
        asUserEmail="reports@example.com",
        startingDeadlineSeconds=7,
        retry={"limit": 2, "backoffSeconds": 5},
    ),
    "of a run that was asked for": document("@every 5s")._replace(requested=Requested("1", "jane@example.com")),
}


@pytest.mark.parametrize("told", DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_document_arrives_as_it_was_written(told: RunDocument) -> None:
    text = dump_document(told)
    assert load_document(text) == told
    assert "\n" not in text


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '"text"', '{"namespace": "shop"}', '{"namespace": 3}'])
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_document(text)
