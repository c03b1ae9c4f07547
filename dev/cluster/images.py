"""Cronwright's images: built from the Dockerfile, tagged by what went in, and loaded into the cluster.

A tag is the digest of an image's inputs, so that an unchanged source is no work, and a changed one always a new tag
that no cluster mixes up with an old one.
"""

import configparser
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import base
import cache
import commands
import engine
from cluster import Cluster
from engine import Engine
from progress import step

PROGRAMS = ("operator", "api", "runner")
COMMON = ("Dockerfile", ".dockerignore", "pyproject.toml", "requirements/build.txt")
INDEX_SETTINGS = ("index-url", "extra-index-url", "trusted-host")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
CA_BUNDLE_IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"


def inputs(checkout: Path, program: str) -> list[Path]:
    """The files that go into a program's image: what all have in common, its requirements, core and its own room."""
    files = [checkout / name for name in (*COMMON, f"requirements/{program}.txt")]
    for room in ("core", program):
        files += [path for path in (checkout / room).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return [path for path in files if path.exists()]


def reference(checkout: Path, program: str, base_image: str) -> str:
    """The image's name, with the digest of its inputs and its base as the tag."""
    tag = cache.digest([base_image, cache.digest_of_files(checkout, inputs(checkout, program))])
    return f"cronwright/{program}:{tag}"


def references(base_image: str) -> dict[str, str]:
    """Every program's image as it has to be for the sources of this checkout."""
    return {program: reference(cache.CHECKOUT, program, base_image) for program in PROGRAMS}


def pip_settings(environment: Mapping[str, str], files: Sequence[Path]) -> dict[str, str]:
    """Which package index this machine uses, as pip's environment variables: they win over its files, later files over
    earlier ones. A folder of this machine (`find-links`) is of no use inside a build and is left out."""
    found: dict[str, str] = {}
    for path in files:
        parser = configparser.RawConfigParser()
        parser.read(path)
        for section in ("global", "install"):
            if parser.has_section(section):
                for name in INDEX_SETTINGS:
                    if value := parser.get(section, name, fallback=""):
                        found[f"PIP_{name.upper().replace('-', '_')}"] = " ".join(value.split())
    for name in INDEX_SETTINGS:
        variable = f"PIP_{name.upper().replace('-', '_')}"
        if environment.get(variable):
            found[variable] = environment[variable]
    return found


def base_image() -> str:
    """The base that images are built on: `CRONWRIGHT_BASE_IMAGE`, else the one decided on at the first build, else
    what can be had here. Raises Failure where there is no engine."""
    own = os.environ.get("CRONWRIGHT_BASE_IMAGE")
    if own:
        return own
    decision = cache.root() / "base.json"
    decided = cache.read_json(decision).get("pulled")
    if decided is None:
        found = engine.ensure()
        # Our own engine is there because nothing else is; asking whether it can pull would only take time.
        decided = found.address is None and found.can_have(base.PULLED)
        cache.write_json(decision, {"pulled": decided})
    return base.PULLED if decided else base.self_made().run


def ensure(cluster: Cluster) -> dict[str, str]:
    """Builds and loads what is missing; returns the reference of every program's image."""
    with cache.locked(cache.root() / "images.lock"):
        wanted = references(base_image())
        missing = cluster.missing(list(wanted.values()))
        if missing:
            _provide(cluster, {program: name for program, name in wanted.items() if name in missing})
        return wanted


def end_engine() -> None:
    """Ends the engine of our own, once nobody builds with it; what was built stays."""
    with cache.locked(cache.root() / "images.lock"):
        engine.end()


def _provide(cluster: Cluster, wanted: Mapping[str, str]) -> None:
    docker = engine.ensure()
    bases = _bases(docker)
    for program, name in wanted.items():
        if not docker.has(name):
            with step(f"building {name}"):
                _build(docker, program, name, bases)
    with step(f"loading {len(wanted)} image{'s' if len(wanted) > 1 else ''} into the cluster"):
        folder = cache.root() / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            archive = Path(temporary, "images.tar")
            commands.run(docker.docker("save", "--output", archive, *wanted.values()))
            cluster.load([archive])


def _bases(docker: Engine) -> base.Base:
    chosen = base_image()
    return base.ensure(docker) if chosen == base.self_made().run else base.Base(chosen, chosen)


def _build(docker: Engine, program: str, name: str, bases: base.Base) -> None:
    arguments = {"BASE_IMAGE": bases.run, "BUILD_IMAGE": bases.build, **_index_settings(), **_proxies()}
    if bases.run != bases.build:
        arguments["PIP_CERT"] = CA_BUNDLE_IN_IMAGE  # it holds what this machine trusts
    flags = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    log = cache.root() / "logs" / f"image-{program}.log"
    commands.run(
        docker.docker("build", "--network=host", "--target", program, "--tag", name, *flags, cache.CHECKOUT),
        env={"DOCKER_BUILDKIT": "0"} if docker.address else None,  # Debian's docker.io comes without BuildKit's client
        log=log,
    )


def _index_settings() -> dict[str, str]:
    home = Path.home()
    files = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", home / ".config" / "pip" / "pip.conf"]
    if os.environ.get("PIP_CONFIG_FILE"):
        files.append(Path(os.environ["PIP_CONFIG_FILE"]))
    return pip_settings(os.environ, files)


def _proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.upper() in PROXIES}
