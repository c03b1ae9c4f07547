"""The command lines and configuration files of a one-node Kubernetes: pure text, from a few paths and addresses.

Starts nothing and writes nothing; `local` does. What differs from kubeadm's defaults has its reason beside it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from network import BRIDGE
from processes import Program

POD_SUBNET, BRIDGE_ADDRESS = "10.244.0.0/16", "10.244.0.1"
SERVICE_SUBNET, FIRST_SERVICE = "10.96.0.0/16", "10.96.0.1"
API_SERVER_PORT = 6443
DNS_READY_PORT = 8181
PAUSE_IMAGE = "docker.io/cronwright/pause:1"

# Who may show a token to the API server: user, group. Nobody works as administrator who needn't.
IDENTITIES: Mapping[str, tuple[str, str]] = {
    "admin": ("cronwright-admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    "dns": ("cronwright:dns", ""),
    "kubelet": ("system:node:{node}", "system:nodes"),
}


@dataclass(frozen=True)
class Node:
    """Where the one node keeps its things and how it is reached; `place` is its name among all of this machine."""

    name: str
    place: str
    state: Path
    bin: Path
    address: str
    enter: tuple[str, ...]
    nameservers: tuple[str, ...]
    versions: Mapping[str, str]
    certificates: str

    @property
    def server(self) -> str:
        return f"https://{self.address}:{API_SERVER_PORT}"

    @property
    def containerd_socket(self) -> Path:
        return self.state / "containerd" / "containerd.sock"

    @property
    def cgroup(self) -> str:
        return f"/{self.place}"

    def kubeconfig_path(self, identity: str) -> Path:
        return self.state / ("kubeconfig" if identity == "admin" else f"{identity}.kubeconfig")


def programs(node: Node) -> dict[str, Program]:
    """Everything that runs, by name, in the order of its start."""
    pki, configuration = node.state / "pki", node.state / "configuration"

    def kubernetes(name: str, program: str, *arguments: str, reads: str = "") -> Program:
        return Program(
            name,
            (str(node.bin / program), *arguments),
            prefix=node.enter,
            inputs=(node.versions["kube"], node.certificates, reads),
        )

    found = [
        kubernetes(
            "etcd",
            "etcd",
            f"--data-dir={node.state / 'etcd'}",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=default=http://127.0.0.1:2380",
            # A development cluster can be made again; waiting for the disk is most of what a write costs.
            "--unsafe-no-fsync",
            "--quota-backend-bytes=8000000000",
            "--log-level=warn",
        ),
        kubernetes(
            "apiserver",
            "kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={node.address}",
            f"--secure-port={API_SERVER_PORT}",
            f"--tls-cert-file={pki / 'api.crt'}",
            f"--tls-private-key-file={pki / 'api.key'}",
            f"--client-ca-file={pki / 'ca.crt'}",
            f"--token-auth-file={pki / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki / 'sa.key'}",
            f"--service-account-signing-key-file={pki / 'sa.key'}",
            f"--service-cluster-ip-range={SERVICE_SUBNET}",
            f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
            f"--kubelet-client-key={pki / 'kubelet-client.key'}",
            "--kubelet-preferred-address-types=InternalIP",
        ),
        Program(
            "containerd",
            ("containerd", "--config", str(configuration / "containerd.toml")),
            prefix=node.enter,
            inputs=(containerd_toml(node),),
        ),
        kubernetes(
            "controller-manager",
            "kube-controller-manager",
            f"--kubeconfig={node.kubeconfig_path('controller-manager')}",
            # Each controller under its own account, as on every real cluster: policies tell them apart by it.
            "--use-service-account-credentials",
            f"--service-account-private-key-file={pki / 'sa.key'}",
            f"--root-ca-file={pki / 'ca.crt'}",
            f"--cluster-signing-cert-file={pki / 'ca.crt'}",
            f"--cluster-signing-key-file={pki / 'ca.key'}",
            "--leader-elect=false",
        ),
        kubernetes(
            "scheduler",
            "kube-scheduler",
            f"--kubeconfig={node.kubeconfig_path('scheduler')}",
            "--leader-elect=false",
        ),
        Program(
            "dns",
            (str(node.bin / "coredns"), "-conf", str(configuration / "Corefile")),
            prefix=node.enter,
            inputs=(node.versions["dns"], corefile(node), node.certificates),
        ),
        kubernetes(
            "proxy",
            "kube-proxy",
            f"--kubeconfig={node.kubeconfig_path('proxy')}",
            "--proxy-mode=iptables",
            f"--cluster-cidr={POD_SUBNET}",
            f"--hostname-override={node.name}",
            # The machine's own limit may not be ours to change.
            "--conntrack-max-per-core=0",
        ),
        kubernetes(
            "kubelet",
            "kubelet",
            f"--config={configuration / 'kubelet.json'}",
            f"--kubeconfig={node.kubeconfig_path('kubelet')}",
            f"--root-dir={node.state / 'kubelet'}",
            f"--hostname-override={node.name}",
            f"--node-ip={node.address}",
            reads=kubelet_json(node),
        ),
    ]
    return {program.name: program for program in found}


def containerd_toml(node: Node) -> str:
    folder = node.state / "containerd"
    return f"""version = 2
