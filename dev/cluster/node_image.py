"""A node image for kind where none can be pulled: what kind's own build downloads is built here from Go modules.

A Debian root by debootstrap with systemd, containerd and the CNI plugins becomes kind's base image; Kubernetes, its
containers' images among it, becomes a release archive; `kind build node-image` puts both together. Every step keeps its
result in the cache under the digest of what goes into it.
"""

import gzip
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import archive
import cache
import commands
import engine
import host
import programs
from archive import Image, Layer
from engine import Engine
from programs import KUBE, KUBERNETES, TOOLS, Build
from progress import step

# bookworm, not the newer one that kind uses: its systemd is the last of Debian that boots on cgroup v1.
SUITE = "bookworm"
PACKAGES = (
    "systemd", "systemd-sysv", "conntrack", "iptables", "nftables", "iproute2", "ethtool", "util-linux", "mount",
    "kmod", "libseccomp2", "e2fsprogs", "bash", "ca-certificates", "jq", "procps", "busybox-static",
)  # fmt: skip
NOT_NEEDED = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")

CONTAINERD = "github.com/containerd/containerd/v2"
CNI = "github.com/containernetworking/plugins/plugins"
BUILDS = (
    Build(
        "node",
        "containerd",
        packages=tuple(f"{CONTAINERD}/cmd/{name}" for name in ("containerd", "ctr", "containerd-shim-runc-v2")),
        ldflags=f"-X {CONTAINERD}/version.Version=v2.4.2",
        flags=("-tags", "no_btrfs no_devmapper no_zfs"),
        in_bin=False,
    ),
    Build(
        "node",
        "runc",
        packages=("github.com/opencontainers/runc",),
        ldflags="-X main.version=1.4.3",
        flags=("-tags", "seccomp"),
        cgo=True,
        in_bin=False,
    ),
    Build("node", "crictl", packages=("sigs.k8s.io/cri-tools/cmd/crictl",), cgo=False, in_bin=False),
    # By itself: it imports Sirupsen/logrus, the others sirupsen/logrus, and one build can't have both.
    Build("node", "the volume provisioner", packages=("github.com/rancher/local-path-provisioner",), cgo=False,
          in_bin=False),
    Build(
        "node",
        "CNI plugins",
        packages=tuple(f"{CNI}/{name}" for name in ("ipam/host-local", "main/loopback", "main/ptp", "meta/portmap")),
        cgo=False,
        in_bin=False,
    ),
)  # fmt: skip
_CONTAINERD, _RUNC, _CRICTL, _STORAGE, _CNI = BUILDS
RELEASE_COMPONENTS = ("controller-manager", "scheduler", "proxy")
CONTROL_PLANE = re.compile(r"/kube-|/etcd:")


def ensure() -> str:
    """Builds the node image unless the engine has it; returns its reference, for CRONWRIGHT_NODE_IMAGE."""
    host.ensure_packages(host.KIND_PACKAGES | host.BASE_IMAGE_PACKAGES)
    programs.ensure([KUBE, programs.DNS, TOOLS, *BUILDS])
    key = cache.digest([*(build.folder().name for build in (KUBE, programs.DNS, TOOLS, *BUILDS)), SUITE, *PACKAGES])
    reference = f"cronwright/node:{KUBERNETES}-{key}"
    docker = engine.for_kind()
    with cache.locked(cache.root() / "node-image.lock"):
        if not docker.has(reference):
            _build(docker, reference, key)
    return reference


def _build(docker: Engine, reference: str, key: str) -> None:
    kind = Path(commands.run([host.go(), "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/kind"],
                             cwd=programs.SOURCES / TOOLS.module).strip())  # fmt: skip
    work = cache.root() / "node-image"
    log = cache.root() / "logs" / "node-image.log"
    debian = work / f"debian-{cache.digest([SUITE, *PACKAGES])}"
    if not debian.exists():
        with step(f"making a Debian {SUITE} with systemd"), cache.folder_in_the_making(debian) as made:
            include = f"--include={','.join(PACKAGES)}"
            commands.run(["debootstrap", "--variant=minbase", include, SUITE, made, *host.mirror(SUITE)], log=log)
            for name in NOT_NEEDED:
                shutil.rmtree(made / name, ignore_errors=True)
    base = f"cronwright/node-base:{key}"
    with cache.folder_in_the_making(work / f"root-{key}") as root:
        with step("making kind's base image"):
            commands.run(["cp", "--archive", f"{debian}/.", root])
            _furnish(root, kind)
            _import(docker, root, base, log)
        with step("packing Kubernetes as a release"):
            release = _release(root, kind, root.parent / f"release-{key}")
    with step("building the node image with kind"):
        commands.run(
            [programs.program("kind"), "build", "node-image", "--type", "file", "--base-image", base,
             "--image", reference, release],
            env=docker.environment(), log=log,
        )  # fmt: skip
    shutil.rmtree(work / f"root-{key}")
    shutil.rmtree(release.parent)


