"""Programs built from Go modules: Kubernetes with etcd and kubectl as one binary, CoreDNS, helm, kind, kubeconform.

The modules are in `go/`, one folder each, with their go.sum as the lock. A build's folder in the cache is named by the
digest of its sources and flags, so that it is made once; `bin` holds links to the programs of the newest builds.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cache
import commands
import host
from progress import step

KUBERNETES = "v1.36.3"
SOURCES = Path(__file__).resolve().parent / "go"

KUBE_NAMES = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy",
    "kubelet", "kubectl", "kubeadm", "etcd", "kindnetd",
)  # fmt: skip


@dataclass(frozen=True)
class Build:
    """One `go build` in one module: which packages, with which flags, and which names the result answers to.

    Without `in_bin` its programs are not for the PATH, where they would hide the distribution's."""

    module: str
    what: str
    packages: tuple[str, ...] = (".",)
    ldflags: str = ""
    flags: tuple[str, ...] = ()
    cgo: bool | None = None
    in_bin: bool = True
    links: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def key(self) -> str:
        sources = [path for path in (SOURCES / self.module).rglob("*") if path.is_file()]
        return cache.digest(
            [
                cache.digest_of_files(SOURCES, sources),
                *self.packages,
                self.ldflags,
                *self.flags,
                str(self.cgo),
                *(f"{name}={links}" for name, links in self.links.items()),
            ]
        )

    def folder(self) -> Path:
        return cache.root() / "programs" / f"{self.module}-{self.key()}"


_VERSION = f"version.gitVersion={KUBERNETES}"
KUBE = Build(
    "kube",
    f"Kubernetes {KUBERNETES} from Go modules (4 to 8 minutes the first time)",
    ldflags=f"-X k8s.io/component-base/{_VERSION} -X k8s.io/client-go/pkg/{_VERSION}",
    links={"kube": KUBE_NAMES},
)
DNS = Build("dns", "CoreDNS", links={"dns": ("coredns",)})
TOOLS = Build("tools", "helm, kind and kubeconform", packages=(
    "helm.sh/helm/v4/cmd/helm", "sigs.k8s.io/kind", "github.com/yannh/kubeconform/cmd/kubeconform",
))  # fmt: skip


def bin_folder() -> Path:
    """The folder to put in front of the PATH."""
    return cache.root() / "bin"


def program(name: str) -> Path:
    """The built program of that name; it is there once the build that makes it was ensured."""
    return bin_folder() / name


def ensure(builds: Sequence[Build]) -> None:
    """Builds what the cache doesn't hold yet and points the links in `bin` at it."""
    for build in builds:
        if not build.folder().exists():
            with cache.locked(cache.root() / "programs" / f"{build.module}.lock"):
                if not build.folder().exists():
                    _make(build)
        if build.in_bin:
            _link(build)


def identity(build: Build) -> str:
    """Changes when the program does; a running one is started anew then."""
    return build.folder().name


def _make(build: Build) -> None:
    go = host.go()
    log = cache.root() / "logs" / f"build-{build.module}.log"
    env = {"GOFLAGS": "-buildvcs=false"}
    if build.cgo is not None:
        env["CGO_ENABLED"] = "1" if build.cgo else "0"
    with step(f"building {build.what}"), cache.folder_in_the_making(build.folder()) as out:
        commands.run(
            [go, "build", "-trimpath", "-ldflags", f"-s -w {build.ldflags}".strip(), *build.flags, "-o", f"{out}/",
             *build.packages],
            env=env, cwd=SOURCES / build.module, log=log, nice=True,
        )  # fmt: skip
        for target, names in build.links.items():
            for name in names:
                (out / name).symlink_to(target)


def _link(build: Build) -> None:
    folder = bin_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for made in build.folder().iterdir():
        link = folder / made.name
        if not link.is_symlink() or link.readlink() != made:
            temporary = folder / f".{made.name}.{os.getpid()}"
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(made)
            temporary.replace(link)
