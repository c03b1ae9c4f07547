"""The CLI as a program: what goes to stdout and stderr, and the exit code. Needs no cluster."""

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from integration.cli.program import PROGRAM, cronwright, environment, free_port, kubeconfig

GOOD = "- {Name: good, Schedule: '@daily', ActionName: clean}\n"
BAD = "- {Name: bad, Schedule: 'whenever', ActionName: clean}\n"


def test_the_version() -> None:
    done = cronwright("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("kubectl-cronwright 0.")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["convert", "--help"], ["convert", "daptin", "-h"], ["timeline", "-h"]]
)
def test_help_goes_to_stdout(arguments: list[str]) -> None:
    done = cronwright(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: " in done.stdout


@pytest.mark.parametrize(
    "arguments", [["timelin"], ["timeline", "--limit", "0"], ["timeline", "-n", "a", "-A"], ["convert", "daptin"]]
)
def test_a_command_line_that_is_not_understood(arguments: list[str]) -> None:
    done = cronwright(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr


def test_completion_for_a_shell() -> None:
    done = cronwright("--show-completion", "bash")
    assert done.returncode == 0
    assert "kubectl-cronwright" in done.stdout


def test_kubectl_finds_the_plugin() -> None:
    path = f"{Path(PROGRAM).parent}:{environment()['PATH']}"
    done = subprocess.run(
        ["kubectl", "cronwright", "--version"], capture_output=True, text=True, env=environment(PATH=path), check=False
    )
    assert done.stdout.startswith("kubectl-cronwright "), done.stderr


def test_converting_writes_manifests_to_stdout_and_notes_to_stderr() -> None:
    done = cronwright("convert", "daptin", "examples/tasks.yaml", "-n", "jobs")
    assert done.returncode == 0
    manifests = list(yaml.safe_load_all(done.stdout))
    assert len(manifests) == 7
    assert {manifest["metadata"]["namespace"] for manifest in manifests} == {"jobs"}
    assert all(line.startswith("note: ") for line in done.stderr.splitlines())


def test_converting_from_stdin_to_json() -> None:
    done = cronwright("convert", "daptin", "-", "-o", "json", stdin=f"Tasks:\n{GOOD}")
    assert done.returncode == 0
    assert [item["metadata"]["name"] for item in json.loads(done.stdout)["items"]] == ["good"]


def test_one_task_that_can_not_be_converted_leaves_stdout_empty() -> None:
    done = cronwright("convert", "daptin", "-", stdin=f"Tasks:\n{GOOD}{BAD}")
    assert (done.returncode, done.stdout) == (1, "")
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith("error: task 2 (bad): Schedule can't be kept: ")


def test_keep_going_writes_the_others() -> None:
    done = cronwright("convert", "daptin", "-", "--keep-going", stdin=f"Tasks:\n{BAD}{GOOD}")
    assert done.returncode == 1
    assert yaml.safe_load(done.stdout)["metadata"]["name"] == "good"
    assert "error: task 1 (bad): " in done.stderr


def test_each_task_that_can_not_be_converted_has_its_line() -> None:
    done = cronwright("convert", "daptin", "-", stdin=f"Tasks:\n{BAD}- {{Name: worse}}\n")
    assert [line.split(":")[1] for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        " task 1 (bad)",
        " task 2 (worse)",
    ]


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("Tasks: größe".encode("latin-1"))
    missing = cronwright("convert", "daptin", "missing.yaml", cwd=tmp_path)
    latin = cronwright("convert", "daptin", "latin.yaml", cwd=tmp_path)
    folder = cronwright("convert", "daptin", ".", cwd=tmp_path)
    assert [missing.stderr, latin.stderr, folder.stderr] == [
        "error: missing.yaml can't be read: No such file or directory; name a file that is there, or - for stdin\n",
        "error: latin.yaml is no UTF-8 text at byte 9; save it as UTF-8\n",
        "error: . can't be read: Is a directory; name a file that is there, or - for stdin\n",
    ]
    assert {missing.returncode, latin.returncode, folder.returncode} == {1}


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text("Tasks:\n" + "".join(GOOD.replace("good", f"task{number}") for number in range(3000)))
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$0" convert daptin "$1" 2>errors | head -n 1', PROGRAM, str(file)],
        capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "apiVersion: cronwright.dev/v1\n")
    assert "Traceback" not in (tmp_path / "errors").read_text()


class _Other(http.server.BaseHTTPRequestHandler):
    """A web server that is something else than the API, by path: of no interest to the CLI but for its sentence."""

    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        self.seen.append(f"{kind} {self.headers['Authorization']}")
        status = {"missing": 404, "moved": 302, "gateway": 502}.get(kind, 200)
        self.send_response(status)
        if kind == "moved":
            self.send_header("Location", "/elsewhere/api/run")
        self.end_headers()
        self.wfile.write({"page": b"<html>", "list": b"[]", "object": b"{}"}.get(kind, b""))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def other_server() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Other)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