def _furnish(root: Path, kind: Path) -> None:
    """Does to a Debian root what kind's images/base/Dockerfile does, with programs that were built here."""
    files = kind / "images" / "base" / "files"
    commands.run(["cp", "--recursive", "--no-preserve=mode", f"{files}/.", root])
    for folder in ("usr/local/bin", "kind/bin"):
        for script in (root / folder).iterdir():
            script.chmod(0o755)
    shutil.rmtree(root / "LICENSES", ignore_errors=True)
    for folder in ("opt/cni/bin", "etc/kubernetes/manifests", "usr/local/sbin"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for build, target in (
        (KUBE, "usr/local/bin"), (_CONTAINERD, "usr/local/bin"), (_CRICTL, "usr/local/bin"),
        (_RUNC, "usr/local/sbin"), (_CNI, "opt/cni/bin"),
    ):  # fmt: skip
        for program in build.folder().iterdir():
            if not program.is_symlink():
                shutil.copy(program, root / target / program.name)
    spec = json.loads(commands.run(["chroot", root, "ctr", "oci", "spec"]))
    spec.setdefault("hooks", {}).setdefault("createContainer", []).append({"path": "/kind/bin/mount-product-files.sh"})
    spec["process"].pop("rlimits", None)
    (root / "etc/containerd/cri-base.json").write_text(json.dumps(spec))
    units = root / "lib/systemd/system"
    for pattern in (
        "sysinit.target.wants/systemd-tmpfiles-setup.service", "multi-user.target.wants/*", "local-fs.target.wants/*",
        "basic.target.wants/*", "sockets.target.wants/*udev*", "sockets.target.wants/*initctl*",
    ):  # fmt: skip
        for unit in units.glob(pattern):
            unit.unlink()
    for unit in (root / "etc/systemd/system").glob("*.wants/*"):
        unit.unlink()
    with (root / "etc/systemd/journald.conf").open("a") as journald:
        journald.write("ReadKMsg=no\n")
    commands.run(["chroot", root, "systemctl", "enable", "kubelet", "containerd", "undo-mount-hacks"])
    commands.run(["chroot", root, "systemctl", "mask", "systemd-binfmt.service"])
    # From 1.35 on a kubelet refuses cgroup v1 unless told otherwise.
    (root / "etc/default/kubelet").write_text(
        "KUBELET_EXTRA_ARGS=--runtime-cgroups=/system.slice/containerd.service --fail-cgroupv1=false\n"
    )
    # Without CAP_SYS_RESOURCE no container's score may fall below its parent's.
    configuration = root / "etc/containerd/config.toml"
    text = configuration.read_text().replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true")
    configuration.write_text(text)


def _import(docker: Engine, root: Path, base: str, log: Path) -> None:
    packed = root.parent / f"{root.name}.tar"
    try:
        commands.run(["tar", "--directory", root, "--create", "--file", packed, "."])
        commands.run(docker.docker("import", packed, f"{base}-root"))
    finally:
        packed.unlink(missing_ok=True)
    # `import` knows no STOPSIGNAL.
    dockerfile = (
        f"FROM {base}-root\nENV container=docker\nSTOPSIGNAL SIGRTMIN+3\n"
        'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]\n'
    )
    commands.run(docker.docker("build", "--tag", base, "-"), env={"DOCKER_BUILDKIT": "0"}, stdin=dockerfile, log=log)


def _release(root: Path, kind: Path, work: Path) -> Path:
    """A release archive as Kubernetes publishes them; the images of all components are in the API server's."""
    shutil.rmtree(work, ignore_errors=True)
    server = work / "kubernetes" / "server" / "bin"
    server.mkdir(parents=True)
    layers, images = _images(root, kind)
    archive.write(server / "kube-apiserver.tar", layers, images)
    for component in RELEASE_COMPONENTS:
        # kind wants an archive for each; the first has them all, so that these need not repeat anything.
        archive.write(server / f"kube-{component}.tar", layers, images[-1:])
    for name in ("kubeadm", "kubelet", "kubectl"):
        program = server / name
        program.write_text(f'#!/bin/bash\nexec -a {name} /usr/local/bin/kube "$@"\n')
        program.chmod(0o755)
    (work / "kubernetes" / "version").write_text(KUBERNETES + "\n")
    packed = work / "server.tar"
    commands.run(["tar", "--directory", work, "--create", "--file", packed, "kubernetes"])
    with packed.open("rb") as plain, gzip.open(work / "server.tar.gz", "wb", compresslevel=1) as compressed:
        shutil.copyfileobj(plain, compressed)
    return work / "server.tar.gz"


def _images(root: Path, kind: Path) -> tuple[dict[str, Layer], list[Image]]:
    kube, dns = KUBE.folder() / "kube", programs.DNS.folder() / "dns"
    required = commands.run(
        [programs.program("kubeadm"), "config", "images", "list", "--kubernetes-version", KUBERNETES]
    ).split()
    pause = _found(r'"([^"]*/pause:[^"]*)"', kind / "images/base/files/etc/containerd/config.toml")
    network = _found(r'"([^"]*/kindest/[^"]*)"', kind / "pkg/build/nodeimage/const_cni.go")
    storage = _found(r'"([^"]*/kindest/[^"]*)"', kind / "pkg/build/nodeimage/const_storage.go")
    links = {f"usr/sbin/{family}{name}": "xtables-nft-multi" for family in ("iptables", "ip6tables")
             for name in ("", "-save", "-restore")}  # fmt: skip
    kube_names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd", "kindnetd")
    layers: dict[str, Layer] = {
        "os": {**{path.relative_to(root).as_posix(): path for path in _network_tools(root, [kube, dns])}, **links},
        "kube": {"usr/local/bin/kube": kube, **{f"usr/local/bin/{name}": "kube" for name in kube_names}},
        "dns": {"usr/local/bin/coredns": dns},
        "storage": {"usr/local/bin/local-path-provisioner": _STORAGE.folder() / "local-path-provisioner"},
        "sh": {
            "bin/busybox": root / "usr/bin/busybox",
            **{f"bin/{name}": "busybox" for name in ("sh", "sleep", "mkdir", "rm")},
        },
    }
    images = [
        Image([name for name in required if CONTROL_PLANE.search(name)], ["os", "kube"]),
        Image(network, ["os", "kube"], {"Cmd": ["kindnetd"]}),
        Image([name for name in required if "coredns" in name], ["os", "dns"], {"Entrypoint": ["coredns"]}),
        Image(storage, ["sh", "storage"]),
        Image(pause, ["sh"], {"Entrypoint": ["/bin/sleep", "2147483647"]}),
    ]
    return layers, images


def _network_tools(root: Path, others: Sequence[Path]) -> list[Path]:
    """iptables and its kin in the root, with every library that they, and the other programs, are linked with."""
    copies = [root / "tmp" / other.name for other in others]
    for other, copy in zip(others, copies, strict=True):
        shutil.copy(other, copy)
    tools = ["/usr/sbin/xtables-nft-multi", "/usr/sbin/nft", "/usr/sbin/conntrack"]
    plugins = [f"/{path.relative_to(root)}" for path in root.glob("usr/lib/*/xtables/*.so")]
    inside = [f"/tmp/{copy.name}" for copy in copies]
    listed = commands.run(["chroot", root, "ldd", *tools, *plugins, *inside])
    for copy in copies:
        copy.unlink()
    libraries = re.findall(r"(/\S+) \(0x", listed)
    return [root / path.lstrip("/") for path in sorted({*tools, *plugins, *libraries})]


def _found(pattern: str, file: Path) -> list[str]:
    return sorted(set(re.findall(pattern, file.read_text())))
