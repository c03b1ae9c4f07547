"""A cluster by kind (https://kind.sigs.k8s.io) in a container engine: the caller's, or one of our own.

The engine of our own has a network namespace to itself and can't pull: it takes a node image that was built here
(`node_image`), named by CRONWRIGHT_NODE_IMAGE. Decides the configuration that kind gets, and nothing that kind decides.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import cache
import commands
import engine
import forward
import ports
import processes
import programs
from cluster import Access
from engine import Engine
from progress import Failure, say, step

READY_SECONDS = 180
API_SERVER_PORT = 6443  # inside the namespace of an engine of our own


class Kind:
    """The cluster `kind-cronwright`, or `kind-cronwright-NAME` for another name than `local`."""

    kind = "kind"

    def __init__(self, name: str) -> None:
        self.name = cache.name_on_this_machine("cronwright" if name == "local" else f"cronwright-{name}")
        self.state = cache.root() / "clusters" / f"{name}.kind"
        self.lock = self.state.parent / f"{name}.lock"
        self.node_image = os.environ.get("CRONWRIGHT_NODE_IMAGE", "")
        self.workers = _workers(os.environ.get("CRONWRIGHT_WORKERS", "0"))

    def up(self) -> None:
        programs.ensure([programs.KUBE, programs.TOOLS])
        with cache.locked(self.lock):
            docker = self._engine()
            if not self._is_ready():
                if self._is_whole() and self._exists(docker):
                    with step(f"starting the nodes of {self.name} again"):
                        commands.run(docker.docker("start", *self._nodes(docker)))
                        commands.wait_until(self._is_ready, "the nodes to be Ready", READY_SECONDS)
                else:
                    self._create(docker)
            processes.ensure(self.state, self._forward(), self.state / "log" / "forward.log")

    def access(self) -> Access:
        if not self._is_whole():
            raise Failure("There is no kind cluster yet: start it with `CLUSTER=kind python3 dev/cluster up`.")
        return Access(str(self.state / "kubeconfig"), f"kind-{self.name}", f"http://localhost:{self._port()}")

    def missing(self, references: Sequence[str]) -> list[str]:
        docker = self._engine()
        held: set[str] = set()
        for node in self._nodes(docker):
            listed = json.loads(commands.run(docker.docker("exec", node, "crictl", "images", "--output", "json")))
            here = {tag for image in listed["images"] for tag in image["repoTags"]}
            held = here if not held else held & here
        return [reference for reference in references if f"docker.io/{reference}" not in held]

    def load(self, archives: Sequence[Path]) -> None:
        docker = self._engine()
        with cache.locked(self.lock):
            for path in archives:
                self._kind(docker, "load", "image-archive", path, "--name", self.name)

    def restart(self, component: str) -> None:
        docker = self._engine()
        with cache.locked(self.lock), step(f"restarting {component}"):
            control_plane = f"{self.name}-control-plane"
            find = ["exec", control_plane, "crictl", "ps", "--quiet", "--name", f"kube-{component}"]
            before = commands.run(docker.docker(*find)).split()
            commands.run(docker.docker("exec", control_plane, "crictl", "stop", *before))

            def replaced() -> bool:
                now = commands.run(docker.docker(*find)).split()
                return bool(now) and not set(now) & set(before) and self._is_ready()

            commands.wait_until(replaced, f"{component} to work", READY_SECONDS)

    def down(self, purge: bool) -> None:
        if not self.state.exists():
            say("there is no kind cluster")
            return
        docker = self._engine()
        with cache.locked(self.lock), step(f"deleting the cluster {self.name}"):
            self._kind(docker, "delete", "cluster", "--name", self.name)
            processes.end(self.state)
            shutil.rmtree(self.state)
        if docker.cable is not None and not self._any_nodes(docker):
            engine.end_bridged()

    def _create(self, docker: Engine) -> None:
        cable = docker.cable
        if cable is not None:
            configuration = configured(cable.node_address, API_SERVER_PORT, self.workers)
        else:
            configuration = configured("127.0.0.1", None, self.workers)
        with step(f"creating the cluster {self.name} with kind (one to five minutes)"):
            # A cluster without our mark is what a creation that was interrupted has left.
            self._kind(docker, "delete", "cluster", "--name", self.name)
            file = self.state / "kind.json"
            cache.write(file, configuration)
            image = ["--image", self.node_image] if self.node_image else []
            wait = ["--wait", f"{READY_SECONDS}s"]
            self._kind(docker, "create", "cluster", "--name", self.name, "--config", file, *image, *wait)
            commands.wait_until(self._is_ready, "the nodes to be Ready", READY_SECONDS)
            cache.write(self.state / "made", "")

    def _kind(self, docker: Engine, *arguments: str | Path) -> None:
        environment = {"KUBECONFIG": str(self.state / "kubeconfig"), **docker.environment()}
        log = self.state / "log" / f"kind-{arguments[0]}.log"
        commands.run([programs.program("kind"), *arguments], env=environment, log=log)

    # What is there

    def _engine(self) -> Engine:
        found = engine.reachable()
        if found is not None:
            return found
        if not self.node_image and not self.state.exists():
            raise Failure(
                "CLUSTER=kind needs Docker. With none that can be reached, a node image can be built here: "
                "`python3 dev/cluster node-image`, then set CRONWRIGHT_NODE_IMAGE to what it prints."
            )
        return engine.bridged()

    def _forward(self) -> processes.Program:
        kubeconfig = self.state / "kubeconfig"
        return forward.program(self._port(), programs.program("kubectl"), kubeconfig, f"kind-{self.name}")

    def _port(self) -> int:
        path = self.state / "settings.json"
        kept = cache.read_json(path).get("port")
        if isinstance(kept, int):
            return kept
        port = ports.choose_for_cluster(self.state.parent)
        cache.write_json(path, {"port": port})
        return port

    def _is_whole(self) -> bool:
        return (self.state / "made").exists()

    def _exists(self, docker: Engine) -> bool:
        return bool(self._nodes(docker))

    def _nodes(self, docker: Engine) -> list[str]:
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        return commands.run(docker.docker("ps", "--all", "--filter", label, "--format", "{{.Names}}")).split()

    def _any_nodes(self, docker: Engine) -> bool:
        """Whether any cluster of kind's is left in that engine."""
        every = docker.docker("ps", "--all", "--quiet", "--filter", "label=io.x-k8s.kind.cluster")
        return bool(commands.run(every).strip())

    def _is_ready(self) -> bool:
        kubeconfig = self.state / "kubeconfig"
        if not kubeconfig.exists():
            return False
        access = Access(str(kubeconfig), f"kind-{self.name}", "")
        jsonpath = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
        try:
            states = commands.run(access.kubectl("get", "nodes", "-o", jsonpath), timeout=10).split()
        except Failure:
            return False
        return bool(states) and set(states) == {"True"}


def configured(listen: str, api_port: int | None, workers: int) -> str:
    """What kind is told: JSON, which is YAML.

    The API server is at the address `listen`, on `api_port` or on any port that is free.
    """
    networking: dict[str, object] = {"apiServerAddress": listen}
    if api_port is not None:
        networking["apiServerPort"] = api_port
    return json.dumps(
        {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "networking": networking,
            "nodes": [{"role": "control-plane"}, *[{"role": "worker"}] * workers],
        },
        indent=2,
    )


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Failure(f"CRONWRIGHT_WORKERS is {text!r}: write a number of nodes, such as 2.")
    return int(text)
