"""TLS on the installed product: events of runs arrive over it, a stranger's certificate costs no run its event, and a
renewed one is taken up by all parts without a restart."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cronwright.names import API_CA_ANNOTATION
from support.certificates import Authority
from support.cluster import CORE, Cluster, cron_jobs_path, is_ready, jobs_path, task_manifest, tasks_path, wait_for
from support.operators import API_SECRET

SYSTEM = f"{CORE}/namespaces/cronwright-system"
API = "cronwright-api.cronwright-system.svc"
RUN_SECONDS = 90
ASK_IN_VAIN = """
import sys, urllib.request, http.client
for url in sys.argv[1:]:
    try:
        urllib.request.urlopen(url, timeout=3)
    except (OSError, http.client.HTTPException) as error:
        print(url, repr(error))
    else:
        sys.exit(f"{url} answers")
"""
RENEWAL_SECONDS = 240
"""The kubelet brings a changed Secret into pods within two minutes; then the programs look every ten seconds."""


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    """The timeline as a developer reaches it."""
    headers = {"Authorization": f"Bearer {os.environ['CRONWRIGHT_TOKEN']}"}
    with httpx.Client(base_url=os.environ["CRONWRIGHT_URL"], headers=headers, timeout=30) as client:
        yield client


def runs(api: httpx.Client, namespace: str, task: str) -> list[dict[str, Any]]:
    """Return the rows of a Task's runs that have ended."""
    answer = api.get("/api/run", params={"filter[namespace]": namespace, "filter[task]": task})
    assert answer.status_code == 200, answer.text
    return [row["attributes"] for row in answer.json()["data"] if row["attributes"]["outcome"]]


def created(cluster: Cluster, namespace: str, name: str, **fields: Any) -> None:
    """Make a Task that runs when it is asked to, and wait until it is in force."""
    cluster.create(tasks_path(namespace), task_manifest(namespace, name, "@manual", **fields))
    wait_for("the Task to be Ready", lambda: is_ready(cluster.get(tasks_path(namespace, name))))


def run_of(
    cluster: Cluster, api: httpx.Client, namespace: str, name: str, authority: str | None = None
) -> dict[str, Any]:
    """Start a run, which may be told of another authority than the operator's, and return it once it has ended."""
    made = ["create", "job", "now", "-n", namespace, f"--from=cronjob/{name}", "--dry-run=client", "-o", "json"]
    job = json.loads(cluster.kubectl(*made).stdout)
    if authority:
        job["spec"]["template"]["metadata"]["annotations"][API_CA_ANNOTATION] = authority
    cluster.create(jobs_path(namespace), job)
    [run] = wait_for("the run's end", lambda: runs(api, namespace, name), RUN_SECONDS, pause=1)
    return run


def delivered(cluster: Cluster, namespace: str) -> bool:
    """Return whether the runner of the only pod has delivered the end itself; else the operator has."""

    def message() -> str | None:
        [pod] = cluster.items(f"{CORE}/namespaces/{namespace}/pods")
        [container] = pod["status"]["containerStatuses"]
        ended: dict[str, str] = container["state"].get("terminated") or {}
        return ended.get("message")

    return bool(json.loads(wait_for("the end of the pod", message, 30))["delivered"])


def test_events_arrive_over_tls_and_a_task_may_ask_the_api_itself(
    cluster: Cluster, namespace: str, api: httpx.Client
) -> None:
    created(cluster, namespace, "asks", action="http", attributes={"url": f"https://{API}:6336/healthz"})
    cron_job = cluster.get(cron_jobs_path(namespace, "asks"))
    [container] = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert {"name": "CRONWRIGHT_API_URL", "value": f"https://{API}:6336"} in container["env"]
    assert "PRIVATE" not in str(cron_job)
    run = run_of(cluster, api, namespace, "asks")
    assert (run["outcome"], run["message"]) == ("succeeded", "")
    assert delivered(cluster, namespace)


