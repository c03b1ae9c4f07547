"""What this machine is and lacks: Debian packages, root, Go.

Installs packages of the distribution and nothing else; what is built lies in the cache (`programs`).
"""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cache
import commands
from progress import Failure, step

# A file that a package brings -> the package. Only what lacks its file is installed.
NODE_PACKAGES = {
    "/usr/bin/containerd": "containerd",
    "/usr/sbin/runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "/usr/sbin/iptables": "iptables",
    "/usr/sbin/conntrack": "conntrack",
    "/usr/bin/openssl": "openssl",
    "/usr/sbin/ip": "iproute2",
    "/usr/bin/nsenter": "util-linux",
    "/usr/bin/busybox": "busybox-static",
}
ENGINE_PACKAGES = {"/usr/sbin/dockerd": "docker.io", "/usr/sbin/iptables": "iptables"}
BASE_IMAGE_PACKAGES = {
    "/usr/sbin/debootstrap": "debootstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
KIND_PACKAGES = {
    "/usr/bin/jq": "jq",
    "/usr/bin/gcc": "gcc",
    "/usr/include/seccomp.h": "libseccomp-dev",
    "/usr/bin/pkg-config": "pkg-config",
}

GO_PLACES = ("/usr/local/go/bin", "/usr/lib/go/bin", "/snap/bin")
OLDEST_GO = (1, 21)  # from here on Go fetches by itself the release that a go.mod asks for

POLICY = Path("/usr/sbin/policy-rc.d")
OUR_POLICY = "#!/bin/sh\n# Written by Cronwright's dev/cluster while it installs packages; can be deleted.\nexit 101\n"


def is_debian() -> bool:
    """Whether packages can be installed with apt-get (Debian and what derives from it)."""
    return shutil.which("apt-get") is not None and Path("/etc/debian_version").exists()


def is_root() -> bool:
    return os.geteuid() == 0


def ensure_packages(wanted: dict[str, str]) -> None:
    """Installs the packages whose file is not there. Raises Failure with apt's own words."""
    missing = sorted({package for file, package in wanted.items() if not Path(file).exists()})
    if not missing:
        return
    if not (is_root() and is_debian()):
        raise Failure(f"This machine lacks {', '.join(missing)}: install them, or run as root on Debian.")
    log = cache.root() / "logs" / "apt.log"
    with cache.locked(cache.root() / "apt.lock"), step(f"installing {', '.join(missing)}"), _no_services():
        if not _can_install(missing):
            # A third party's source that is away must not stop us; whether enough is there, the install tells.
            commands.succeeds(["apt-get", "update", "-q"], timeout=300)
        commands.run(
            ["apt-get", "install", "-y", "-q", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", *missing],
            env={"DEBIAN_FRONTEND": "noninteractive"},
            log=log,
        )


def go() -> Path:
    """The Go command. Raises Failure where there is none, or one too old to fetch a newer one by itself."""
    found = shutil.which("go", path=os.pathsep.join([os.environ.get("PATH", ""), *GO_PLACES]))
    if found is None:
        raise Failure("Kubernetes is built from Go modules here, and there is no Go: install Go 1.26.")
    version = commands.run([found, "env", "GOVERSION"]).strip()
    numbers = version.removeprefix("go").split(".")
    if tuple(int(number) for number in numbers[:2] if number.isdigit()) < OLDEST_GO:
        raise Failure(f"{found} is {version}: Go 1.21 or newer is needed (1.26 is best).")
    return Path(found)


def mirror(suite: str) -> list[str]:
    """Where this machine takes that suite from, as an argument for debootstrap; none where debootstrap is to know."""
    if is_debian():
        listed = commands.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
        )
        for line in listed.splitlines():
            parts = line.split()
            if len(parts) == 3 and parts[1:] == [suite, "main"]:
                return [parts[0]]
    return []


def _can_install(packages: Sequence[str]) -> bool:
    return commands.succeeds(["apt-get", "install", "-s", "-q", "--no-install-recommends", *packages])


@contextmanager
def _no_services() -> Iterator[None]:
    """Keeps Debian from starting the services of what is installed: we start our own, with our own folders."""
    if POLICY.exists() and POLICY.read_text() != OUR_POLICY:
        yield  # the machine has a policy of its own; containers usually say "start nothing"
        return
    POLICY.write_text(OUR_POLICY)
    POLICY.chmod(stat.S_IRWXU | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
