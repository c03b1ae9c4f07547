"""What every kind of cluster offers to the commands; `local`, `kind` and `current` implement it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import programs
from progress import Failure


@dataclass(frozen=True)
class Access:
    """How to reach a cluster: the value of KUBECONFIG, the context that is meant, and the URL of the API from here."""

    kubeconfig: str
    context: str
    url: str

    def kubectl(self, *arguments: str | Path) -> list[str | Path]:
        """A kubectl command line that can reach no other cluster than this one."""
        return [
            "env",
            f"KUBECONFIG={self.kubeconfig}",
            programs.program("kubectl"),
            f"--context={self.context}",
            *arguments,
        ]

    def helm(self, *arguments: str | Path) -> list[str | Path]:
        """A helm command line that can reach no other cluster than this one."""
        return [
            "env",
            f"KUBECONFIG={self.kubeconfig}",
            programs.program("helm"),
            f"--kube-context={self.context}",
            *arguments,
        ]


class Cluster(Protocol):
    """A Kubernetes to develop on. Every method can be repeated, and picks up where an interrupted one ended."""

    @property
    def kind(self) -> str:
        """`local`, `kind` or `current`."""
        ...

    def up(self) -> None:
        """Returns when the node is Ready; does nothing, in well under two seconds, when it is."""
        ...

    def access(self) -> Access:
        """How to reach it. Raises Failure when it was never started."""
        ...

    def missing(self, references: Sequence[str]) -> list[str]:
        """Those of the images that the cluster doesn't hold."""
        ...

    def load(self, archives: Sequence[Path]) -> None:
        """Puts the images of `docker save` archives where pods can start from them."""
        ...

    def restart(self, component: str) -> None:
        """Ends one of COMPONENTS and waits until its successor works: for tests of what an outage does."""
        ...

    def down(self, purge: bool) -> None:
        """Ends everything that `up` started; with `purge` its state goes, too."""
        ...


COMPONENTS = ("apiserver", "controller-manager", "scheduler")


def component(name: str) -> str:
    """One of COMPONENTS, with or without `kube-` in front. Raises Failure for anything else."""
    plain = name.removeprefix("kube-")
    if plain not in COMPONENTS:
        raise Failure(f"{name!r} can't be restarted: choose one of {', '.join(COMPONENTS)}.")
    return plain
