"""The cluster of the caller's own kubeconfig, whose context the caller has named. Nothing is started or ended."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import commands
import programs
from cluster import Access
from progress import Failure, step

READY_SECONDS = 60.0


class Current:
    """CRONWRIGHT_CONTEXT in KUBECONFIG; images go through CRONWRIGHT_REGISTRY, the API is at CRONWRIGHT_URL."""

    kind = "current"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def up(self) -> None:
        programs.ensure([programs.KUBE, programs.TOOLS])
        access = self.access()
        with step(f"looking at the context {access.context}"):
            commands.run(
                access.kubectl("wait", "--for=condition=Ready", "node", "--all", f"--timeout={READY_SECONDS}s")
            )

    def access(self) -> Access:
        context = self._environment.get("CRONWRIGHT_CONTEXT")
        if not context:
            raise Failure(
                "CLUSTER=current uses a cluster of yours: name its context, such as CRONWRIGHT_CONTEXT=my-test-cluster."
            )
        files = self._environment.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        url = self._environment.get("CRONWRIGHT_URL", "http://localhost:6336")
        return Access(files, context, url)

    def missing(self, references: Sequence[str]) -> list[str]:
        return [] if self._environment.get("CRONWRIGHT_IMAGES_ARE_THERE") else list(references)

    def load(self, archives: Sequence[Path]) -> None:
        raise Failure(
            "Images can't be put into a cluster that isn't ours: push what `python3 dev/cluster images --print` names "
            "to where it can pull them, then set CRONWRIGHT_IMAGES_ARE_THERE=1."
        )

    def restart(self, component: str) -> None:
        raise Failure("The control plane of a cluster that isn't ours is left alone: use CLUSTER=local or kind.")

    def down(self, purge: bool) -> None:
        raise Failure("A cluster that isn't ours is never ended; `helm uninstall cronwright` takes Cronwright off it.")
