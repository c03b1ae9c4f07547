"""What the chart makes of values: objects for the API server, settings for the programs, rights as documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from cronwright_api.settings import Settings as APISettings
from cronwright_operator.settings import Settings as OperatorSettings
from support.cluster import CORE, Cluster, namespace_in

if TYPE_CHECKING:
    from integration.chart.conftest import Helm

INSTALL = Path(__file__).parents[3] / "docs" / "install.md"
CRD = ("CustomResourceDefinition", "tasks.cronwright.dev")
TWO_NAMESPACES = "watchNamespaces={default,kube-public}"
POSTGRES = "api.databaseUrlSecret.name=timeline"
STANDARD_LABELS = {f"app.kubernetes.io/{word}" for word in ("name", "instance", "version", "part-of", "managed-by")}

VARIANTS: dict[str, list[str]] = {
    "as it comes": [],
    "on no volume": ["api.persistence.enabled=false"],
    "on a claim of one's own": ["api.persistence.existingClaim=mine"],
    "in two namespaces": [TWO_NAMESPACES],
    "PostgreSQL, two replicas": [POSTGRES, "api.replicas=2", "api.podDisruptionBudget.enabled=true"],
    "on every node's port": ["api.service.type=NodePort"],
    "plain HTTP": ["api.tls.mode=off"],
    "a certificate of one's own": ["api.tls.mode=given", "api.tls.secretName=mine", "api.tls.caKey=ca.crt"],
    "a public certificate": ["api.tls.mode=given", "api.tls.secretName=mine", "api.url=https://tasks.example.com"],
    "network policies": ["networkPolicy.enabled=true", "networkPolicy.apiFrom[0].namespaceSelector.matchLabels.a=b"],
    "names of one's own": ["fullnameOverride=tasks", "nameOverride=tasks"],
    "no rights, no resource": ["rbac.create=false", "crds.install=false"],
    "user ids that the cluster assigns": [
        "podSecurityContext.runAsUser=null", "podSecurityContext.runAsGroup=null", "podSecurityContext.fsGroup=null",
    ],
    "placed": [
        "imagePullSecrets[0].name=registry",
        "operator.nodeSelector.disk=ssd", "api.tolerations[0].operator=Exists", "api.podAnnotations.a=b",
        "operator.podLabels.team=mail", "api.extraEnv[0].name=TZ", "api.extraEnv[0].value=UTC",
        "operator.serviceAccount.annotations.a=b",
    ],
    "settings of runs": [
        "images.runner=registry.example.com/runner@sha256:" + "0" * 64,
        "runner.imagePullSecrets[0].name=one", "runner.imagePullSecrets[1].name=two",
        "runner.resources.limits.memory=512Mi", "runner.resources.requests.cpu=50m",
    ],
    "logs for people": [
        "operator.logFormat=text", "operator.logLevel=debug", "api.logFormat=text", "api.logLevel=warning",
        "api.trustedProxies={10.0.0.0/8,192.168.0.0/16}",
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def restricted(cluster: Cluster) -> Iterator[str]:
    """A namespace that takes only pods of the restricted standard."""
    with namespace_in(cluster, "chart") as name:
        cluster.patch(
            f"{CORE}/namespaces/{name}", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
        )
        yield name


def test_lint(helm: Helm) -> None:
    helm.run("lint", "--strict", helm.chart)


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_api_server_takes_what_is_rendered(helm: Helm, cluster: Cluster, restricted: str, settings: list[str]) -> None:
    rendered = helm.rendered(*settings, namespace=restricted)
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", stdin=rendered)


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_pods_meet_the_restricted_standard(helm: Helm, cluster: Cluster, restricted: str, settings: list[str]) -> None:
    for component, spec in helm.pods(*settings).items():
        # The service account is not there in a dry run.
        manifest = {"metadata": {"name": component}, "spec": spec | {"serviceAccountName": "default"}}
        response = cluster.http.post(f"{CORE}/namespaces/{restricted}/pods", json=manifest, params={"dryRun": "All"})
        assert response.is_success, response.text


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_programs_take_their_settings(helm: Helm, settings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    programs: dict[str, type[BaseSettings]] = {"operator": OperatorSettings, "api": APISettings}
    for component, program in programs.items():
        environment = env(helm, component, settings)
        known = {f"CRONWRIGHT_{name.upper()}" for name in program.model_fields}
        assert {name for name in environment if name.startswith("CRONWRIGHT_")} <= known
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            program()


def env(helm: Helm, component: str, settings: list[str]) -> dict[str, str]:
    """Return a program's environment; what comes from a Secret is an address of PostgreSQL."""
    container = helm.pods(*settings)[component]["containers"][0]
    return {each["name"]: each.get("value", "postgresql://u:p@db/timeline") for each in container["env"]}


