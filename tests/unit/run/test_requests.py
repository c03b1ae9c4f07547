"""Requests to run now: the annotation read and written, appended to, pruned; what follows from a request's id."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cronwright.run.ids import scheduled_minute, scheduled_run_id
from cronwright.run.requests import (
    MOST_WAITING,
    RequestError,
    RunRequest,
    TooManyRequests,
    append,
    dump_requests,
    parse_requests,
    prune,
    requested_job_name,
    requested_run_id,
)

UID = "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11"
DUE = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
ONE = RunRequest("1")
FULL = RunRequest("2", {"days": [1, {"a": None}]}, DUE, "jane", DUE)


@pytest.mark.parametrize("text", [None, "", "  ", "[]"])
def test_no_annotation_is_no_request(text: str | None) -> None:
    assert parse_requests(text) == ()


def test_what_is_written_is_read() -> None:
    text = dump_requests([ONE, FULL])
    assert text == (
        '[{"id":"1"},{"id":"2","attributes":{"days":[1,{"a":null}]},"scheduledTime":"2027-01-04T08:00:00Z",'
        '"requestedBy":"jane","requestedAt":"2027-01-04T08:00:00Z"}]'
    )
    assert parse_requests(text) == (ONE, FULL)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x", "run-requested is not JSON"),
        ("[" * 100_000, "run-requested is not JSON"),
        ("{}", "run-requested is no list"),
        ("[1]", "holds something else than objects"),
        ("[{}]", "has no id"),
        ('[{"id": 1}]', "has no id"),
        ('[{"id": "a/b"}]', "has no id"),
        (f'[{{"id": "{"a" * 64}"}}]', "has no id"),
        ('[{"id": "1", "when": "now"}]', "has the key 'when'; write id, attributes, scheduledTime"),
        ('[{"id": "1", "attributes": []}]', "attributes of run request '1' is no object"),
        ('[{"id": "1", "requestedBy": 7}]', "requestedBy of run request '1' is no text"),
        ('[{"id": "1", "scheduledTime": "soon"}]', "scheduledTime of run request '1' is no time in whole seconds"),
        ('[{"id": "1", "scheduledTime": 5}]', "scheduledTime of run request '1' is no time"),
        ('[{"id": "1", "scheduledTime": "2027-01-04T08:00:00.5Z"}]', "is no time in whole seconds"),
        ('[{"id": "1"}, {"id": "1"}]', "has the id '1' twice"),
    ],
)
def test_what_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        parse_requests(text)


def test_prune_leaves_what_is_not_handled_in_its_order() -> None:
    assert prune([ONE, FULL, RunRequest("3")], {"2", "9"}) == (ONE, RunRequest("3"))


def test_append_adds_and_drops_what_is_handled() -> None:
    assert append([ONE, FULL], RunRequest("3"), {"1"}) == ((FULL, RunRequest("3")), RunRequest("3"))


def test_the_same_request_is_asked_for_once() -> None:
    assert append([ONE], ONE, ()) == ((ONE,), ONE)


def test_a_fire_time_is_asked_for_once() -> None:
    again = RunRequest("3", scheduled_time=DUE)
    assert append([ONE, FULL], again, ()) == ((ONE, FULL), FULL)
    assert append([FULL], again, {"2"}) == ((again,), again)


def test_two_runs_never_share_an_id() -> None:
    with pytest.raises(RequestError, match="write another id"):
        append([ONE], replace(ONE, attributes={}), ())


@pytest.mark.parametrize(
    ("name", "waiting"),
    [
        ("too many", [RunRequest(str(number)) for number in range(MOST_WAITING)]),
        ("too large", [RunRequest("1", {"text": "x" * 128 * 1024})]),
    ],
)
def test_there_is_an_end_to_what_waits(name: str, waiting: list[RunRequest]) -> None:
    with pytest.raises(TooManyRequests):
        append(waiting, RunRequest("new"), ())
    assert append(waiting, RunRequest("new"), {request.id for request in waiting})[0] == (RunRequest("new"),), name


def test_the_runs_id_follows_from_the_request() -> None:
    """Pinned: operator, runner and API compute it each for itself, perhaps in different versions."""
    assert str(requested_run_id(UID, ONE)) == "eb7ceed0-db96-51a5-87db-ab7209d3504e"
    assert requested_run_id(UID, replace(ONE, attributes={"a": 1})) == requested_run_id(UID, ONE)
    assert requested_run_id(UID, RunRequest("2")) != requested_run_id(UID, ONE)
    assert requested_run_id(UID, FULL) == scheduled_run_id(UID, DUE)


def test_a_jobs_name_follows_from_the_request_and_is_never_that_of_a_tick() -> None:
    name = requested_job_name("export", ONE)
    assert name == "export-r6b86b273f"
    assert len(requested_job_name("a" * 52, ONE)) == 63
    assert all(
        scheduled_minute("export", requested_job_name("export", RunRequest(str(number)))) is None
        for number in range(99)
    )
