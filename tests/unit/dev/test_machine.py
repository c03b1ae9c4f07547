"""Ports, addresses, mounts and volumes: what is picked, and what counts as ours."""

from pathlib import Path

import pytest

import network
import node
import volumes
from cluster import component
from mounts import below
from ports import choose
from processes import Program
from progress import Failure


@pytest.mark.parametrize(
    ("taken", "expected"),
    [(set(), 6336), ({6336}, 6337), ({6336, 6337, 6339}, 6338)],
    ids=["the API's own", "the next one", "the first gap"],
)
def test_the_port_is(taken: set[int], expected: int) -> None:
    assert choose(lambda port: port not in taken) == expected


def test_no_port_at_all_is_said() -> None:
    with pytest.raises(LookupError, match="from 6336 to 6535"):
        choose(lambda _: False)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (["default", "192.0.2.0/24"], "10.213.0.0/30"),
        (["default", "10.213.0.0/30"], "10.213.0.4/30"),
        (["10.213.0.0/17"], "10.213.128.0/30"),
        (["10.213.0.2"], "10.213.0.4/30"),
    ],
    ids=["nothing in the way", "another cluster's", "half of it routed", "a single address"],
)
def test_the_cable_gets_a_network_that_no_route_covers(routes: list[str], expected: str) -> None:
    assert str(network.free_subnet(routes)) == expected


def test_no_network_at_all_is_said() -> None:
    with pytest.raises(Failure, match="remove a route"):
        network.free_subnet(["10.0.0.0/8"])


def test_mounts_below_a_folder_are_undone_from_the_inside_out() -> None:
    mountinfo = "\n".join(
        [
            "1 0 0:1 / / rw - ext4 /dev/a rw",
            "2 1 0:2 / /cache/state/kubelet/pods/1 rw - tmpfs tmpfs rw",
            "3 2 0:3 / /cache/state/kubelet/pods/1/a\\040b rw - tmpfs tmpfs rw",
            "4 1 0:4 / /cache/state-of-another rw - tmpfs tmpfs rw",
        ]
    )
    assert below(Path("/cache/state"), mountinfo) == [
        Path("/cache/state/kubelet/pods/1/a b"),
        Path("/cache/state/kubelet/pods/1"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        Program("etcd", ("etcd", "--data-dir=b")),
        Program("etcd", ("etcd", "--data-dir=a"), prefix=("nsenter",)),
        Program("etcd", ("etcd", "--data-dir=a"), env=(("A", "1"),)),
        Program("etcd", ("etcd", "--data-dir=a"), inputs=("certificate",)),
    ],
    ids=["other arguments", "elsewhere", "other variables", "another file to read"],
)
def test_a_program_that_is_started_otherwise_is_another_one(other: Program) -> None:
    assert Program("etcd", ("etcd", "--data-dir=a")).identity() != other.identity()


@pytest.mark.parametrize(
    ("phases", "renewed"),
    [
        ({}, 20),
        (dict.fromkeys(volumes.names(), "Available"), 0),
        (dict.fromkeys(volumes.names(), "Bound") | {"volume-07": "Released"}, 1),
        (dict.fromkeys(volumes.names(), "Available") | {"of-somebody-else": "Released"}, 0),
    ],
    ids=["a new cluster", "all there", "one whose claim is gone", "not ours"],
)
def test_volumes_are_renewed(phases: dict[str, str], renewed: int) -> None:
    assert len(volumes.to_renew(phases)) == renewed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nameserver 192.0.2.1\nsearch a\nnameserver 2001:db8::1\n", ("192.0.2.1", "2001:db8::1")),
        ("nameserver 127.0.0.53\nnameserver ::1\n", ()),
        ("", ()),
    ],
    ids=["those that can be reached", "not those of this machine alone", "none"],
)
def test_name_servers_for_the_outside_world(text: str, expected: tuple[str, ...]) -> None:
    assert node.usable_nameservers(text) == expected


@pytest.mark.parametrize("name", ["scheduler", "kube-scheduler"])
def test_a_component_goes_by_both_names(name: str) -> None:
    assert component(name) == "scheduler"


def test_an_unknown_component_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Failure, match="choose one of apiserver, controller-manager, scheduler"):
        component("etcd")
