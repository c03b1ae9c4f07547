"""The API put to the test by its own description: schemathesis makes requests by /openapi.json, of Tasks that are made,
changed, run, previewed and deleted and of the timeline that is posted to and read, and checks each answer against it.

What the description can't say is named here: which namespace, Tasks and rows there are, and that 422 may be right for a
Task that only the grammar of schedules or Kubernetes can tell is none.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cronwright.timeline.event import dump_event
from support.cluster import Cluster, namespace_in
from support.operators import DEPLOYMENT, installed_operator_resting

from .events import start
from .people import API_RULES, WRITE_TASKS, account, allow, disallow, kubeconfig_as, token
from .served import Served
from .tasks import make, ok

LEAST_CASES = 2000
LEAST_SUCCESSES = {
    ("POST", "/api/task", 201): 60,
    ("POST", "/api/task/preview", 200): 60,
    ("PATCH", "/api/task/{identity}", 200): 10,
    ("POST", "/api/task/{identity}/run", 202): 10,
    ("DELETE", "/api/task/{identity}", 200): 10,
    ("GET", "/api/task/{identity}", 200): 20,
    ("GET", "/api/run/{identity}", 200): 10,
    ("POST", "/api/timeline", 201): 100,
    ("GET", "/api/timeline/{identity}", 200): 10,
    ("GET", "/api/timeline", 200): 20,
    ("GET", "/api/run", 200): 20,
    ("GET", "/api/task", 200): 30,
}
"""How often each succeeds at least: a description by which nothing can be made would find nothing wrong."""
LONGEST_SECONDS = 540

CONFIGURATION = """\
hooks = "{hooks}"
seed = 20270104
base-url = "{url}"
continue-on-failure = true
request-timeout = 30

[generation]
deterministic = true
no-shrink = true
database = "none"
max-examples = 60

[phases.stateful.generation]
max-examples = 60

[auth.openapi.token]
bearer = "{writer}"

[auth.openapi.reporterToken]
bearer = "{reporter}"

[dictionaries.namespaces]
values = ["{namespace}"]

[dictionaries.tasks]
values = {tasks}

[dictionaries.deleted]
values = {deleted}

[dictionaries.events]
values = {events}

[dictionaries.runs]
values = {runs}

[parameters]
"body.data.attributes.namespace" = {{ dictionary = "namespaces" }}

# It has no end to wait for; test_stream.py listens to it
[[operations]]
include-path = "/api/timeline/stream"
enabled = false

# The routes of GET, asked without bodies
[[operations]]
include-method = "HEAD"
generation.max-examples = 5

# Thousands of boundary values for the parameters of lists and for events would take ten minutes
[phases.coverage]
enabled = false

# The links of the description, and no others
[phases.stateful.inference]
algorithms = []

# A row to page from has to be there, and there is one of page[number], page[after] and page[before] at a time
[[operations]]
include-operation-id = ["listTimeline", "listTimelineHead", "listRuns", "listRunsHead"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400"]

[[operations]]
include-operation-id = ["createTask", "previewTask", "postEvents"]
generation.max-examples = 350
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "409", "422"]

[[operations]]
include-operation-id = ["readTask", "changeTask", "runTask"]
generation.max-examples = 80
parameters."path.identity" = {{ dictionary = "tasks", probability = 0.7 }}
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "404", "409", "422"]

[[operations]]
include-operation-id = "deleteTask"
parameters."path.identity" = {{ dictionary = "deleted", probability = 0.7 }}

[[operations]]
include-operation-id = "readEvent"
parameters."path.identity" = {{ dictionary = "events", probability = 0.7 }}

[[operations]]
include-operation-id = "readRun"
parameters."path.identity" = {{ dictionary = "runs", probability = 0.7 }}
"""


class Judged(NamedTuple):
    """What schemathesis says: its exit code, its words, and how often each (method, path, status) was answered."""

    code: int
    words: str
    answers: Counter[tuple[str, str, int]]

    @property
    def cases(self) -> int:
        """How many requests were answered."""
        return sum(self.answers.values())


@pytest.fixture(scope="module")
def judged(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """Everything at once: an API of its own, so that nobody else's rows are in the lists."""
    folder = tmp_path_factory.mktemp("judged")
    with ExitStack() as stack:
        if cluster.find(DEPLOYMENT) is not None:
            # What is made here is to be looked at, not to be run
            stack.enter_context(installed_operator_resting(cluster))
        home = stack.enter_context(namespace_in(cluster, "judged"))
        for name in ("api", "operator", "writer"):
            account(cluster, home, name)
        for name, rules in (("api", API_RULES), ("writer", WRITE_TASKS)):
            stack.callback(disallow, cluster, allow(cluster, home, name, rules))
        kubeconfig = kubeconfig_as(cluster, folder / "kubeconfig", token(cluster, home, "api"))
        operator = f"system:serviceaccount:{home}:operator"
        api = stack.enter_context(Served(folder, kubeconfig, operator_account=operator, default_namespace=home))
        writer, reporter = token(cluster, home, "writer"), token(cluster, home, "operator", "cronwright")
        posted = [{"type": "timeline", "attributes": dump_event(start(number, namespace=home))} for number in range(9)]
        rows = ok(api.post(reporter, posted), 201)["data"]
        configuration = CONFIGURATION.format(
            hooks=Path(__file__).with_name("schemathesis_hooks.py"),
            url=api.url,
            writer=writer,
            reporter=reporter,
            namespace=home,
            tasks=[make(api, writer, home)["id"] for _ in range(9)],
            deleted=[make(api, writer, home)["id"] for _ in range(40)],
            events=[row["id"] for row in rows],
            runs=[row["attributes"]["run_id"] for row in rows],
        )
        yield judge(folder, api, configuration)


def judge(folder: Path, api: Served, configuration: str) -> Judged:
    file, report = folder / "schemathesis.toml", folder / "report.ndjson"
    file.write_text(configuration)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--no-color",
        f"--config-file={file}",
        "run",
        f"{api.url}/openapi.json",
        f"--report-ndjson-path={report}",
        "--report=ndjson",
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_SECONDS,
    )
    return Judged(done.returncode, done.stdout + done.stderr, answers(report))


def answers(report: Path) -> Counter[tuple[str, str, int]]:
    counted: Counter[tuple[str, str, int]] = Counter()
    with report.open() as lines:
        for line in lines:
            finished: dict[str, Any] = json.loads(line).get("ScenarioFinished") or {}
            recorder = finished.get("recorder") or {}
            for case, interaction in (recorder.get("interactions") or {}).items():
                response = interaction.get("response")
                if response is not None:
                    described = recorder["cases"][case]["value"]
                    counted[described["method"], described["path"], response["status_code"]] += 1
    return counted


def test_nothing_is_found(judged: Judged) -> None:
    """No 5xx; status, media type, headers and document of each answer as described; what is wrong by the description is
    refused, and what is right taken; methods and Allow; nothing without a token; what is deleted is gone."""
    assert judged.code == 0, judged.words[-8000:]


def test_there_are_enough_cases_and_none_ends_in_a_5xx(judged: Judged) -> None:
    assert judged.cases >= LEAST_CASES
    assert [found for found in judged.answers if found[2] >= 500] == []


@pytest.mark.parametrize(("answer", "least"), LEAST_SUCCESSES.items(), ids=lambda one: str(one))
def test_a_good_part_succeeds(judged: Judged, answer: tuple[str, str, int], least: int) -> None:
    method, path, _ = answer
    of_the_same = {key[2]: count for key, count in judged.answers.items() if key[:2] == (method, path)}
    assert judged.answers[answer] >= least, of_the_same
