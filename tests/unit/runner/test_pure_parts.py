"""The parts of the runner that only compute: settings, payloads, messages, redirects, the registry."""

import json
from importlib.metadata import entry_points

import pytest

from cronwright.reasons import EXPLANATIONS, Reason
from cronwright.timeline.limits import MAX_MESSAGE_CHARACTERS, MAX_PAYLOAD_BYTES
from cronwright_runner.actions.http import allows_redirect, authority, statuses
from cronwright_runner.attempt import signal_name
from cronwright_runner.errors import SettingsError
from cronwright_runner.events import outcome_of, plain
from cronwright_runner.memory import oom_kills_in
from cronwright_runner.output import Tail
from cronwright_runner.registry import BUILT_IN, GROUP
from cronwright_runner.settings import read_settings
from cronwright_runner.verdict import Verdict, dump_verdict, load_verdict, payload_of

ENVIRONMENT = {"POD_NAME": "pod-1", "POD_UID": "uid-1"}

WRONG_SETTINGS = {
    "no POD_NAME": ({"POD_NAME": ""}, "POD_NAME is not set; give it to container runner from field metadata.name"),
    "no POD_UID": ({"POD_UID": ""}, "POD_UID is not set; give it to container runner from field metadata.uid"),
    "API without a scheme": (
        {"CRONWRIGHT_API_URL": "api:6336"},
        "CRONWRIGHT_API_URL is 'api:6336'; write a URL such as http://cronwright-api:6336",
    ),
    "API without a host": (
        {"CRONWRIGHT_API_URL": "http://"},
        "CRONWRIGHT_API_URL is 'http://'; write a URL such as http://cronwright-api:6336",
    ),
    "grace that is no number": (
        {"CRONWRIGHT_GRACE_SECONDS": "30s"},
        "CRONWRIGHT_GRACE_SECONDS is '30s'; write a whole number of seconds such as 30",
    ),
    "unknown log format": ({"CRONWRIGHT_LOG_FORMAT": "xml"}, "CRONWRIGHT_LOG_FORMAT is 'xml'; write json or text"),
}