def test_plain_http_is_not_served_to_the_cluster(cluster: Cluster, namespace: str, api: httpx.Client) -> None:
    [address] = [pod["status"]["podIP"] for pod in cluster.items(f"{SYSTEM}/pods", "app.kubernetes.io/component=api")]
    urls = [f"http://{API}:6336/healthz", f"http://{API}:6337/healthz", f"http://{address}:6337/healthz"]
    created(cluster, namespace, "asks", attributes={"command": ["python3", "-c", ASK_IN_VAIN, *urls]})
    assert run_of(cluster, api, namespace, "asks")["outcome"] == "succeeded"


def test_with_a_stranger_s_certificate_the_run_goes_on_and_the_operator_tells_of_it(
    cluster: Cluster, namespace: str, api: httpx.Client, tmp_path: Path
) -> None:
    created(cluster, namespace, "trusts-another", attributes={"command": ["echo", "done"]})
    run = run_of(cluster, api, namespace, "trusts-another", Authority(tmp_path).file.read_text())
    assert (run["outcome"], run["reason"]) == ("succeeded", "Completed")
    assert not delivered(cluster, namespace)
    log = cluster.kubectl("logs", "job/now", "-n", namespace, "-c", "runner").stdout
    assert "CERTIFICATE_VERIFY_FAILED" in log


def test_a_renewed_certificate_is_taken_up_by_all_without_a_restart(
    cluster: Cluster, namespace: str, api: httpx.Client, tmp_path: Path
) -> None:
    before = cluster.get(API_SECRET)["data"]
    pods = _pods(cluster)
    created(cluster, namespace, "before-and-after", attributes={"command": ["true"]})
    successor = Authority(tmp_path)
    successor.sign(tmp_path / "signed", "cronwright-api", API, "localhost")
    files = {"ca.crt": successor.file, "tls.crt": tmp_path / "signed/tls.crt", "tls.key": tmp_path / "signed/tls.key"}
    try:
        _put(cluster, {name: base64.b64encode(file.read_bytes()).decode() for name, file in files.items()})
        _wait_until_pods_trust(cluster, namespace, "before-and-after", successor.file.read_text())
        run = run_of(cluster, api, namespace, "before-and-after")
        assert run["outcome"] == "succeeded"
        assert delivered(cluster, namespace)
        assert _pods(cluster) == pods
    finally:
        _put(cluster, before)
    _wait_until_pods_trust(cluster, namespace, "before-and-after", base64.b64decode(before["ca.crt"]).decode())
    assert _pods(cluster) == pods


def _put(cluster: Cluster, data: dict[str, str]) -> None:
    """Write the API's Secret, and have the kubelet look at it soon: it does when something of a pod changes."""
    cluster.patch(API_SECRET, {"data": data})
    for pod in cluster.items(f"{SYSTEM}/pods", "app.kubernetes.io/part-of=cronwright"):
        mark = {"metadata": {"annotations": {"cronwright.dev/tests": os.urandom(4).hex()}}}
        cluster.patch(f"{SYSTEM}/pods/{pod['metadata']['name']}", mark)


def _wait_until_pods_trust(cluster: Cluster, namespace: str, task: str, authority: str) -> None:
    """Wait until the pods of a Task are given `authority`, and the API serves a certificate of it."""

    def annotated() -> bool:
        cron_job = cluster.get(cron_jobs_path(namespace, task))
        found = cron_job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["annotations"]
        return bool(found[API_CA_ANNOTATION].strip() == authority.strip())

    def logged() -> bool:
        log = cluster.kubectl("logs", "deployment/cronwright-api", "-n", "cronwright-system").stdout
        return "serves the renewed certificate" in log

    wait_for("the operator to hand on the renewed authority", annotated, RENEWAL_SECONDS, pause=2)
    wait_for("the API to serve the renewed certificate", logged, RENEWAL_SECONDS, pause=2)


def _pods(cluster: Cluster) -> dict[str, int]:
    """Return how often the containers of operator and API were started again, by pod."""
    pods = cluster.items(f"{SYSTEM}/pods", "app.kubernetes.io/part-of=cronwright")
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}