root = "{folder / "root"}"
state = "{folder / "state"}"
[grpc]
  address = "{node.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder / "opt"}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE no container's score may fall below its parent's.
  restrict_oom_score_adj = true
  # So that whatever is mounted is mounted below our own folder, and can be found there.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{node.state / "cni"}"
"""


def cni_conflist(node: Node, mtu: int) -> str:
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "ipMasq": True,
        "hairpinMode": True,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "dataDir": str(node.state / "addresses"),
            "ranges": [[{"subnet": POD_SUBNET}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": node.place, "plugins": [bridge, portmap]}, indent=2) + "\n"


def kubelet_json(node: Node) -> str:
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(node.state / "pki" / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        # A group of our own: a kubelet ends what it doesn't know below its root, another cluster's pods included.
        "cgroupRoot": node.cgroup,
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "containerRuntimeEndpoint": f"unix://{node.containerd_socket}",
        "podLogsDir": str(node.state / "pod-logs"),
        # Images can't be pulled again: never collect them, however full the disk.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "100Mi"},
        "clusterDNS": [BRIDGE_ADDRESS],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "maxPods": 500,
    }
    return json.dumps(configuration, indent=2) + "\n"


def corefile(node: Node) -> str:
    """Names of the cluster, and the outside world's where this machine's own resolver can be reached from inside."""
    forward = f"  forward . {' '.join(node.nameservers)}\n" if node.nameservers else ""
    return (
        f".:53 {{\n  bind {BRIDGE_ADDRESS}\n  errors\n  ready :{DNS_READY_PORT}\n  cache 5\n"
        "  kubernetes cluster.local {\n"
        f"    kubeconfig {node.kubeconfig_path('dns')}\n  }}\n{forward}}}\n"
    )


def usable_nameservers(resolv_conf: str) -> tuple[str, ...]:
    """The name servers of a resolv.conf, without those on loopback addresses, which nobody else can reach."""
    servers = [line.split()[1] for line in resolv_conf.splitlines() if line.startswith("nameserver ")]
    return tuple(server for server in servers if not server.startswith("127.") and server != "::1")


def tokens_csv(node: Node, tokens: Mapping[str, str]) -> str:
    rows = []
    for identity, (user, group) in IDENTITIES.items():
        name = user.format(node=node.name)
        rows.append(f'{tokens[identity]},{name},{name},"{group}"')
    return "\n".join(rows) + "\n"


def kubeconfig(node: Node, identity: str, token: str) -> str:
    """JSON, which is YAML. The context has the node's name, for whoever it is."""
    cluster = {"server": node.server, "certificate-authority": str(node.state / "pki" / "ca.crt")}
    configuration = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": node.name, "cluster": cluster}],
        "users": [{"name": identity, "user": {"token": token}}],
        "contexts": [{"name": node.name, "context": {"cluster": node.name, "user": identity}}],
        "current-context": node.name,
    }
    return json.dumps(configuration, indent=2) + "\n"
