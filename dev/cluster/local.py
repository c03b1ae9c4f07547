"""A one-node Kubernetes from programs built here, for a machine where no image can be pulled and no engine runs.

Decides in which order things start and when the cluster is ready. Command lines and files are in `node`, the network
namespace that all of it runs in is in `network`, how processes are found and ended is in `processes`. State lies in
`clusters/NAME` of the cache.
"""

import secrets
import shutil
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

import archive
import cache
import cgroups
import commands
import forward
import host
import layers
import mounts
import network
import node
import pki
import ports
import processes
import programs
import volumes
import web
from cluster import Access
from progress import Failure, say, step

OBJECTS = Path(__file__).resolve().parent / "local.yaml"
BUILDS = (programs.KUBE, programs.DNS, programs.TOOLS)
HEALTH_PORTS = {"controller-manager": 10257, "scheduler": 10259}
WORKS_SECONDS = 60.0
READY_SECONDS = 120.0
LONGEST_SOCKET = "kubelet/pod-resources/kubelet.sock"
LONGEST_SOCKET_PATH = 107  # unix(7): sun_path


class Local:
    """The cluster `cronwright-NAME` on this machine."""

    kind = "local"

    def __init__(self, name: str) -> None:
        self.name = f"cronwright-{name}"
        self.place = cache.name_on_this_machine(self.name)
        self.state = cache.root() / "clusters" / name
        self.lock = self.state.parent / f"{name}.lock"

    # The interface of cluster.Cluster

    def up(self) -> None:
        if not host.is_root():
            raise Failure("CLUSTER=local starts containers by itself, which takes root: run it as root, or use kind.")
        if len(str(self.state / LONGEST_SOCKET)) > LONGEST_SOCKET_PATH:
            raise Failure(f"{self.state} is too long a path for sockets: set CRONWRIGHT_CACHE to a shorter one.")
        programs.ensure(BUILDS)
        host.ensure_packages(host.NODE_PACKAGES)
        with cache.locked(self.lock):
            if not self._is_up():
                self._start()
            self._renew_volumes()

    def access(self) -> Access:
        kubeconfig = self.state / "kubeconfig"
        if not kubeconfig.exists():
            raise Failure("There is no local cluster yet: start it with `python3 dev/cluster up`.")
        return Access(str(kubeconfig), self.name, f"http://localhost:{self._port()}")

    def missing(self, references: Sequence[str]) -> list[str]:
        held = set(commands.run(self._ctr("images", "list", "--quiet")).split())
        return [reference for reference in references if f"docker.io/{reference}" not in held]

    def load(self, archives: Sequence[Path]) -> None:
        with cache.locked(self.lock):
            for saved in archives:
                held = commands.run(self._ctr("content", "list", "--quiet")).split()
                thin = saved.with_suffix(".thin.tar")
                layers.thin(saved, thin, held)
                commands.run(self._ctr("images", "import", thin), log=self.state / "log" / "import.log")
                thin.unlink()

    def restart(self, component: str) -> None:
        with cache.locked(self.lock), step(f"restarting {component}"):
            wanted = node.programs(self._node())
            processes.end(self.state, component)
            self._launch(wanted[component])
            self._wait_for(component)

    def down(self, purge: bool) -> None:
        if not self.state.exists():
            say("there is no local cluster")
            return
        with cache.locked(self.lock):
            with step(f"ending the cluster {self.name}"):
                self._end()
            if purge:
                with step("removing its state"):
                    shutil.rmtree(self.state)

    # Starting

    def _is_up(self) -> bool:
        if not (self.state / "kubeconfig").exists() or not (self.state / "pki" / "ca.crt").exists():
            return False
        wanted = [*node.programs(self._node()).values(), self._forward()]
        return processes.all_run(self.state, wanted) and self._node_is_ready()

    def _start(self) -> None:
        is_laid = network.is_complete(self._cable())
        if not is_laid:
            self._end()  # what is left of a start that was killed, or of before the machine was started again
            self._settle()
        with step("preparing network, certificates and configuration"):
            if not is_laid:
                network.lay(self._cable())
            network.bridge(self._cable(), node.BRIDGE_ADDRESS, node.POD_SUBNET)
            cgroups.ensure(f"/{self.place}")
            self._write_files()
        wanted = node.programs(self._node())
        with step("starting etcd and the API server"):
            self._launch(wanted["etcd"])
            self._launch(wanted["apiserver"])
            self._wait_for("apiserver")
            commands.run(self.access().kubectl("apply", "--server-side", "--force-conflicts", "-f", OBJECTS))
        with step("starting containerd, the kubelet and the controllers"):
            self._launch(wanted["containerd"])
            self._wait_for("containerd")
            self._ensure_pause_image()
            for name in ("controller-manager", "scheduler", "dns", "proxy", "kubelet"):
                self._launch(wanted[name])
            self._launch(self._forward())
        with step("waiting for the node to be Ready"):
            for name in (*HEALTH_PORTS, "dns", "forward"):
                self._wait_for(name)
            log = self.state / "log" / "kubelet.log"
            commands.wait_until(self._node_is_ready, "the node to be Ready", READY_SECONDS, log)

    def _launch(self, program: processes.Program) -> None:
        processes.ensure(self.state, program, self.state / "log" / f"{program.name}.log")

    def _forward(self) -> processes.Program:
        return forward.program(self._port(), programs.program("kubectl"), self.state / "kubeconfig", self.name)

    def _wait_for(self, name: str) -> None:
        log = self.state / "log" / f"{name}.log"
        commands.wait_until(
            lambda: self._works(name),
            f"{name} to work",
            WORKS_SECONDS,
            log,
            hopeless=lambda: name not in processes.running(self.state),
        )

    def _works(self, name: str) -> bool:
        address = self._cable().node_address
        if name == "containerd":
            return commands.succeeds(self._ctr("version"))
        if name == "forward":
            return not ports.is_free(self._port())
        if name == "apiserver":
            return web.answers_ok(f"https://{address}:{node.API_SERVER_PORT}/readyz")
        if name == "dns":
            return web.answers_ok(f"http://{address}:{node.DNS_READY_PORT}/ready")
        return web.answers_ok(f"https://{address}:{HEALTH_PORTS[name]}/healthz")

    def _node_is_ready(self) -> bool:
        url = f"{self._node().server}/api/v1/nodes/{self.name}"
        found = web.get_json(url, self._tokens()["admin"])
        status = found.get("status") if found else None
        conditions = status.get("conditions", []) if isinstance(status, dict) else []
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def _renew_volumes(self) -> None:
        listed = web.get_json(f"{self._node().server}/api/v1/persistentvolumes", self._tokens()["admin"])
        if listed is None:
            raise Failure("The API server does not list volumes: see log/apiserver.log below the cluster's state.")
        phases = volumes.phases(listed)
        renewed = volumes.to_renew(phases)
        if renewed:
            folder = self.state / "volumes"
            stale = [name for name in renewed if name in phases]
            if stale:
                commands.run(self.access().kubectl("delete", "persistentvolume", "--wait", *stale))
            volumes.empty(renewed, folder)
            commands.run(
                self.access().kubectl("apply", "--server-side", "--force-conflicts", "-f", "-"),
                stdin=volumes.manifest(renewed, self.name, folder),
            )

    # What was chosen at the first start, kept so that addresses stay the same

    def _settings(self) -> tuple[str, int]:
        kept = cache.read_json(self.state / "settings.json")
        subnet, port = kept.get("subnet"), kept.get("port")
        if isinstance(subnet, str) and isinstance(port, int):
            return subnet, port
        port = ports.choose_for_cluster(self.state.parent)
        return self._keep(str(network.free_subnet(network.routes())), port)

    def _settle(self) -> None:
        """Chooses anew, while nothing of ours runs, what somebody else has taken meanwhile."""
        subnet, port = self._settings()
        routes = network.routes()
        if not network.is_free(subnet, routes):
            subnet = str(network.free_subnet(routes))
        if not ports.is_free(port):
            port = ports.choose_for_cluster(self.state.parent)
        self._keep(subnet, port)

    def _keep(self, subnet: str, port: int) -> tuple[str, int]:
        cache.write_json(self.state / "settings.json", {"subnet": subnet, "port": port})
        return subnet, port

    def _port(self) -> int:
        return self._settings()[1]

    def _cable(self) -> network.Cable:
        return network.Cable(self.place, IPv4Network(self._settings()[0]))

    def _node(self) -> node.Node:
        cable = self._cable()
        authority = self.state / "pki" / "ca.crt"
        certificates = [(self.state / "pki" / f"{name}.crt").read_bytes() for name in pki.CERTIFICATES]
        return node.Node(
            name=self.name,
            place=self.place,
            state=self.state,
            bin=programs.bin_folder(),
            address=cable.node_address,
            enter=cable.enter,
            nameservers=node.usable_nameservers(Path("/etc/resolv.conf").read_text()),
            versions={build.module: programs.identity(build) for build in BUILDS},
            certificates=cache.digest(certificates) if authority.exists() else "",
        )

    def _tokens(self) -> dict[str, str]:
        path = self.state / "pki" / "tokens.json"
        kept = {name: str(token) for name, token in cache.read_json(path).items()}
        if kept.keys() < node.IDENTITIES.keys():
            kept = {name: kept.get(name, secrets.token_hex(16)) for name in node.IDENTITIES}
            cache.write_json(path, kept, mode=0o600)
        return kept

    def _write_files(self) -> None:
        cable = self._cable()
        pki.ensure(
            self.state / "pki",
            addresses=["127.0.0.1", node.FIRST_SERVICE, cable.node_address],
            names=["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                   "kubernetes.default.svc.cluster.local"],
        )  # fmt: skip
        here, tokens = self._node(), self._tokens()
        cache.write(self.state / "pki" / "tokens.csv", node.tokens_csv(here, tokens), mode=0o600)
        cache.write(self.state / "configuration" / "containerd.toml", node.containerd_toml(here))
        cache.write(self.state / "configuration" / "kubelet.json", node.kubelet_json(here))
        cache.write(self.state / "configuration" / "Corefile", node.corefile(here))
        cache.write(self.state / "cni" / "10-bridge.conflist", node.cni_conflist(here, network.mtu()))
        # The administrator's last: with it, the rest is complete.
        for identity in sorted(node.IDENTITIES, key=lambda name: name == "admin"):
            text = node.kubeconfig(here, identity, tokens[identity])
            cache.write(here.kubeconfig_path(identity), text, mode=0o600)

    # Containers

    def _ctr(self, *arguments: str | Path) -> list[str | Path]:
        socket = self.state / "containerd" / "containerd.sock"
        return ["ctr", "--address", socket, "--namespace", "k8s.io", *arguments]

    def _ensure_pause_image(self) -> None:
        if node.PAUSE_IMAGE in commands.run(self._ctr("images", "list", "--quiet")).split():
            return
        out = self.state / "pause.tar"
        busybox = next(path for path in (Path("/usr/bin/busybox"), Path("/bin/busybox")) if path.exists())
        content: dict[str, archive.Layer] = {"sh": {"bin/busybox": busybox, "bin/sleep": "busybox"}}
        forever = {"Entrypoint": ["/bin/sleep", "2147483647"]}
        archive.write(out, content, [archive.Image([node.PAUSE_IMAGE], ["sh"], forever)])
        commands.run(self._ctr("images", "import", out))

    # Ending

    def _end(self) -> None:
        """Ends all that runs and takes away all that is mounted or laid; every part may be missing."""
        for name in ("kubelet", "forward", "scheduler", "controller-manager", "proxy", "dns"):
            processes.end(self.state, name)
        processes.end_in_cgroup(f"/{self.place}")
        # containerd's children are the shims, which ignore SIGTERM; nothing that they hold lives any more.
        processes.end(self.state, "containerd", patience=1.0)
        for name in ("apiserver", "etcd"):
            processes.end(self.state, name)
        processes.end(self.state)
        mounts.unmount_below(self.state)
        cgroups.remove(f"/{self.place}")
        network.remove(self._cable())
        for leftover in (self.state / "containerd" / "state", self.state / "addresses"):
            shutil.rmtree(leftover, ignore_errors=True)
        for cached in Path("/var/lib/cni/results").glob(f"{self.place}-*"):
            cached.unlink()
        for link in Path("/var/log/containers").glob("*.log"):
            if link.is_symlink() and link.readlink().is_relative_to(self.state):
                link.unlink()
