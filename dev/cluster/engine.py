"""A container engine to build images with: the one that the caller's `docker` reaches, else one of our own.

Ours is Debian's dockerd with folders of its own. It has no bridge and writes no iptables rule: builds use the machine's
network, and nothing else is ever run by it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import cache
import commands
import host
import processes
from progress import Failure, step

START_SECONDS = 60.0


@dataclass(frozen=True)
class Engine:
    """A docker command and the engine it talks to; without `address`, the one that the caller's settings name."""

    command: str
    address: str | None = None

    def docker(self, *arguments: str | Path) -> list[str | Path]:
        target = [f"--host={self.address}"] if self.address else []
        return [self.command, *target, *arguments]

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
    return found if found is not None else _own()


def end() -> None:
    """Ends the engine of our own, if it runs; its images stay."""
    folder = _folder()
    with cache.locked(folder.with_suffix(".lock")):
        if processes.running(folder):
            with step("ending the container engine"):
                processes.end(folder, "dockerd")
                processes.end(folder)


def _folder() -> Path:
    return cache.root() / "engine"


def _own() -> Engine:
    if not host.is_root():
        raise Failure(
            "Images are built with Docker, and none can be reached: start Docker, or run as root on Debian, where one "
            "is started for you."
        )
    host.ensure_packages(host.ENGINE_PACKAGES)
    if not Path("/usr/bin/docker").exists():  # a package of its own from Debian 13 on
        host.ensure_packages({"/usr/bin/docker": "docker-cli"})
    folder = _folder()
    engine = Engine("/usr/bin/docker", f"unix://{folder / 'docker.sock'}")
    arguments = (
        f"--data-root={folder / 'data'}",
        f"--exec-root={folder / 'exec'}",
        f"--pidfile={folder / 'docker.pid'}",
        f"--host={engine.address}",
        "--bridge=none",
        "--iptables=false",
        "--ip6tables=false",
        "--ip-forward=false",
        "--ip-masq=false",
        "--storage-driver=overlay2",
        "--cgroup-parent=/cronwright-engine",
    )
    daemon = processes.Program("dockerd", ("/usr/sbin/dockerd", *arguments))
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


def _answers(engine: Engine) -> bool:
    return commands.succeeds(engine.docker("version", "--format", "{{.Server.Version}}"), timeout=10)
