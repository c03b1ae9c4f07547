"""Attributes that an action can't use: each mistake has its own sentence, with the field and what to write instead."""

import pytest

from cronwright.jsontypes import JSON, JSONObject
from cronwright_runner.actions.command import read_command
from cronwright_runner.actions.http import read_request
from cronwright_runner.errors import InvalidAttributes

URL = "https://example.com/ping"

HTTP: dict[str, tuple[JSONObject, str]] = {
    "url left out": ({}, "url is missing; write a URL such as https://example.com/ping"),
    "url is null": ({"url": None}, "url is missing; write a URL such as https://example.com/ping"),
    "url is a number": ({"url": 7}, "url is 7; write a URL such as https://example.com/ping"),
    "url without a scheme": (
        {"url": "example.com/ping"},
        'url is "example.com/ping"; begin it with http:// or https://',
    ),
    "url of another scheme": (
        {"url": "ftp://example.com"},
        'url is "ftp://example.com"; begin it with http:// or https://',
    ),
    "url without a host": ({"url": "https:///ping"}, 'url is "https:///ping"; name a host after the //'),
    "url with a port that is none": (
        {"url": "http://example.com:http/"},
        'url is "http://example.com:http/"; its host or port is none; write a URL such as https://example.com/ping',
    ),
    "url with a password": (
        {"url": "https://ada:secret@example.com/"},
        'url is "https://…@example.com"; leave out the user and password, which everyone who reads the Task would see',
    ),
    "url with a blank": (
        {"url": "https://example.com/a b"},
        'url is "https://example.com/a b"; write blanks and line ends in it as %20 and %0A',
    ),
    "unknown attribute": (
        {"url": URL, "uri": URL},
        "uri is unknown; write some of body, expectStatus, headers, method, timeoutSeconds, url",
    ),
    "method in lower case": (
        {"url": URL, "method": "post"},
        'method is "post"; write one of DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
    ),
    "headers as a list": (
        {"url": URL, "headers": ["Accept"]},
        'headers is ["Accept"]; write an object of strings such as {"Accept": "application/json"}',
    ),
    "header that YAML reads as a number": (
        {"url": URL, "headers": {"X-Tries": 3}},
        "headers.X-Tries is 3; write a string, in quotes where YAML would read something else",
    ),
    "header name with a blank": (
        {"url": URL, "headers": {"My header": "1"}},
        'headers is "My header"; name a header with letters, digits and -',
    ),
    "header that the runner sets": (
        {"url": URL, "headers": {"idempotency-key": "1"}},
        'headers.idempotency-key is "1"; leave it out, since the runner sets it',
    ),
    "header of two lines": (
        {"url": URL, "headers": {"Accept": "a\r\nHost: b"}},
        'headers.Accept is "a\\r\\nHost: b"; write it on one line, without control characters',
    ),
    "header in another script": (
        {"url": URL, "headers": {"X-Name": "Ωμέγα"}},
        'headers.X-Name is "Ωμέγα"; write it in ASCII, which is all that every server takes in a header',
    ),
    "expectStatus as a string": (
        {"url": URL, "expectStatus": "204"},
        'expectStatus is "204"; write a status from 100 to 599 such as 204, or a list of them',
    ),
    "expectStatus out of range": (
        {"url": URL, "expectStatus": [200, 99]},
        "expectStatus[1] is 99; write a status from 100 to 599 such as 204, or a list of them",
    ),
    "expectStatus is true": (
        {"url": URL, "expectStatus": True},
        "expectStatus is true; write a status from 100 to 599 such as 204, or a list of them",
    ),
    "expectStatus is empty": (
        {"url": URL, "expectStatus": []},
        "expectStatus is []; name at least one status, or leave it out for 200-299",
    ),
    "timeoutSeconds is 0": (
        {"url": URL, "timeoutSeconds": 0},
        "timeoutSeconds is 0; write a number of seconds above 0, at most 86400",
    ),
    "timeoutSeconds as Go writes it": (
        {"url": URL, "timeoutSeconds": "30s"},
        'timeoutSeconds is "30s"; write a number of seconds above 0, at most 86400',
    ),
}

