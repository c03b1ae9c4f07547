"""The chart as helm renders it."""

import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.cluster import Cluster

NAMESPACE = "trial-system"


@dataclass(frozen=True)
class Helm:
    """helm with this checkout's chart, against the cluster for tests."""

    kubeconfig: Path
    chart: str = str(Path(__file__).parents[3] / "helm" / "cronwright")
    release: str = "trial"

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run helm."""
        command = ["helm", "--kubeconfig", str(self.kubeconfig), *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stderr
        return done

    @cache  # noqa: B019  the one Helm lives as long as the tests
    def rendered(self, *settings: str, namespace: str = NAMESPACE) -> str:
        """Return the manifests for `settings`, each as of --set."""
        options = [f"--set={setting}" for setting in settings]
        return self.run("template", self.release, self.chart, "--namespace", namespace, *options).stdout

    @cache  # noqa: B019
    def objects(self, *settings: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the objects for `settings` by kind and by name without the release's."""
        found = [each for each in yaml.load_all(self.rendered(*settings), yaml.CSafeLoader) if each]
        prefix = f"{self.release}-cronwright-"
        return {(each["kind"], each["metadata"]["name"].removeprefix(prefix)): each for each in found}

    def pods(self, *settings: str) -> dict[str, dict[str, Any]]:
        """Return the specs of the pods of operator and api for `settings`."""
        deployments = [each for (kind, _), each in self.objects(*settings).items() if kind == "Deployment"]
        component = "app.kubernetes.io/component"
        return {each["metadata"]["labels"][component]: each["spec"]["template"]["spec"] for each in deployments}

    def refusal(self, *settings: str) -> str:
        """Return what helm says to `settings` that it must not take."""
        options = [f"--set={setting}" for setting in settings]
        done = self.run("template", self.release, self.chart, "--namespace", NAMESPACE, *options, check=False)
        assert done.returncode != 0, "was taken"
        return done.stderr


@pytest.fixture(scope="session")
def helm(cluster: Cluster) -> Helm:
    """Helm against the cluster for tests."""
    return Helm(cluster.kubeconfig)
