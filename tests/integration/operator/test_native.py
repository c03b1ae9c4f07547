"""Whether CronJobs take @every, as the operator asks at its start, by the word of a real API server."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cronwright_operator.kubernetes import Kubernetes
from cronwright_operator.native import takes_every
from support.cluster import Cluster, cron_jobs_path, wait_for

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


def asked(namespace: str) -> bool:
    """Return what the operator finds in this namespace."""
    return asyncio.run(_ask(namespace))


async def _ask(namespace: str) -> bool:
    kubernetes = await Kubernetes.connect(1)
    try:
        return await takes_every(kubernetes, namespace, "example/runner:1")
    finally:
        await kubernetes.close()


@contextmanager
def refusing(cluster: Cluster, namespace: str, expression: str, reason: str) -> Iterator[None]:
    """Have the API server refuse CronJobs of the namespace for which `expression` is false."""
    rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["cronjobs"]}
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    policy: dict[str, Any] = {
        "metadata": {"name": namespace},
        "spec": {
            "matchConstraints": {"resourceRules": [rule], "namespaceSelector": selector},
            "validations": [{"expression": expression, "message": "refused by the tests", "reason": reason}],
        },
    }
    binding = {
        "metadata": {"name": namespace},
        "spec": {"policyName": namespace, "validationActions": ["Deny"]},
    }
    cluster.create(POLICIES, policy)
    cluster.create(BINDINGS, binding)
    try:
        yield
    finally:
        cluster.delete(f"{BINDINGS}/{namespace}")
        cluster.delete(f"{POLICIES}/{namespace}")


def test_kubernetes_takes_every_and_nothing_is_made(cluster: Cluster, namespace: str) -> None:
    assert asked(namespace)
    assert not cluster.items(cron_jobs_path(namespace))


def test_a_cluster_that_refuses_every_is_found_out(cluster: Cluster, namespace: str) -> None:
    with refusing(cluster, namespace, "!object.spec.schedule.startsWith('@every')", "Invalid"):
        wait_for("the policy to be in force", lambda: not asked(namespace), 60)


def test_a_policy_that_lets_nobody_ask_says_nothing_of_every(cluster: Cluster, namespace: str) -> None:
    refused = {"metadata": {"name": "probe"}, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "example/runner:1"}]}
    }}}}}  # fmt: skip

    def is_in_force() -> bool:
        answer = cluster.http.post(cron_jobs_path(namespace), json=refused, params={"dryRun": "All"})
        return answer.status_code == 403

    with refusing(cluster, namespace, "false", "Forbidden"):
        wait_for("the policy to be in force", is_in_force, 60)
        assert asked(namespace)


def test_a_namespace_that_is_not_there_yet_is_asked_for_again(cluster: Cluster) -> None:
    """As at the first installation, where an operator may come before the namespace that it serves."""
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(_ask("cronwright-tests-nowhere"), 3))
