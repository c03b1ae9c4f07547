"""The API that is measured: a process of its own against the cluster, and tokens of those who come to it."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from integration.api.people import API_RULES, LIST_TASKS, account, allow, disallow, kubeconfig_as, token
from integration.api.served import Served
from support.cluster import CORE, Cluster, namespace_in

KEPT = {"retention_days": 36_500, "retention_rows": 10_000_000, "log_level": "warning"}
"""Rows of the past must stay; and a log line for each request would be held against the API alone."""


@dataclass(frozen=True, slots=True)
class People:
    """Who comes to the API: `kubeconfig` is its own account's. `reads_one` may list Tasks in one namespace of the
    timeline alone."""

    kubeconfig: Path
    operator_account: str
    operator: str
    reads_all: str
    reads_one: str


@contextmanager
def people(cluster: Cluster, readable: str = "") -> Iterator[People]:
    """Make the accounts, and `readable`, the namespace that one of them may read."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cronwright-bench-")))
        home = stack.enter_context(namespace_in(cluster, "bench-people"))
        for name in ("api", "operator", "reads-all", "reads-one"):
            account(cluster, home, name)
        for name, rules in (("api", API_RULES), ("reads-all", LIST_TASKS)):
            stack.callback(disallow, cluster, allow(cluster, home, name, rules))
        if readable:
            cluster.create(f"{CORE}/namespaces", {"metadata": {"name": readable}})
            stack.callback(cluster.delete, f"{CORE}/namespaces/{readable}")
            allow(cluster, home, "reads-one", LIST_TASKS, where=readable)
        yield People(
            kubeconfig=kubeconfig_as(cluster, folder / "kubeconfig", token(cluster, home, "api")),
            operator_account=f"system:serviceaccount:{home}:operator",
            operator=token(cluster, home, "operator", "cronwright"),
            reads_all=token(cluster, home, "reads-all"),
            reads_one=token(cluster, home, "reads-one"),
        )


@contextmanager
def api(coming: People, database_url: str = "") -> Iterator[Served]:
    """Run the API, on a database of its own where none is given."""
    settings = {**KEPT, "operator_account": coming.operator_account}
    if database_url:
        settings["database_url"] = database_url
    with (
        tempfile.TemporaryDirectory(prefix="cronwright-bench-") as folder,
        Served(Path(folder), coming.kubeconfig, **settings) as served,
    ):
        yield served


def resident_mib(served: Served) -> float:
    """Return the resident set of the API's process."""
    text = served.http.get(f"http://127.0.0.1:{served.metrics_port}/metrics").text
    return (
        sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "process_resident_memory_bytes"
        )
        / 2**20
    )