def test_the_two_programs_know_each_other(helm: Helm) -> None:
    objects = helm.objects()
    operator, service = objects["Deployment", "operator"], objects["Service", "api"]
    name = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']}"
    assert env(helm, "operator", [])["CRONWRIGHT_API_URL"] == f"https://{name}"
    pod = operator["spec"]["template"]["spec"]
    account = f"system:serviceaccount:{operator['metadata']['namespace']}:{pod['serviceAccountName']}"
    assert env(helm, "api", [])["CRONWRIGHT_OPERATOR_ACCOUNT"] == account
    [token] = [
        source["serviceAccountToken"]
        for volume in pod["volumes"]
        for source in volume.get("projected", {}).get("sources", [])
    ]
    [mount] = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == "timeline-token"]
    assert token["audience"] == "cronwright"
    assert env(helm, "operator", [])["CRONWRIGHT_TOKEN_PATH"] == f"{mount['mountPath']}/{token['path']}"


def test_settings_of_runs(helm: Helm) -> None:
    environment = env(helm, "operator", [*VARIANTS["settings of runs"], TWO_NAMESPACES])
    assert environment["CRONWRIGHT_RUNNER_IMAGE_PULL_SECRETS"] == "one,two"
    assert environment["CRONWRIGHT_NAMESPACES"] == "default,kube-public"
    assert yaml.safe_load(environment["CRONWRIGHT_RUNNER_RESOURCES"]) == {
        "limits": {"memory": "512Mi"},
        "requests": {"cpu": "50m"},
    }


def test_settings_of_loops(helm: Helm) -> None:
    settings = ["nativeEvery=false", "minInterval=5s", "maxLoopTasks=7", "loopWindowSeconds=600"]
    environment = env(helm, "operator", settings)
    names = ("NATIVE_EVERY", "MIN_INTERVAL", "MAX_LOOP_TASKS", "LOOP_WINDOW_SECONDS")
    assert [environment[f"CRONWRIGHT_{name}"] for name in names] == ["false", "5s", "7", "600"]


def test_every_object_has_the_standard_labels(helm: Helm) -> None:
    settings = [
        "networkPolicy.enabled=true",
        "metrics.serviceMonitor.enabled=true",
        "api.podDisruptionBudget.enabled=true",
    ]
    for key, each in helm.objects(*settings).items():
        assert set(each["metadata"]["labels"]) >= STANDARD_LABELS, key