OTHERS = {
    "page": "{url} sent no JSON, so it is not the API of Cronwright; set CRONWRIGHT_URL to where that is",
    "list": "{url} sent no document, so it is not the API of Cronwright; set CRONWRIGHT_URL to where that is",
    "object": "{url} sent no list of runs, so it is not the API of Cronwright; set CRONWRIGHT_URL to where that is",
    "missing": "{url} answers 404, so it is not the API of Cronwright; set CRONWRIGHT_URL to that",
    "moved": "{url} answers 302, so it is not the API of Cronwright; set CRONWRIGHT_URL to that",
    "gateway": "the API at {url} can't answer right now (502); try again soon",
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_server_that_is_something_else(other_server: str, kind: str) -> None:
    url = f"{other_server}/{kind}"
    done = cronwright("timeline", "-A", "--url", url, env=environment(CRONWRIGHT_TOKEN="t"))
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"error: {OTHERS[kind].format(url=url)}\n")
    assert not any(seen.startswith("elsewhere") for seen in _Other.seen), "the token followed a redirect"


def test_a_proxy_is_not_asked_for_this_machine(other_server: str) -> None:
    env = environment(CRONWRIGHT_TOKEN="t", http_proxy=f"http://127.0.0.1:{free_port()}")
    done = cronwright("timeline", "-A", "--url", f"{other_server}/object", env=env)
    assert "sent no list of runs" in done.stderr


def test_nobody_at_the_address() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = cronwright("timeline", "-A", "--url", url, env=environment(CRONWRIGHT_TOKEN="t"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: the API does not answer at {url} (connection refused); start it or the port-forward to it, or set"
        " CRONWRIGHT_URL to where it is\n"
    )


def test_the_kubeconfigs_token_is_the_last_resort(other_server: str, tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, {"token": "from-kubeconfig"})
    cronwright("timeline", "-A", "--url", f"{other_server}/object", env=environment(KUBECONFIG=file))
    assert _Other.seen[-1] == "object Bearer from-kubeconfig"
    cronwright(
        "timeline", "-A", "--url", f"{other_server}/object", env=environment(KUBECONFIG=file, CRONWRIGHT_TOKEN="own")
    )
    assert _Other.seen[-1] == "object Bearer own"


def test_a_kubeconfig_without_a_token(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path, {"client-certificate": "/nowhere"})
    done = cronwright("timeline", "-A", env=environment(KUBECONFIG=file))
    assert (done.returncode, done.stderr) == (
        1,
        "error: no token: CRONWRIGHT_TOKEN is not set and the kubeconfig's user has none; set"
        " CRONWRIGHT_TOKEN=$(kubectl create token SERVICEACCOUNT -n NAMESPACE)\n",
    )


def test_no_kubectl(tmp_path: Path) -> None:
    done = cronwright("timeline", env=environment(PATH=str(tmp_path), CRONWRIGHT_TOKEN="t"))
    assert (done.returncode, done.stderr) == (
        1,
        "error: kubectl is not on the PATH; give --namespace or --all-namespaces\n",
    )


def test_no_kubeconfig(tmp_path: Path) -> None:
    done = cronwright("timeline", env=environment(KUBECONFIG=str(tmp_path / "none"), CRONWRIGHT_TOKEN="t"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: kubectl knows no current context (")
    assert done.stderr.endswith("; give --namespace or --all-namespaces\n")


def test_a_token_file_that_is_missing(tmp_path: Path) -> None:
    done = cronwright("timeline", "-A", "--token-file", str(tmp_path / "none"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/none can't be read: ")
