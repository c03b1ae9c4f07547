"""What the loop's punctuality is held against: a Go program with robfig/cron's `@every 1s`, in a pod on the same node.

The program travels in a ConfigMap and is unpacked by the runner's image, so nothing is built or pulled for it.
"""

import base64
import gzip
from pathlib import Path
from typing import Any

from support.cluster import CORE, Cluster, wait_for
from support.go_program import built

NAME = "robfig"
SOURCE = Path(__file__).parent / "robfig"
START_SECONDS = 60
RESOURCES = {"requests": {"cpu": "30m", "memory": "56Mi"}}
"""Those of the two containers of a loop's pod together: on a busy node both get the same share of the processor."""

UNPACK = (
    "import gzip, os;"
    "data = gzip.decompress(open('/peer/robfig.gz', 'rb').read());"
    "open('/tmp/robfig', 'wb').write(data);"
    "os.chmod('/tmp/robfig', 0o700);"
    "os.execv('/tmp/robfig', ['robfig'])"
)


def start(cluster: Cluster, namespace: str, image: str) -> None:
    """Start the program in the namespace, and return once it ticks."""
    flags = ["-trimpath", "-ldflags=-s -w"]  # small enough for a ConfigMap
    program = built(SOURCE, "benchmarks", flags, CGO_ENABLED="0").read_bytes()
    packed = base64.b64encode(gzip.compress(program, mtime=0)).decode()
    cluster.create(
        f"{CORE}/namespaces/{namespace}/configmaps", {"metadata": {"name": NAME}, "binaryData": {"robfig.gz": packed}}
    )
    cluster.create(f"{CORE}/namespaces/{namespace}/pods", _pod(image))
    wait_for("robfig to tick", lambda: "probe" in log(cluster, namespace), START_SECONDS, pause=1)


def log(cluster: Cluster, namespace: str) -> str:
    """Return what the program has written; nothing while its container starts."""
    answer = cluster.http.get(f"{CORE}/namespaces/{namespace}/pods/{NAME}/log")
    return answer.text if answer.is_success else ""


def _pod(image: str) -> dict[str, Any]:
    return {
        "metadata": {"name": NAME},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 5,
            "containers": [
                {
                    "name": NAME,
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["python3", "-c", UNPACK],
                    "resources": RESOURCES,
                    "volumeMounts": [
                        {"name": "peer", "mountPath": "/peer"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "volumes": [{"name": "peer", "configMap": {"name": NAME}}, {"name": "tmp", "emptyDir": {}}],
        },
    }