@pytest.mark.parametrize(("changes", "sentence"), WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_a_setting_that_cannot_be_used_is_named(changes: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings(ENVIRONMENT | changes)
    assert str(refused.value) == sentence


def test_settings_have_the_paths_of_the_contract_unless_told_otherwise() -> None:
    settings = read_settings(ENVIRONMENT)
    assert (settings.api_url, settings.ca_file, settings.node_name) == (None, None, "")
    assert (settings.grace_seconds, settings.log_format) == (30, "json")
    assert str(settings.document_path) == "/etc/cronwright/task"
    assert str(settings.job_name_path) == "/etc/cronwright/job-name"
    assert str(settings.job_uid_path) == "/etc/cronwright/job-uid"
    assert str(settings.scheduled_time_path) == "/etc/cronwright/scheduled-time"
    assert str(settings.token_path) == "/var/run/secrets/cronwright/token"
    assert str(settings.termination_path) == "/dev/termination-log"
    assert read_settings(ENVIRONMENT | {"CRONWRIGHT_API_URL": "https://api:6336/"}).api_url == "https://api:6336"


def _largest(size: int) -> dict[str, str]:
    """Return an object that is `size` bytes long as JSON."""
    return {"text": "é" * ((size - len('{"text": ""}')) // 2)}


RESULTS: dict[str, tuple[object, object]] = {
    "nothing": (None, None),
    "an object": ({"a": 1}, {"a": 1}),
    "an empty object": ({}, {}),
    "a list": ([1], {"result": [1]}),
    "false": (False, {"result": False}),
    "a tuple inside": ({"a": (1, 2)}, {"a": [1, 2]}),
    "numbers as keys": ({1: 2}, {"1": 2}),
    "just as large as allowed": (_largest(MAX_PAYLOAD_BYTES), _largest(MAX_PAYLOAD_BYTES)),
}


@pytest.mark.parametrize(("result", "payload"), RESULTS.values(), ids=RESULTS)
def test_a_result_becomes_a_payload(result: object, payload: object) -> None:
    assert payload_of(result) == (payload, "")


DROPPED: dict[str, tuple[object, str]] = {
    "too large": (_largest(MAX_PAYLOAD_BYTES + 2), "it has 65538 bytes and the timeline keeps 65536"),
    "not JSON": ({"a": object}, "Object of type type is not JSON serializable"),
    "not a number": ({"a": float("nan")}, "Out of range float values are not JSON compliant"),
    "half a character": ({"a": "\ud800"}, "surrogates not allowed"),
}


@pytest.mark.parametrize(("result", "why"), DROPPED.values(), ids=DROPPED)
def test_a_result_that_cannot_be_kept_is_dropped_with_a_note(result: object, why: str) -> None:
    payload, note = payload_of(result)
    assert payload is None
    assert note.startswith("the action's result was dropped, because ")
    assert why in note


def test_a_result_that_holds_itself_is_dropped() -> None:
    endless: dict[str, object] = {}
    endless["self"] = endless
    assert payload_of(endless)[0] is None


def test_a_verdict_that_was_cut_short_is_none() -> None:
    line = dump_verdict(Verdict(Reason.COMPLETED, "a\nb", {"rows": 3}))
    assert load_verdict(line) == Verdict(Reason.COMPLETED, "a\nb", {"rows": 3})
    assert load_verdict(line[:-1]) is None
    assert load_verdict(b"") is None


MESSAGES = {
    "as it is": ("fails – žluťoučký", "fails – žluťoučký"),
    "NUL": ("a\x00b", "a\ufffdb"),
    "half a character": ("a\udcffb", "a?b"),
    "too long": ("x" * 5000, "x" * (MAX_MESSAGE_CHARACTERS - 1) + "…"),
}


@pytest.mark.parametrize(("message", "kept"), MESSAGES.values(), ids=MESSAGES)
def test_a_message_is_one_that_the_timeline_takes(message: str, kept: str) -> None:
    assert plain(message) == kept


TAILS: dict[str, tuple[list[tuple[int, bytes]], str]] = {
    "nothing": ([], ""),
    "all of it": ([(1, b"ab"), (2, b"c"), (1, b"d")], "abcd"),
    "the last bytes": ([(1, b"0123456789ab")], "456789ab"),
    "the last bytes of many": ([(1, b"0123"), (1, b"4567"), (1, b"89")], "23456789"),
    "the other output's line is kept": ([(2, b"bad"), (1, b"0123456789abcdef")], "badbcdef"),
    "the longer one gives way": ([(1, b"xy"), (2, b"0123456789")], "xy456789"),
    "half a character at the cut": ([(1, "aéééé".encode())], "éééé"),
    "half a character lost": ([(1, "éééé.".encode())], "ééé."),
    "bytes that are no UTF-8": ([(1, b"\xff\xff\xff\xff")], "\ufffd\ufffd"),
    "NUL": ([(1, b"a\x00b")], "a\ufffdb"),
}


@pytest.mark.parametrize(("printed", "kept"), TAILS.values(), ids=TAILS)
def test_the_end_of_the_output_is_kept(printed: list[tuple[int, bytes]], kept: str) -> None:
    tail = Tail(limit=8)
    for output, data in printed:
        tail.add(output, data)
    assert tail.text() == kept
    assert len(tail.text().encode()) <= 8


REDIRECTS = {
    "another path": ("http://a/x", "http://a/y", True),
    "the same port by name": ("http://a/x", "http://a:80/y", True),
    "http to https": ("http://a/x", "https://a/x", True),
    "https to http": ("https://a/x", "http://a/x", False),
    "another host": ("http://a/x", "http://b/x", False),
    "a host below it": ("http://a/x", "http://www.a/x", False),
    "another port": ("http://a:8080/x", "http://a:8081/x", False),
    "http to https on another port": ("http://a:8080/x", "https://a/x", False),
    "another scheme": ("http://a/x", "ftp://a/x", False),
    "a host in capitals": ("http://a/x", "http://A/y", True),
}


@pytest.mark.parametrize(("source", "target", "allowed"), REDIRECTS.values(), ids=REDIRECTS)
def test_a_redirect_stays_with_its_host(source: str, target: str, allowed: bool) -> None:
    assert allows_redirect(source, target) is allowed


TRUSTED = {"CRONWRIGHT_API_URL": "https://api.svc:6336", "CRONWRIGHT_CA_FILE": "/etc/cronwright/api-ca"}
AUTHORITIES = {
    "the API": ("https://api.svc:6336/healthz", TRUSTED, "/etc/cronwright/api-ca"),
    "the API, without an authority of its own": ("https://api.svc:6336/", {**TRUSTED, "CRONWRIGHT_CA_FILE": ""}, None),
    "another port of its host": ("https://api.svc/healthz", TRUSTED, None),
    "a host below it": ("https://www.api.svc:6336/", TRUSTED, None),
    "another host": ("https://example.com:6336/", TRUSTED, None),
    "no timeline": ("https://example.com/", {}, None),
}


@pytest.mark.parametrize(("url", "environment", "file"), AUTHORITIES.values(), ids=AUTHORITIES)
def test_only_the_api_is_checked_against_its_own_authority(
    url: str, environment: dict[str, str], file: str | None
) -> None:
    assert authority(url, environment) == file


def test_statuses_in_words() -> None:
    assert statuses(frozenset(range(200, 300))) == "200-299"
    assert statuses(frozenset({404, 200})) == "200, 404"


def test_the_table_of_built_in_actions_is_what_the_distribution_registers() -> None:
    ours = {
        entry.name: entry.value for entry in entry_points(group=GROUP) if entry.value.startswith("cronwright_runner.")
    }
    assert ours == BUILT_IN


OOM = {
    "cgroup v2": ("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n", 2),
    "cgroup v1": ("oom_kill_disable 0\nunder_oom 0\noom_kill 1\n", 1),
    "an old kernel": ("oom_kill_disable 0\nunder_oom 0\n", 0),
}


@pytest.mark.parametrize(("text", "count"), OOM.values(), ids=OOM)
def test_oom_kills_are_counted(text: str, count: int) -> None:
    assert oom_kills_in(text) == count


def test_signals_have_names() -> None:
    assert (signal_name(11), signal_name(40)) == ("SIGSEGV", "signal 40")


def test_reasons_of_runs_have_an_outcome() -> None:
    assert {outcome_of(reason) for reason in Reason if EXPLANATIONS[reason].outcome is not None} == {
        "succeeded",
        "failed",
        "skipped",
        "missed",
    }


def test_a_verdict_is_one_line() -> None:
    assert dump_verdict(Verdict(Reason.ACTION_FAILED, "two\nlines")).count(b"\n") == 1
    assert json.loads(dump_verdict(Verdict(Reason.ACTION_FAILED, "x")))["reason"] == "ActionFailed"
