"""The base images where none can be pulled: a small Debian with Python, made by debootstrap, with this machine's CAs.

Two of them: `run` is what programs start from; `build` is the same with pip. They are kept as archives in the cache,
under the digest of what goes into them, and imported into an engine that doesn't have them.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

import cache
import commands
import host
from engine import Engine
from progress import Failure, step

PULLED = "python:3.13-slim-bookworm"  # as in the Dockerfile
SUITE = "bookworm"
PACKAGES = ("python3", "python3-pip", "ca-certificates")
BUILD_ONLY = ("python3-pip", "python3-setuptools", "python3-wheel", "python3-pkg-resources", "python3-distutils",
              "python3-lib2to3")  # fmt: skip
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
CA_FOLDER = Path("/usr/local/share/ca-certificates")
NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
              "var/cache/apt", "var/lib/apt/lists", "var/log")  # fmt: skip


@dataclass(frozen=True)
class Base:
    """References of the image that programs start from and of the one that they are built in."""

    run: str
    build: str


def self_made() -> Base:
    """The references under which the base images of this machine are, or will be, kept."""
    authorities = CA_BUNDLE.read_bytes() if CA_BUNDLE.exists() else b""
    key = cache.digest([SUITE, *PACKAGES, *BUILD_ONLY, *NOT_NEEDED, authorities])
    return Base(f"cronwright/base:{key}", f"cronwright/base-build:{key}")


def ensure(engine: Engine) -> Base:
    """Sees to it that the engine has the base images. Raises Failure where they can't be made."""
    base = self_made()
    if engine.has(base.run) and engine.has(base.build):
        return base
    folder = cache.root() / "base" / base.run.partition(":")[2]
    with cache.locked(cache.root() / "base.lock"):
        if not folder.exists():
            _make(folder)
        for name, reference in (("run", base.run), ("build", base.build)):
            commands.run(engine.docker("import", folder / f"{name}.tar", reference))
    return base


def _make(folder: Path) -> None:
    if not (host.is_root() and host.is_debian()):
        raise Failure("No base image can be pulled; one is made with debootstrap, which takes root on Debian.")
    host.ensure_packages(host.BASE_IMAGE_PACKAGES)
    log = cache.root() / "logs" / "debootstrap.log"
    with step(f"making a base image of Debian {SUITE} (about a minute)"), cache.folder_in_the_making(folder) as made:
        root = made / "root"
        commands.run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, root, *host.mirror(SUITE)],
            log=log,
        )
        _trust_what_this_machine_trusts(root)
        for name in NOT_NEEDED:
            shutil.rmtree(root / name, ignore_errors=True)
            (root / name).mkdir(parents=True)
        (root / "var/cache/apt/archives/partial").mkdir(parents=True)
        commands.run(["tar", "--directory", root, "--create", "--file", made / "build.tar", "."])
        commands.run(["chroot", root, "apt-get", "purge", "--yes", "--auto-remove", *BUILD_ONLY], log=log)
        commands.run(["tar", "--directory", root, "--create", "--file", made / "run.tar", "."])
        shutil.rmtree(root)


def _trust_what_this_machine_trusts(root: Path) -> None:
    for own in CA_FOLDER.glob("*.crt"):
        shutil.copy(own, root / CA_FOLDER.relative_to("/") / own.name)
    commands.run(["chroot", root, "update-ca-certificates"])
    if CA_BUNDLE.exists():
        shutil.copy(CA_BUNDLE, root / CA_BUNDLE.relative_to("/"))
