"""Who comes to the API, made on the real cluster: the API itself, the operator, readers, and pods of Tasks."""

import base64
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from support.cluster import BATCH, CORE, TASKS, Cluster, task_manifest, wait_for

RBAC = "/apis/rbac.authorization.k8s.io/v1"

API_RULES = [
    {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": ["get"]},
    {"apiGroups": ["cronwright.dev"], "resources": ["tasks"], "verbs": ["list", "watch"]},
]
"""All that the API's own account needs."""
WRITE_TASKS = [{"apiGroups": ["cronwright.dev"], "resources": ["tasks"], "verbs": ["*"]}]
LIST_TASKS = [{"apiGroups": ["cronwright.dev"], "resources": ["tasks"], "verbs": ["list"]}]


def account(cluster: Cluster, namespace: str, name: str) -> str:
    """Make a service account, and return the user name that it has."""
    cluster.create(f"{CORE}/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
    return f"system:serviceaccount:{namespace}:{name}"


def token(cluster: Cluster, namespace: str, name: str, audience: str | None = None, pod: Any = None) -> str:
    """Return a token of a service account, for an audience, bound to a pod."""
    spec: dict[str, Any] = {"audiences": [audience] if audience else [], "expirationSeconds": 3600}
    if pod is not None:
        metadata = pod["metadata"]
        spec["boundObjectRef"] = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
    path = f"{CORE}/namespaces/{namespace}/serviceaccounts/{name}/token"
    made: str = cluster.create(path, {"spec": spec})["status"]["token"]
    return made


def allow(cluster: Cluster, namespace: str, name: str, rules: list[Any], where: str | None = None) -> str:
    """Give the service account `name` of `namespace` the `rules`, in `where` or everywhere; return the role.

    Without a namespace `name` is that of a user.
    """
    role, kind = f"{namespace or 'user'}-{name}", "Role" if where else "ClusterRole"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace} if namespace else _user(name)
    base = f"{RBAC}/namespaces/{where}" if where else RBAC
    cluster.create(f"{base}/{kind.lower()}s", {"metadata": {"name": role}, "rules": rules})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}
    cluster.create(
        f"{base}/{kind.lower()}bindings", {"metadata": {"name": role}, "subjects": [subject], "roleRef": reference}
    )
    return role


def _user(name: str) -> dict[str, str]:
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name}


def disallow(cluster: Cluster, role: str) -> None:
    """Take back what `allow` gave everywhere."""
    cluster.delete(f"{RBAC}/clusterrolebindings/{role}")
    cluster.delete(f"{RBAC}/clusterroles/{role}")


def kubeconfig_as(cluster: Cluster, file: Path, bearer: str) -> Path:
    """Write a kubeconfig of the cluster whose user is the one with the token `bearer`."""
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    document["users"] = [{"name": user["name"], "user": {"token": bearer}} for user in document["users"]]
    file.write_text(yaml.safe_dump(document))
    return file


def kubeconfig_with_certificate(cluster: Cluster, folder: Path, user: str) -> Path:
    """Write a kubeconfig of the cluster whose user has a client certificate, signed by Kubernetes."""
    key, request = folder / "key.pem", folder / "request.pem"
    command: list[str | Path] = [
        "openssl",
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        f"/CN={user}",
        "-keyout",
        key,
        "-out",
        request,
    ]
    subprocess.run(command, check=True, capture_output=True)
    requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
    spec = {
        "request": base64.b64encode(request.read_bytes()).decode(),
        "signerName": "kubernetes.io/kube-apiserver-client",
        "usages": ["client auth"],
    }
    made = cluster.create(requests, {"metadata": {"name": user}, "spec": spec})
    condition = {"type": "Approved", "status": "True", "reason": "Test", "message": "asked for by a test"}
    approved = cluster.http.put(f"{requests}/{user}/approval", json=made | {"status": {"conditions": [condition]}})
    approved.raise_for_status()
    status = wait_for("the certificate", lambda: (cluster.get(f"{requests}/{user}")["status"] or {}).get("certificate"))
    cluster.delete(f"{requests}/{user}")
    document = yaml.safe_load(cluster.kubeconfig.read_text())
    credentials = {"client-certificate-data": status, "client-key-data": base64.b64encode(key.read_bytes()).decode()}
    document["users"] = [{"name": entry["name"], "user": credentials} for entry in document["users"]]
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file


@dataclass(frozen=True)
class TaskWithPods:
    """A Task, its CronJob, a Job of that as the CronJob controller makes it, and one made by hand, each with its pod.

    The CronJob has another name than the Task and none of our labels: an operator in the same cluster lets it be.
    """

    cluster: Cluster
    namespace: str
    task: Any
    cron_job: Any
    scheduled: Any
    manual: Any

    def token(self, pod: Any) -> str:
        """Return the token that the pod's runner has."""
        return token(self.cluster, self.namespace, "default", "cronwright", pod)


def task_with_pods(cluster: Cluster, namespace: str, name: str, as_user: str | None) -> TaskWithPods:
    """Make them. The pods' image doesn't exist, so that they never run; the Job controller makes them all the same."""
    task = cluster.create(
        f"{TASKS}/namespaces/{namespace}/tasks", task_manifest(namespace, name, "@yearly", isActive=False)
    )
    annotations = {"cronwright.dev/as-user": as_user} if as_user else {}
    cron_job = cluster.create(
        f"{BATCH}/namespaces/{namespace}/cronjobs",
        {
            "metadata": {"name": f"{name}-plan", "ownerReferences": [owner(task, controller=True)]},
            "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": pod_template(annotations)}},
        },
    )
    pods = []
    for suffix, controller in (("30000000", True), ("by-hand", False)):
        job = {
            "metadata": {"name": f"{name}-{suffix}", "ownerReferences": [owner(cron_job, controller=controller)]},
            "spec": pod_template(annotations),
        }
        made = cluster.create(f"{BATCH}/namespaces/{namespace}/jobs", job)
        pods.append(pod_of(cluster, namespace, made))
    return TaskWithPods(cluster, namespace, task, cron_job, *pods)


def owner(manifest: Any, controller: bool) -> dict[str, Any]:
    """Return a reference to `manifest` as an owner."""
    metadata = manifest["metadata"]
    reference = {
        "apiVersion": manifest["apiVersion"],
        "kind": manifest["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
    }
    return reference | ({"controller": True} if controller else {})


def pod_template(annotations: dict[str, str]) -> dict[str, Any]:
    """Return a Job's spec whose pod never starts."""
    container = {"name": "runner", "image": "cronwright.invalid/none:none", "imagePullPolicy": "Never"}
    return {
        "template": {
            "metadata": {"annotations": annotations},
            "spec": {"restartPolicy": "Never", "containers": [container]},
        }
    }


def pod_of(cluster: Cluster, namespace: str, job: Any) -> Any:
    """Return the pod that the Job controller made for `job`."""
    selector = f"batch.kubernetes.io/controller-uid={job['metadata']['uid']}"
    return wait_for("a pod of the Job", lambda: cluster.items(f"{CORE}/namespaces/{namespace}/pods", selector))[0]