def test_the_task_resource_outlives_the_release(helm: Helm) -> None:
    assert helm.objects()[CRD]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    timeline = helm.objects()["PersistentVolumeClaim", "timeline"]
    assert timeline["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_the_task_resource_is_rendered_unchanged(helm: Helm) -> None:
    written = yaml.safe_load((INSTALL.parents[1] / "crds" / "task.yaml").read_text())
    assert helm.objects()[CRD]["spec"] == written["spec"]


def rights(rules: list[dict[str, Any]], who: str) -> set[tuple[str, str, str, str]]:
    """Return one row for each resource of `rules`."""
    return {
        (who, group or "core", resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def documented_rights() -> set[tuple[str, str, str, str]]:
    """Return the rights of the table in docs/install.md."""
    rows = re.findall(
        r"^\| ((?:operator|API)[^|]*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", INSTALL.read_text(), re.MULTILINE
    )
    return {
        (who, group, resource, verb)
        for who, group, resources, verbs in rows
        for resource in resources.split(", ")
        for verb in verbs.split(", ")
    }


def test_rights_are_those_of_the_docs(helm: Helm) -> None:
    objects, in_namespaces = helm.objects(), helm.objects(TWO_NAMESPACES)
    documented = documented_rights()
    assert documented
    everywhere = {(who.removesuffix(" (cluster)"), *rest) for who, *rest in documented}
    found = rights(objects["ClusterRole", "operator"]["rules"], "operator")
    assert found | rights(objects["ClusterRole", "api"]["rules"], "API") == everywhere
    found = rights(in_namespaces["Role", "operator"]["rules"], "operator")
    found |= rights(in_namespaces["Role", "api"]["rules"], "API")
    assert found == {row for row in documented if "(cluster)" not in row[0]}
    assert ("ClusterRole", "operator") not in in_namespaces
    assert rights(in_namespaces["ClusterRole", "api"]["rules"], "API (cluster)") <= documented


def test_no_program_may_read_secrets_or_has_a_wildcard(helm: Helm) -> None:
    for settings in VARIANTS.values():
        for (kind, name), each in helm.objects(*settings).items():
            if kind in ("Role", "ClusterRole"):
                for _, group, resource, verb in rights(each["rules"], name):
                    assert "*" not in (group, resource, verb)
                    assert resource != "secrets"


REFUSALS = {
    "a typo": (["operater.workers=2"], "operater"),
    "a typo further down": (["api.service.nodeport=30636"], "nodeport"),
    "a word for a number": (["operator.workers=many"], "/operator/workers"),
    "a window that does not divide the hour": (["loopWindowSeconds=420"], "/loopWindowSeconds"),
    "an interval without a unit": (["minInterval=5"], "/minInterval"),
    "no workers": (["operator.workers=0"], "/operator/workers"),
    "an unknown level": (["api.logLevel=loud"], "/api/logLevel"),
    "a database that isn't served": (["api.databaseUrl=mysql://db/timeline"], "/api/databaseUrl"),
    "a namespace with capitals": (["watchNamespaces={Team}"], "/watchNamespaces/0"),
    "two writers to one file": (["api.replicas=2"], "write api.replicas: 1, or name a PostgreSQL database"),
    "no account": (["operator.serviceAccount.create=false"], "write operator.serviceAccount.name, or create: true"),
}


@pytest.mark.parametrize(("settings", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_refuses(helm: Helm, settings: list[str], sentence: str) -> None:
    assert sentence in helm.refusal(*settings)


def test_the_api_server_takes_the_task_of_the_notes(helm: Helm, cluster: Cluster, restricted: str) -> None:
    options = ["--namespace", restricted, f"--set=watchNamespaces={{{restricted}}}", "--set=crds.install=false"]
    notes = helm.run("install", helm.release, helm.chart, "--dry-run=client", *options).stdout.partition("NOTES:")[2]
    [first] = re.findall(r"<<'EOT'\n(.*?)\n *EOT", notes, re.DOTALL)
    cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=first)


def test_an_upgrade_without_a_change_writes_nothing(helm: Helm, cluster: Cluster, restricted: str) -> None:
    # Pods without a node: the release is looked at, not its programs.
    options = [
        "--namespace", restricted, "--set=crds.install=false", f"--set=watchNamespaces={{{restricted}}}",
        "--set=operator.nodeSelector.no=node", "--set=api.nodeSelector.no=node", "--set=api.persistence.enabled=false",
    ]  # fmt: skip
    helm.run("install", helm.release, helm.chart, *options)
    try:
        before = versions(cluster, restricted)
        assert len(before) > 5
        helm.run("upgrade", helm.release, helm.chart, *options)
        assert versions(cluster, restricted) == before
    finally:
        helm.run("uninstall", helm.release, "--namespace", restricted)


def versions(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Return a version of each object of the release that changes with each write but those of its status."""
    kinds = "deployments,services,serviceaccounts,roles,rolebindings"
    found = cluster.kubectl(
        "get", kinds, "--namespace", namespace, "-l", "app.kubernetes.io/part-of=cronwright", "-o", "yaml"
    ).stdout
    return {
        f"{each['kind']}/{each['metadata']['name']}": str(
            each["metadata"]["generation"] if each["kind"] == "Deployment" else each["metadata"]["resourceVersion"]
        )
        for each in yaml.safe_load(found)["items"]
    }
