"""A container engine to build images with: the one that the caller's `docker` reaches, else one of our own.

Ours is Debian's dockerd with folders of its own. It has no bridge and writes no iptables rule: builds use the machine's
network, and nothing else is ever run by it.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import cache
import cgroups
import commands
import host
import mounts
import network
import processes
from progress import Failure, step

START_SECONDS = 60.0
BUILD_ENGINE, KIND_ENGINE = "engine", "kind-engine"
NO_NETWORK = (
    "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
)  # fmt: skip
BOUNDED_RUNC = Path(__file__).resolve().parent / "node-image" / "runc-bounded.sh"
CAP_SYS_RESOURCE = 24


@dataclass(frozen=True)
class Engine:
    """A docker command and the engine it talks to; without `address`, the one that the caller's settings name."""

    command: str
    address: str | None = None
    cable: network.Cable | None = None

    def docker(self, *arguments: str | Path) -> list[str | Path]:
        target = [f"--host={self.address}"] if self.address else []
        return [self.command, *target, *arguments]

    def environment(self) -> dict[str, str]:
        """What makes other programs talk to the same engine."""
        return {"DOCKER_HOST": self.address} if self.address else {}

    def has(self, reference: str) -> bool:
        """Whether the image is in the engine's own store."""
        return commands.succeeds(self.docker("image", "inspect", reference))

    def can_have(self, reference: str) -> bool:
        """Whether the image is there, or can be pulled from here."""
        return self.has(reference) or commands.succeeds(self.docker("pull", "--quiet", reference), timeout=300)


def reachable() -> Engine | None:
    """The engine that the caller's own `docker` reaches, if there is one."""
    command = shutil.which("docker")
    if command is None or not commands.succeeds([command, "version", "--format", "{{.Server.Version}}"], timeout=10):
        return None
    return Engine(command)


def ensure() -> Engine:
    """An engine that works: the caller's, else our own, installed and started where need be."""
    found = reachable()
    return found if found is not None else _own(cache.root() / BUILD_ENGINE, NO_NETWORK, None)


def for_kind() -> Engine:
    """The engine that kind is to use: the caller's, else one of our own that can run nodes."""
    found = reachable()
    return found if found is not None else bridged()


def bridged() -> Engine:
    """An engine of our own that runs containers with ports, for kind: in a network namespace, with a bridge there."""
    folder = cache.root() / KIND_ENGINE
    path = folder / "settings.json"
    kept = cache.read_json(path).get("subnet")
    subnet = kept if isinstance(kept, str) else str(network.free_subnet(network.routes()))
    cache.write_json(path, {"subnet": subnet})
    cable = network.Cable(_place(KIND_ENGINE), IPv4Network(subnet))
    flags: list[str] = []
    if not _may_have_every_capability():
        host.ensure_packages({"/usr/bin/jq": "jq"})
        flags += [f"--add-runtime=bounded={BOUNDED_RUNC}", "--default-runtime=bounded"]
    if not network.is_complete(cable):
        processes.end(folder)
        network.remove(cable)
        network.lay(cable)
    return _own(folder, flags, cable)


def end_bridged() -> None:
    """Ends the engine of `bridged` and takes its network away; its images stay."""
    folder = cache.root() / KIND_ENGINE
    subnet = cache.read_json(folder / "settings.json").get("subnet")
    _end(folder)
    mounts.unmount_below(folder)
    cgroups.remove(f"/{_place(KIND_ENGINE)}")
    if isinstance(subnet, str):
        network.remove(network.Cable(_place(KIND_ENGINE), IPv4Network(subnet)))


def end() -> None:
    """Ends the engine of our own that builds images, if it runs; its images stay."""
    _end(cache.root() / BUILD_ENGINE)
    mounts.unmount_below(cache.root() / BUILD_ENGINE)
    cgroups.remove(f"/{_place(BUILD_ENGINE)}")


def _end(folder: Path) -> None:
    with cache.locked(folder.with_suffix(".lock")):
        if processes.running(folder):
            with step("ending the container engine"):
                processes.end(folder, "dockerd")
                processes.end(folder)


def _own(folder: Path, flags: Sequence[str], cable: network.Cable | None) -> Engine:
    if not host.is_root():
        raise Failure(
            "Images are built with Docker, and none can be reached: start Docker, or run as root on Debian, where one "
            "is started for you."
        )
    host.ensure_packages(host.ENGINE_PACKAGES)
    if not Path("/usr/bin/docker").exists():  # a package of its own from Debian 13 on
        host.ensure_packages({"/usr/bin/docker": "docker-cli"})
    engine = Engine("/usr/bin/docker", f"unix://{folder / 'docker.sock'}", cable)
    arguments = (
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'docker.pid'}",
        f"--host={engine.address}",
        "--storage-driver=overlay2",
        f"--cgroup-parent=/{_place(folder.name)}",
        *flags,
    )
    daemon = processes.Program("dockerd", ("/usr/sbin/dockerd", *arguments), prefix=cable.enter if cable else ())
    with cache.locked(folder.with_suffix(".lock")):
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "dockerd.log"
        if not (processes.is_running(folder, daemon) and _answers(engine)):
            with step("starting a container engine"):
                processes.ensure(folder, daemon, log)
                commands.wait_until(
                    lambda: _answers(engine),
                    "dockerd to answer",
                    START_SECONDS,
                    log,
                    hopeless=lambda: not processes.is_running(folder, daemon),
                )
    return engine


def _place(name: str) -> str:
    # No cluster's name has an underscore in it.
    return cache.name_on_this_machine(f"cronwright_{name}")


def _may_have_every_capability() -> bool:
    bounds = re.search(r"^CapBnd:\s*([0-9a-f]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    return bounds is not None and bool(int(bounds[1], 16) >> CAP_SYS_RESOURCE & 1)


def _answers(engine: Engine) -> bool:
    return commands.succeeds(engine.docker("version", "--format", "{{.Server.Version}}"), timeout=10)
