"""Operators that tests start as processes of their own, beside a cluster whose installed operator rests meanwhile."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from support.cluster import Cluster, wait_for

DEPLOYMENT = "/apis/apps/v1/namespaces/cronwright-system/deployments/cronwright-operator"
API_SECRET = "/api/v1/namespaces/cronwright-system/secrets/cronwright-api-tls"


@contextmanager
def installed_operator_resting(cluster: Cluster) -> Iterator[str]:
    """Scale the installed operator to none, and back afterwards; yield the runner image that it uses."""
    deployment = cluster.get(DEPLOYMENT)
    environment = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    image = next(entry["value"] for entry in environment if entry["name"] == "CRONWRIGHT_RUNNER_IMAGE")
    cluster.patch(f"{DEPLOYMENT}/scale", {"spec": {"replicas": 0}})
    wait_for("no installed operator", lambda: not _pods(cluster), 60)
    try:
        yield image
    finally:
        cluster.patch(f"{DEPLOYMENT}/scale", {"spec": {"replicas": 1}})
        wait_for("the installed operator", lambda: cluster.get(DEPLOYMENT)["status"].get("readyReplicas"), 60)


def timeline_of_runs(cluster: Cluster, folder: Path) -> dict[str, str]:
    """Return the settings by which runs of an `OperatorProcess` reach the installed API; files of it go to `folder`."""
    environment = cluster.get(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["env"]
    url = next(entry["value"] for entry in environment if entry["name"] == "CRONWRIGHT_API_URL")
    if url.startswith("http:"):
        return {"CRONWRIGHT_API_URL": url}
    file = folder / "api-ca.crt"
    file.write_bytes(base64.b64decode(cluster.get(API_SECRET)["data"]["ca.crt"]))
    return {"CRONWRIGHT_API_URL": url, "CRONWRIGHT_API_CA_FILE": str(file)}


def _pods(cluster: Cluster) -> list[object]:
    return cluster.items("/api/v1/namespaces/cronwright-system/pods", "app.kubernetes.io/component=operator")


class OperatorProcess:
    """An operator as a process. `program` is a module to run in place of the operator's own, with more faults to it."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        runner_image: str,
        log: Path,
        program: str = "cronwright_operator.main",
        **settings: str,
    ) -> None:
        self.port = _free_port()
        environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
            "CRONWRIGHT_RUNNER_IMAGE": runner_image,
            "CRONWRIGHT_RUNNER_IMAGE_PULL_POLICY": "Never",
            "CRONWRIGHT_NAMESPACES": namespace,
            "CRONWRIGHT_HTTP_PORT": str(self.port),
            **settings,
        }
        self.log = log
        call = f"import {program} as program; program.main([])"
        with log.open("ab") as output:
            self.process = subprocess.Popen([sys.executable, "-c", call], env=environment, stdout=output, stderr=output)

    def wait_until_watching(self) -> None:
        """Return once the operator has listed everything and works on it."""
        wait_for("the operator to watch", self.is_watching, 120)

    def is_watching(self) -> bool:
        """Return whether it has listed everything; one that has ended never will."""
        if self.process.poll() is not None:
            raise AssertionError(f"the operator ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        try:
            metrics = httpx.get(f"http://localhost:{self.port}/metrics").text
        except httpx.TransportError:
            return False
        return "cronwright_last_full_pass_timestamp_seconds 0.0" not in metrics

    def writes(self) -> int:
        """Return how many requests it has sent that change something."""
        reads = ('method="get"', 'method="dry-run"')
        return int(sum(value for labels, value in self._requests() if not any(read in labels for read in reads)))

    def reconciliations(self) -> int:
        """Return how often it has worked on a Task to the end."""
        return int(self._metric('cronwright_reconciliations_total{result="done"}'))

    def last_full_pass(self) -> float:
        """Return the Unix time of its last pass over every Task."""
        return self._metric("cronwright_last_full_pass_timestamp_seconds")

    def _requests(self) -> list[tuple[str, float]]:
        lines = [
            line.rpartition(" ") for line in self._metrics() if line.startswith("cronwright_kubernetes_requests_total{")
        ]
        return [(labels, float(value)) for labels, _, value in lines]

    def _metric(self, name: str) -> float:
        return next((float(line.rpartition(" ")[2]) for line in self._metrics() if line.startswith(f"{name} ")), 0.0)

    def _metrics(self) -> list[str]:
        return httpx.get(f"http://localhost:{self.port}/metrics").text.splitlines()

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it as a deployment would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=20)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])
