"""A network of its own for everything that a cluster or an engine runs: one namespace, one cable to this machine.

Ports, bridges, kube-proxy's rules and its sysctls stay inside, so that nothing has to be picked or cleaned up one by
one, and any number of clusters live side by side. Outside there are only the cable's end, three iptables rules that
carry the namespace's name as a comment, and IP forwarding, which is left on.
"""

import ipaddress
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cache
import commands
from progress import Failure

NAMESPACES = Path("/run/netns")
BRIDGE = "cni0"
# The first network of four addresses in here that overlaps no route of this machine.
CABLES = ipaddress.IPv4Network("10.213.0.0/16")


@dataclass(frozen=True)
class Cable:
    """A network namespace and the two addresses of the cable between it and this machine."""

    namespace: str
    subnet: ipaddress.IPv4Network

    @property
    def host_address(self) -> str:
        """This machine, as seen from inside."""
        return str(self.subnet[1])

    @property
    def node_address(self) -> str:
        """The inside, as seen from this machine."""
        return str(self.subnet[2])

    @property
    def interface(self) -> str:
        """The cable's end on this machine; Linux allows 15 characters."""
        return f"cw{cache.digest([self.namespace])[:8]}"

    @property
    def enter(self) -> tuple[str, ...]:
        """What to put before a command that is to run inside. (`ip netns exec` would hide the control groups.)"""
        return ("nsenter", f"--net={NAMESPACES / self.namespace}", "--")


def free_subnet(routes: Iterable[str]) -> ipaddress.IPv4Network:
    """The first four addresses of CABLES that no route of this machine covers; `routes` as `ip route` names them.

    Raises Failure when all are taken.
    """
    taken = list(routes)
    for candidate in CABLES.subnets(new_prefix=30):
        if is_free(str(candidate), taken):
            return candidate
    raise Failure(f"Every network in {CABLES} is routed on this machine: remove a route that is no longer needed.")


def is_free(subnet: str, routes: Iterable[str]) -> bool:
    """Whether no route of this machine leads into the subnet; `routes` as `ip route` names them."""
    wanted = ipaddress.IPv4Network(subnet)
    return not any(wanted.overlaps(ipaddress.IPv4Network(route)) for route in routes if route != "default")


def routes() -> list[str]:
    """Destinations of this machine's IPv4 routes, `default` among them."""
    return [str(route["dst"]) for route in _json(["ip", "-4", "-json", "route"])]


def lay(cable: Cable) -> None:
    """Makes the namespace and the cable to it; whatever part of them was there must be removed before."""
    width = str(mtu())
    inside = ["ip", "-n", cable.namespace]
    length = cable.subnet.prefixlen
    for command in (
        ["ip", "netns", "add", cable.namespace],
        ["ip", "link", "add", cable.interface, "mtu", width, "type", "veth", "peer", "name", "eth0", "mtu", width,
         "netns", cable.namespace],
        ["ip", "addr", "add", f"{cable.host_address}/{length}", "dev", cable.interface],
        ["ip", "link", "set", cable.interface, "up"],
        [*inside, "link", "set", "lo", "up"],
        [*inside, "addr", "add", f"{cable.node_address}/{length}", "dev", "eth0"],
        [*inside, "link", "set", "eth0", "up"],
        [*inside, "route", "add", "default", "via", cable.host_address],
    ):  # fmt: skip
        commands.run(command)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for rule in _rules(cable):
        commands.run(["iptables", "-w", *rule])


def bridge(cable: Cable, address: str, subnet: str) -> None:
    """The bridge that pods are plugged into, before there is a pod: DNS listens on its address from the start."""
    if commands.succeeds(["ip", "-n", cable.namespace, "link", "show", BRIDGE]):
        return
    length = subnet.partition("/")[2]
    for command in (
        ["link", "add", BRIDGE, "mtu", str(mtu()), "type", "bridge"],
        ["addr", "add", f"{address}/{length}", "dev", BRIDGE],
        ["link", "set", BRIDGE, "up"],
    ):
        commands.run(["ip", "-n", cable.namespace, *command])


def remove(cable: Cable) -> None:
    """Takes everything away again, whatever part of it is there. What ran inside must have ended."""
    for rule in _rules(cable):
        while commands.succeeds(["iptables", "-w", *_as(rule, "-D")]):
            pass
    if Path("/sys/class/net", cable.interface).exists():
        commands.run(["ip", "link", "delete", cable.interface])
    if (NAMESPACES / cable.namespace).exists():
        commands.run(["ip", "netns", "delete", cable.namespace])


def is_complete(cable: Cable) -> bool:
    if not (NAMESPACES / cable.namespace).exists() or not Path("/sys/class/net", cable.interface).exists():
        return False
    try:
        inside = _json(["ip", "-n", cable.namespace, "-4", "-json", "route"])
    except Failure:
        return False  # a name whose namespace was never mounted: a start that was killed in between
    gateways = [route.get("gateway") for route in inside if route.get("dst") == "default"]
    rules_stand = all(commands.succeeds(["iptables", "-w", *_as(rule, "-C")]) for rule in _rules(cable))
    return gateways == [cable.host_address] and rules_stand


def _rules(cable: Cable) -> list[list[str]]:
    mark = ["-m", "comment", "--comment", cable.namespace]
    return [
        ["-I", "FORWARD", "-i", cable.interface, *mark, "-j", "ACCEPT"],
        ["-I", "FORWARD", "-o", cable.interface, *mark, "-j", "ACCEPT"],
        ["-t", "nat", "-I", "POSTROUTING", "-s", str(cable.subnet), "!", "-o", cable.interface, *mark,
         "-j", "MASQUERADE"],
    ]  # fmt: skip


def _as(rule: Sequence[str], operation: str) -> list[str]:
    return [operation if part == "-I" else part for part in rule]


def mtu() -> int:
    """Bytes in a packet: that of the interface to the outside: a larger one would lose packets there."""
    for route in _json(["ip", "-4", "-json", "route", "show", "default"]):
        return int(Path("/sys/class/net", str(route["dev"]), "mtu").read_text())
    return 1500


def _json(command: Sequence[str]) -> list[dict[str, object]]:
    rows = json.loads(commands.run(command) or "[]")
    return [row for row in rows if isinstance(row, dict)]