ARGV = 'write a list of strings such as ["tar", "-czf", "/backup/db.tgz", "/data"]'
COMMAND: dict[str, tuple[JSONObject, str]] = {
    "command left out": ({}, f"command is missing; {ARGV}"),
    "command as one string": (
        {"command": "tar -czf x y"},
        'command is "tar -czf x y"; no shell reads it, so write its words as a list, or ["sh", "-c", "tar -czf x y"]',
    ),
    "command is empty": ({"command": []}, f"command is []; {ARGV}"),
    "command as an object": ({"command": {"a": "b"}}, f'command is {{"a": "b"}}; {ARGV}'),
    "argument that YAML reads as a number": (
        {"command": ["sleep", 5]},
        "command[1] is 5; write each argument as a string, in quotes",
    ),
    "argument with NUL": (
        {"command": ["echo", "a\x00b"]},
        'command[1] is "a\\u0000b"; leave out the NUL character, which no argument can hold',
    ),
    "program without a name": ({"command": [""]}, 'command[0] is ""; write the program\'s name or path'),
    "unknown attribute": (
        {"command": ["true"], "args": []},
        "args is unknown; write some of command, env, workingDir",
    ),
    "env as Kubernetes writes it": (
        {"command": ["true"], "env": [{"name": "A", "value": "b"}]},
        'env is [{"name": "A", "value": "b"}]; write an object of strings such as {"LANG": "C.UTF-8"}',
    ),
    "env with a number": (
        {"command": ["true"], "env": {"RETRIES": 3}},
        "env.RETRIES is 3; write a string, in quotes where YAML would read something else",
    ),
    "env with a name that is none": (
        {"command": ["true"], "env": {"A=B": "c"}},
        'env is "A=B"; name a variable with letters, digits and _',
    ),
    "env with a name of the runner's": (
        {"command": ["true"], "env": {"CRONWRIGHT_TASK": "x"}},
        'env.CRONWRIGHT_TASK is "x"; choose a name that doesn\'t begin with CRONWRIGHT_',
    ),
    "env with NUL": (
        {"command": ["true"], "env": {"A": "\x00"}},
        'env.A is "\\u0000"; leave out the NUL character, which no variable can hold',
    ),
    "workingDir as a number": ({"command": ["true"], "workingDir": 7}, "workingDir is 7; write a path such as /data"),
    "workingDir is relative": (
        {"command": ["true"], "workingDir": "data"},
        'workingDir is "data"; write an absolute path, which begins with /',
    ),
}


@pytest.mark.parametrize(("attributes", "sentence"), HTTP.values(), ids=HTTP)
def test_http_says_what_is_wrong(attributes: JSONObject, sentence: str) -> None:
    with pytest.raises(InvalidAttributes) as refused:
        read_request(attributes)
    assert str(refused.value) == f"attributes.{sentence}"


@pytest.mark.parametrize(("attributes", "sentence"), COMMAND.values(), ids=COMMAND)
def test_command_says_what_is_wrong(attributes: JSONObject, sentence: str) -> None:
    with pytest.raises(InvalidAttributes) as refused:
        read_command(attributes)
    assert str(refused.value) == f"attributes.{sentence}"


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(InvalidAttributes) as refused:
        read_command({"command": {"a": "x" * 1000}})
    assert len(str(refused.value)) < 250


RIGHT: dict[str, tuple[JSONObject, tuple[str, JSON, dict[str, str], frozenset[int], float | None]]] = {
    "a URL alone": ({"url": URL}, ("GET", None, {}, frozenset(range(200, 300)), None)),
    "a string is sent as text": (
        {"url": URL, "method": "POST", "body": "ž"},
        ("POST", "ž", {"Content-Type": "text/plain; charset=utf-8"}, frozenset(range(200, 300)), None),
    ),
    "anything else is sent as JSON": (
        {"url": URL, "method": "PUT", "body": {"rows": [1, "ž"]}},
        ("PUT", '{"rows":[1,"ž"]}', {"Content-Type": "application/json"}, frozenset(range(200, 300)), None),
    ),
    "false is a body": (
        {"url": URL, "method": "PUT", "body": False},
        ("PUT", "false", {"Content-Type": "application/json"}, frozenset(range(200, 300)), None),
    ),
    "a content type of one's own": (
        {"url": URL, "body": [], "headers": {"content-type": "application/vnd.api+json"}},
        ("GET", "[]", {"content-type": "application/vnd.api+json"}, frozenset(range(200, 300)), None),
    ),
    "one status": ({"url": URL, "expectStatus": 204}, ("GET", None, {}, frozenset({204}), None)),
    "a list of statuses": ({"url": URL, "expectStatus": [200, 404]}, ("GET", None, {}, frozenset({200, 404}), None)),
    "a timeout": ({"url": URL, "timeoutSeconds": 0.5}, ("GET", None, {}, frozenset(range(200, 300)), 0.5)),
}


@pytest.mark.parametrize(("attributes", "expected"), RIGHT.values(), ids=RIGHT)
def test_http_reads_what_is_right(
    attributes: JSONObject, expected: tuple[str, JSON, dict[str, str], frozenset[int], float | None]
) -> None:
    request = read_request(attributes)
    body = None if request.body is None else request.body.decode()
    assert (request.method, body, request.headers, request.expected, request.timeout) == expected


def test_command_reads_what_is_right() -> None:
    command = read_command({"command": ["a", "$(B) $$"], "env": {"C": ""}, "workingDir": "/d"})
    assert (command.argv, command.env, command.working_dir) == (["a", "$(B) $$"], {"C": ""}, "/d")
