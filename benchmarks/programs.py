"""The programs that are measured, each a process of its own, and what they say of themselves."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families
from tasks import MONTHLY, WORKERS

from support.cluster import Cluster, wait_for
from support.operators import DEPLOYMENT, OperatorProcess, installed_operator_resting, timeline_of_runs

HERE = Path(__file__).parent
IMAGE = "cronwright/runner:benchmark"
API_URL = "http://cronwright-api.cronwright-system.svc:6336"
LOG = Path(os.environ.get("TMPDIR", "/tmp")) / "cronwright-benchmark.log"
"""What the measured programs print; its end is shown when one fails."""

WRITE_METHODS = ("post", "put", "patch", "delete")


@contextmanager
def no_other_operator(cluster: Cluster) -> Iterator[None]:
    """Let an operator that is installed in the cluster rest meanwhile: it serves every namespace."""
    if cluster.find(DEPLOYMENT) is None:
        yield
    else:
        with installed_operator_resting(cluster):
            yield


def installed_runner_image(cluster: Cluster) -> str:
    """Return the image of runs that the chart uses, for benchmarks whose runs start."""
    deployment = cluster.find(DEPLOYMENT)
    if deployment is None:
        raise RuntimeError("Cronwright is not installed on the cluster; run: make up")
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return str(next(entry["value"] for entry in environment if entry["name"] == "CRONWRIGHT_RUNNER_IMAGE"))


@contextmanager
def operator(cluster: Cluster, namespace: str, image: str = IMAGE, **settings: str) -> Iterator[OperatorProcess]:
    """Run the operator for `namespace`, with its default settings but for `settings`, and `image` for runs."""
    # Only runs that start need to reach the timeline
    timeline = {"CRONWRIGHT_API_URL": API_URL} if image == IMAGE else timeline_of_runs(cluster, LOG.parent)
    process = OperatorProcess(
        cluster, namespace, image, LOG, CRONWRIGHT_WORKERS=str(WORKERS), **{**timeline, **settings}
    )
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def tutorial(cluster: Cluster, namespace: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the handler of kopf's tutorial for `namespace`, as the tutorial does, by `kopf run`."""
    with LOG.open("ab") as output:
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("kopf")), "run", str(HERE / "tutorial.py"), "--namespace", namespace],
            env=_environment(cluster),
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def direct(cluster: Cluster, what: str, namespace: str, count: int, *options: str) -> "subprocess.Popen[str]":
    """Start the direct writer; the caller waits for it."""
    with LOG.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(HERE / "direct.py"), what, namespace, str(count), *options],
            env=_environment(cluster),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )


def finish(process: "subprocess.Popen[str]") -> None:
    """Wait for the end of a direct writer, which must be a good one."""
    with suppress(ValueError):
        process.communicate(timeout=600)
    if process.returncode:
        raise RuntimeError(f"the direct writer failed:\n{LOG.read_text()[-2000:]}")


def create_tasks(cluster: Cluster, namespace: str, count: int, schedule: str = MONTHLY, first: int = 0) -> None:
    """Create `count` Tasks, beginning with the number `first`."""
    finish(direct(cluster, "tasks", namespace, count, "--schedule", schedule, "--first", str(first)))


def metric(process: OperatorProcess, name: str, methods: Sequence[str] = WRITE_METHODS) -> float:
    """Return the sum of the operator's metric `name` over its labels; of requests, those by `methods`."""
    text = httpx.get(f"http://localhost:{process.port}/metrics", timeout=30).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.get("method", methods[0]) in methods
    )


def writes(process: OperatorProcess) -> int:
    """Return how many requests that write the operator has sent."""
    return int(metric(process, "cronwright_kubernetes_requests_total"))


def dry_runs(process: OperatorProcess) -> int:
    """Return how many requests the operator has sent that only ask whether a write would be taken."""
    return int(metric(process, "cronwright_kubernetes_requests_total", ("dry-run",)))


def wait_for_full_passes(process: OperatorProcess, count: int, every_seconds: int) -> Iterator[None]:
    """Yield after each of `count` full passes, once its Tasks have been looked at."""
    for _ in range(count):
        before = metric(process, "cronwright_last_full_pass_timestamp_seconds")
        wait_for(
            "a full pass",
            lambda: metric(process, "cronwright_last_full_pass_timestamp_seconds") > before,  # noqa: B023
            every_seconds + 60,
        )
        wait_for("an empty queue", lambda: metric(process, "cronwright_queue_depth") == 0, 60)
        yield


def _environment(cluster: Cluster) -> dict[str, str]:
    return {
        **os.environ,
        "KUBECONFIG": str(cluster.kubeconfig),
        "CRONWRIGHT_RUNNER_IMAGE": IMAGE,
        "CRONWRIGHT_RUNNER_IMAGE_PULL_POLICY": "Never",
        "CRONWRIGHT_API_URL": API_URL,
    }
