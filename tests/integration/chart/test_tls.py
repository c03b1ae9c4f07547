"""What the chart makes of `api.tls`: certificates, who mounts what of them, and the sentences for values that don't fit
together. That connections are checked against them is tried in tests/e2e/test_tls.py."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.cluster import CORE, Cluster, namespace_in

if TYPE_CHECKING:
    from integration.chart.conftest import Helm

CERT_MANAGER = ["api.tls.mode=certManager", "api.tls.issuerRef.name=inside"]
GIVEN = ["api.tls.mode=given", "api.tls.secretName=mine"]
WITH_CA = [*GIVEN, "api.tls.caKey=team-ca.pem"]
MODES: dict[str, list[str]] = {
    "self-signed": [],
    "cert-manager": CERT_MANAGER,
    "given, with its authority": WITH_CA,
    "given, of a public authority": GIVEN,
    "off": ["api.tls.mode=off"],
}
CA_FILE = "CRONWRIGHT_API_CA_FILE"


def container(helm: Helm, component: str, settings: list[str]) -> dict[str, Any]:
    """Return the container of a component."""
    found: dict[str, Any] = helm.pods(*settings)[component]["containers"][0]
    return found


def environment(helm: Helm, component: str, settings: list[str]) -> dict[str, str]:
    """Return a component's environment."""
    return {each["name"]: each.get("value", "") for each in container(helm, component, settings)["env"]}


def mounted(helm: Helm, component: str, settings: list[str], path: str) -> dict[str, Any]:
    """Return the Secret that is mounted where the file at `path` is."""
    [mount] = [
        each
        for each in container(helm, component, settings)["volumeMounts"]
        if each["mountPath"] == str(Path(path).parent)
    ]
    [volume] = [each for each in helm.pods(*settings)[component]["volumes"] if each["name"] == mount["name"]]
    assert mount["readOnly"] is True
    secret: dict[str, Any] = volume["secret"]
    return secret


