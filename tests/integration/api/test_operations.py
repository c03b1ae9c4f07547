"""The program as who runs it meets it: start, stop, settings, health, metrics, logs, docs, and what is away."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from cronwright.timeline.event import dump_event
from cronwright.timeline.span import dump_span
from support.cluster import Cluster, wait_for

from .conftest import World
from .events import span, start
from .people import API_RULES, LIST_TASKS, allow, disallow, kubeconfig_as, kubeconfig_with_certificate, token
from .program import run
from .served import Served

STOP_SECONDS = 10


def resource(**changes: Any) -> dict[str, Any]:
    return {"type": "timeline", "attributes": dump_event(start(run_id=uuid4(), **changes))}


@pytest.fixture(scope="module")
def away(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of an API server where nobody listens."""
    document = yaml.safe_load(kubeconfig_as(cluster, tmp_path_factory.mktemp("away") / "k", "abc").read_text())
    for entry in document["clusters"]:
        entry["cluster"]["server"] = "https://127.0.0.1:9"
    file = tmp_path_factory.mktemp("away") / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.fixture(scope="module")
def lonely(away: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The API where Kubernetes is away."""
    with Served(tmp_path_factory.mktemp("lonely"), away) as api:
        yield api


# Start and stop


def test_help_names_the_commands_and_every_setting() -> None:
    shown = run("--help").stdout
    assert {"serve", "migrate", "CRONWRIGHT_DATABASE_URL", "CRONWRIGHT_RETENTION_ROWS"} <= set(
        re.findall(r"\w+", shown)
    )


def test_migrate_makes_the_schema_and_ends(tmp_path: Path) -> None:
    file = tmp_path / "t.db"
    for _ in range(2):
        assert run("migrate", database_url=f"sqlite:///{file}").returncode == 0
    connection = sqlite3.connect(file)
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert names >= {"event", "run", "alembic_version"}


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("database_url", "mysql://root:secret@db/x", "CRONWRIGHT_DATABASE_URL: Value error, write sqlite:////absolute"),
        ("listen_port", "65536", "CRONWRIGHT_LISTEN_PORT: Input should be less than or equal to 65535"),
        ("retention_days", "0", "CRONWRIGHT_RETENTION_DAYS: Input should be greater than or equal to 1"),
        ("log_format", "xml", "CRONWRIGHT_LOG_FORMAT: Input should be 'json' or 'console'"),
        ("trusted_proxies", "10.0.0.1/8", "CRONWRIGHT_TRUSTED_PROXIES: Value error, 10.0.0.1/8 has host bits set"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_a_sentence(setting: str, value: str, sentence: str) -> None:
    ended = run("serve", **{setting: value})
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith(sentence)
    assert "secret" not in ended.stderr


def test_a_database_that_cannot_be_opened_ends_the_start_with_a_sentence() -> None:
    ended = run("migrate", database_url="sqlite:////nowhere/timeline.db")
    assert ended.returncode == 1
    said = json.loads(ended.stderr.splitlines()[-1])
    assert said["detail"] == "the store can't be used: unable to open database file"


def test_it_ends_in_time_and_takes_what_is_under_way_with_it(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig, operator_account=f"system:serviceaccount:{world.home}:operator") as api:
        assert api.post(world.operator, resource(namespace=world.home)).status_code == 201
        # The connection of the post is kept open
        code, seconds = api.stop()
        assert (code, seconds < STOP_SECONDS) == (0, True)
        assert json.loads(api.log.splitlines()[-1])["message"] == "stopped"
        connection = sqlite3.connect(api.database)
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (1,)
        connection.close()


# What is away


def test_kubernetes_away_is_503_not_500_and_not_401(lonely: Served) -> None:
    for response in (lonely.get("/api/run", "abc"), lonely.get("/api/nothing", "abc"), lonely.post("abc", resource())):
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        error = response.json()["errors"][0]
        assert (error["code"], error["detail"]) == (
            "kubernetes_unavailable",
            "Kubernetes can't be reached: ClientConnectorError",
        )
    assert lonely.http.get("/api/run").status_code == 401


def test_ready_says_what_is_not(lonely: Served, world: World) -> None:
    response = lonely.http.get("/readyz")
    away = "Kubernetes can't be reached: ClientConnectorError"
    assert (response.status_code, response.json()) == (
        503,
        {
            "ready": False,
            "checks": [
                {"name": "store", "ok": True, "problem": ""},
                {"name": "kubernetes", "ok": False, "problem": away},
                {"name": "tasks", "ok": False, "problem": f"the Tasks have not been listed yet: {away}"},
            ],
        },
    )
    assert lonely.http.get("/healthz").text == "ok\n"
    assert world.api.http.get("/readyz").json()["ready"] is True
    assert world.api.http.head("/readyz").status_code == 200


def test_a_store_that_cannot_be_written_is_503_and_not_ready(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig, operator_account=f"system:serviceaccount:{world.home}:operator") as api:
        assert api.post(world.operator, resource(namespace=world.home)).status_code == 201
        holder = sqlite3.connect(api.database, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        response = api.post(world.operator, resource())
        assert (response.status_code, response.headers["retry-after"]) == (503, "5")
        assert response.json()["errors"][0]["detail"] == "the store can't be used: database is locked"
        assert api.get("/api/timeline", world.reads_all).json()["meta"]["total"] == 1
        ready = api.http.get("/readyz")
        assert (ready.status_code, ready.json()["checks"][0]["problem"]) == (
            503,
            "the store can't be used: database is locked",
        )
        holder.execute("ROLLBACK")
        holder.close()
        assert api.post(world.operator, resource(namespace=world.home)).status_code == 201
        wait_for("readiness", lambda: api.http.get("/readyz").status_code == 200)


def test_retention_works_beside_the_requests(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    account = f"system:serviceaccount:{world.home}:operator"
    with Served(
        tmp_path, kubeconfig, operator_account=account, retention_rows=3, retention_interval_seconds=0.2
    ) as api:
        api.post(world.operator, [resource(namespace=world.home) for _ in range(10)])

        def total() -> bool:
            found: int = api.get("/api/timeline", world.reads_all).json()["meta"]["total"]
            return found == 3

        wait_for("retention", total)
        metrics = httpx.get(f"http://127.0.0.1:{api.metrics_port}/metrics").text
        assert 'cronwright_timeline_deleted_total{table="event"} 7.0' in metrics


def test_a_caller_is_never_taken_for_the_api_itself(world: World, tmp_path: Path) -> None:
    """A client certificate beats the bearer token on its connection, so callers need connections without one."""
    user = f"api-{uuid4().hex[:8]}"
    kubeconfig = kubeconfig_with_certificate(world.cluster, tmp_path, user)
    role = allow(world.cluster, "", user, [*API_RULES, *LIST_TASKS])
    try:
        with Served(tmp_path, kubeconfig, operator_account=f"system:serviceaccount:{world.home}:operator") as api:
            assert api.post(world.operator, resource(namespace=world.home)).status_code == 201
            assert api.get("/api/run", "abc").status_code == 401
            assert api.get("/api/run", world.reads_none).status_code == 403
            assert api.get("/api/run", world.reads_all).json()["meta"]["total"] == 1
    finally:
        disallow(world.cluster, role)


# What it tells


def test_metrics_are_on_their_own_port(world: World) -> None:
    world.api.get("/api/run?nope", world.reads_all)
    assert world.api.http.get("/metrics").status_code == 404
    metrics = httpx.get(f"http://127.0.0.1:{world.api.metrics_port}/metrics").text
    for line in (
        'cronwright_api_requests_total{method="GET",route="/api/run",status="400"}',
        'cronwright_api_request_seconds_bucket{le="0.1",method="GET",route="/api/run"}',
        'cronwright_timeline_events_total{result="created"}',
        'cronwright_timeline_events_total{result="duplicate"}',
        "cronwright_timeline_database_bytes ",
        "cronwright_timeline_retention_timestamp_seconds ",
        "cronwright_store_errors_total 0.0",
    ):
        assert f"\n{line}" in metrics


def test_the_log_is_json_with_the_keys_and_without_tokens(world: World) -> None:
    event = start(run_id=uuid4(), namespace=world.home)
    world.api.post(world.operator, {"type": "timeline", "attributes": dump_event(event)})
    path = f"/api/run/{event.run_id}"
    world.api.get(f"{path}?fields[run]=title", world.reads_all)

    def logged() -> list[Any] | None:
        found = [json.loads(line) for line in world.api.log.splitlines()]
        return found if any(one.get("path") == path for one in found) else None

    lines = wait_for("the line of the request, which is written when the answer is out", logged)
    assert {(one["task"], one["namespace"]) for one in lines if one.get("run_id") == str(event.run_id)} == {
        ("backup", world.home)
    }
    read = [one for one in lines if one.get("path") == path]
    assert [(one["method"], one["status"], one["client"]) for one in read] == [("GET", 200, "127.0.0.1")]
    for secret in (world.operator, world.reads_all, world.reads_left):
        assert secret not in world.api.log
        assert secret.split(".")[2] not in world.api.log


def test_the_documentation_asks_nobody_else(world: World) -> None:
    page = world.api.http.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert files == ["docs/page.css", "docs/page.js", "openapi.json"]
    for file in files:
        content = world.api.http.get(f"/{file}")
        assert content.status_code == 200
        assert not re.search(r"https?://", content.text), file


def test_openapi_is_the_same_however_often_it_is_read(world: World) -> None:
    first, second = (world.api.http.get("/openapi.json").json() for _ in range(2))
    assert first == second


def test_openapi_names_every_route_and_its_parameters(world: World) -> None:
    description = world.api.http.get("/openapi.json").json()
    assert {path: sorted(operations) for path, operations in description["paths"].items()} == {
        "/api/task": ["get", "head", "post"],
        "/api/task/preview": ["post"],
        "/api/task/{identity}": ["delete", "get", "head", "patch"],
        "/api/task/{identity}/run": ["post"],
        "/api/timeline": ["get", "head", "post"],
        "/api/timeline/stream": ["get"],
        "/api/timeline/{identity}": ["get", "head"],
        "/api/run": ["get", "head"],
        "/api/run/{identity}": ["get", "head"],
        "/meta": ["get", "head"],
        "/healthz": ["get", "head"],
        "/readyz": ["get", "head"],
    }
    parameters = [one["name"] for one in description["paths"]["/api/run"]["get"]["parameters"]]
    assert {"query", "filter[namespace]", "sort", "fields[run]", "page[size]", "page[after]"} <= set(parameters)
    body = description["paths"]["/api/timeline"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    of_start, of_end, of_span = body["properties"]["data"]["oneOf"][0]["properties"]["attributes"]["oneOf"]
    for kind, of_event in (("start", of_start), ("end", of_end)):
        assert ("attempt" in of_event["required"], of_event["properties"]["kind"]) == (True, {"const": kind})
    assert (set(dump_span(span(1, 9, pod="", pod_uid=""))), of_span["properties"]["kind"]) == (
        {"kind", *of_span["required"]},
        {"const": "span"},
    )
    schemes = description["components"]["securitySchemes"]
    assert {name: (one["type"], one["scheme"]) for name, one in schemes.items()} == {
        "token": ("http", "bearer"),
        "reporterToken": ("http", "bearer"),
    }