@pytest.mark.parametrize("settings", MODES.values(), ids=MODES)
def test_every_part_says_the_same_of_the_scheme(helm: Helm, settings: list[str]) -> None:
    scheme = "http" if settings == MODES["off"] else "https"
    api = container(helm, "api", settings)
    assert {"name": scheme, "containerPort": 6336} in api["ports"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert (api[probe]["httpGet"]["port"], api[probe]["httpGet"]["scheme"]) == (scheme, scheme.upper())
    [port] = helm.objects(*settings)["Service", "api"]["spec"]["ports"]
    assert (port["name"], port["appProtocol"], port["targetPort"]) == (scheme, scheme, scheme)
    assert environment(helm, "operator", settings)["CRONWRIGHT_API_URL"].startswith(f"{scheme}://")
    assert environment(helm, "api", settings)["CRONWRIGHT_LOOPBACK_PORT"] == "6337"
    assert ("CRONWRIGHT_TLS_CERTIFICATE_FILE" in environment(helm, "api", settings)) is (scheme == "https")
    policies = helm.objects(*settings, "networkPolicy.enabled=true")
    ports = [port for rule in policies["NetworkPolicy", "api"]["spec"]["ingress"] for port in rule["ports"]]
    assert [port["port"] for port in ports] == ["metrics", scheme]


def test_the_loopback_port_is_of_no_service(helm: Helm) -> None:
    for (kind, name), each in helm.objects("api.service.type=NodePort").items():
        if kind == "Service":
            assert not [port for port in each["spec"]["ports"] if 6337 in (port["port"], port["targetPort"])], name
    assert 6337 not in [port["containerPort"] for port in container(helm, "api", [])["ports"]]


SECRETS = {
    "self-signed": ([], "trial-cronwright-api-tls", "ca.crt", False),
    "cert-manager": (CERT_MANAGER, "trial-cronwright-api-tls", "ca.crt", True),
    "given": (WITH_CA, "mine", "team-ca.pem", False),
}


@pytest.mark.parametrize(("settings", "name", "key", "optional"), SECRETS.values(), ids=SECRETS)
def test_the_operator_gets_the_authority_and_never_the_key(
    helm: Helm, settings: list[str], name: str, key: str, optional: bool
) -> None:
    path = environment(helm, "operator", settings)[CA_FILE]
    secret = mounted(helm, "operator", settings, path)
    assert secret["secretName"] == name
    assert secret["items"] == [{"key": key, "path": Path(path).name}]
    assert secret.get("optional", False) is optional
    served = mounted(helm, "api", settings, environment(helm, "api", settings)["CRONWRIGHT_TLS_KEY_FILE"])
    assert served["secretName"] == name
    assert {item["key"] for item in served["items"]} == {"tls.crt", "tls.key"}


@pytest.mark.parametrize("settings", [GIVEN, ["api.tls.mode=off"]], ids=["a public certificate", "off"])
def test_without_an_authority_the_images_are_trusted(helm: Helm, settings: list[str]) -> None:
    assert CA_FILE not in environment(helm, "operator", settings)
    assert not [each for each in helm.pods(*settings)["operator"]["volumes"] if "secret" in each]


def test_another_address(helm: Helm) -> None:
    settings = [*GIVEN, "api.url=https://tasks.example.com/cron/"]
    assert environment(helm, "operator", settings)["CRONWRIGHT_API_URL"] == "https://tasks.example.com/cron"


def test_off_may_be_written_without_quotes_in_a_file(helm: Helm, tmp_path: Path) -> None:
    values = tmp_path / "values.yaml"
    values.write_text("api: {tls: {mode: off}}\n")
    assert "https" not in helm.run("template", helm.release, helm.chart, "--values", str(values)).stdout


def test_the_certificate_that_the_release_makes(helm: Helm, tmp_path: Path) -> None:
    secret = helm.objects("api.tls.dnsNames={tasks.example.com}")["Secret", "api-tls"]
    assert secret["type"] == "kubernetes.io/tls"
    assert set(secret["data"]) == {"ca.crt", "tls.crt", "tls.key"}
    for key, value in secret["data"].items():
        (tmp_path / key).write_bytes(base64.b64decode(value))

    def openssl(*arguments: str) -> str:
        done = subprocess.run(["openssl", *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # As strictly as Python 3.13 does
    assert openssl("verify", "-x509_strict", "-CAfile", "ca.crt", "tls.crt") == "tls.crt: OK\n"
    told = openssl("x509", "-in", "tls.crt", "-noout", "-text", "-checkend", str(9 * 365 * 86400))
    assert "NIST CURVE: P-256" in told
    service = "trial-cronwright-api"
    names = [service, f"{service}.trial-system", f"{service}.trial-system.svc"]
    names += [f"{service}.trial-system.svc.cluster.local", "localhost", "tasks.example.com"]
    assert ", ".join(f"DNS:{name}" for name in names) in told
    assert "IP Address:127.0.0.1" in told
    assert "BEGIN EC PRIVATE KEY" in (tmp_path / "tls.key").read_text()


def test_an_upgrade_keeps_the_certificate_until_it_is_for_other_names(helm: Helm, cluster: Cluster) -> None:
    with namespace_in(cluster, "tls-chart") as namespace:
        # Pods without a node: the release is looked at, not its programs
        options = [
            "--namespace", namespace, "--set=crds.install=false", f"--set=watchNamespaces={{{namespace}}}",
            "--set=operator.nodeSelector.no=node", "--set=api.nodeSelector.no=node", "--set=rbac.create=false",
            "--set=api.persistence.enabled=false",
        ]  # fmt: skip

        def secret() -> dict[str, Any]:
            found: dict[str, Any] = cluster.get(f"{CORE}/namespaces/{namespace}/secrets/trial-cronwright-api-tls")
            return found

        helm.run("install", helm.release, helm.chart, *options)
        first = secret()
        helm.run("upgrade", helm.release, helm.chart, *options, "--set=operator.workers=3")
        assert secret()["data"] == first["data"]
        helm.run("upgrade", helm.release, helm.chart, *options, "--set=api.tls.dnsNames={tasks.example.com}")
        second = secret()
        assert second["data"]["ca.crt"] != first["data"]["ca.crt"]
        # In its last year
        path = f"{CORE}/namespaces/{namespace}/secrets/trial-cronwright-api-tls"
        cluster.patch(path, {"metadata": {"annotations": {"cronwright.dev/renew-after": "2020-01-01"}}})
        options += ["--set=api.tls.dnsNames={tasks.example.com}", "--force-conflicts"]
        helm.run("upgrade", helm.release, helm.chart, *options)
        third = secret()
        assert third["data"]["tls.crt"] != second["data"]["tls.crt"]
        assert third["metadata"]["annotations"]["cronwright.dev/renew-after"] > "2030"
        # As the documents tell who wants another one now
        cluster.kubectl("delete", "secret", "trial-cronwright-api-tls", "-n", namespace)
        helm.run("upgrade", helm.release, helm.chart, *options)
        assert secret()["data"]["tls.crt"] != third["data"]["tls.crt"]


def test_the_certificate_of_cert_manager(helm: Helm) -> None:
    settings = [*CERT_MANAGER, "api.tls.issuerRef.kind=ClusterIssuer", "api.tls.dnsNames={tasks.example.com}"]
    objects = helm.objects(*settings)
    assert not [key for key in objects if key[0] == "Secret"]
    spec = objects["Certificate", "api"]["spec"]
    assert spec["issuerRef"] == {"name": "inside", "kind": "ClusterIssuer", "group": "cert-manager.io"}
    assert spec["secretName"] == "trial-cronwright-api-tls"
    assert spec["dnsNames"][2] == "trial-cronwright-api.trial-system.svc"
    assert spec["dnsNames"][-2:] == ["localhost", "tasks.example.com"]
    assert spec["privateKey"]["algorithm"] == "ECDSA"


REFUSALS = {
    "given without a Secret": (
        ["api.tls.mode=given"],
        "api.tls.mode is given, but no Secret is named; write api.tls.secretName: the name of a Secret",
    ),
    "a Secret without given": (
        ["api.tls.secretName=mine"],
        "api.tls.secretName is set, but api.tls.mode is selfSigned; write api.tls.mode: given, or leave",
    ),
    "an authority's key without given": (
        ["api.tls.caKey=ca.crt", "api.tls.mode=off"],
        "api.tls.caKey is set, but api.tls.mode is off; write api.tls.mode: given, or leave api.tls.caKey empty",
    ),
    "the private key as the authority": (
        [*GIVEN, "api.tls.caKey=tls.key"],
        "api.tls.caKey is tls.key, which holds the private key; write the key of the Secret that holds the authority's",
    ),
    "cert-manager without an issuer": (
        ["api.tls.mode=certManager"],
        "api.tls.mode is certManager, but no issuer is named; write api.tls.issuerRef.name",
    ),
    "an issuer without cert-manager": (
        ["api.tls.issuerRef.name=inside"],
        "api.tls.issuerRef.name is set, but api.tls.mode is selfSigned; write api.tls.mode: certManager, or leave",
    ),
    "names for a given certificate": (
        [*GIVEN, "api.tls.dnsNames={a.example.com}"],
        "api.tls.dnsNames is set, but api.tls.mode is given, so the release makes no certificate",
    ),
    "a mode that is none": (["api.tls.mode=on"], "must be one of 'selfSigned', 'certManager', 'given', 'off'"),
    "a name that is none": (["api.tls.dnsNames={a_b}"], "/api/tls/dnsNames/0"),
    "an address without a scheme": (["api.url=tasks.example.com"], "/api/url"),
    "a typo": (["api.tls.secretname=mine"], "secretname"),
}


@pytest.mark.parametrize(("settings", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_refuses(helm: Helm, settings: list[str], sentence: str) -> None:
    assert sentence in helm.refusal(*settings)
