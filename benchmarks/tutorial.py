"""The create handler of kopf's tutorial, doing the operator's job: it makes the same CronJob and returns a status.

It is written as the tutorial writes it (https://docs.kopf.dev/en/stable/walkthrough/creation/): a plain function, the
`kubernetes` client made in it, `kopf.adopt`, a log line, a returned value; kopf's settings are untouched. Its resource
has the Task's schema, so that a write costs the API server the same. The manifest comes from `cronwright`, not from a
YAML template, which spares it a parse.

Run by `kopf run`.
"""

import os
from pathlib import Path
from typing import Any, cast

import kopf
import kubernetes
import yaml

from cronwright.plan.choose import choose
from cronwright.plan.manifests import cron_job
from cronwright.plan.pod import RunnerSettings
from cronwright.task import parse_task

GROUP, VERSION, PLURAL, KIND = "benchmarks.cronwright.dev", "v1", "tutorialtasks", "TutorialTask"
TASK_DEFINITION = Path(__file__).parents[1] / "crds" / "task.yaml"
RUNNER = RunnerSettings(
    image=os.environ.get("CRONWRIGHT_RUNNER_IMAGE", ""), api_url=os.environ.get("CRONWRIGHT_API_URL")
)


@kopf.on.create(GROUP, VERSION, PLURAL)
def create_fn(body: kopf.Body, namespace: str | None, logger: kopf.Logger, **_: Any) -> dict[str, str]:
    """Make the CronJob."""
    task = parse_task({"metadata": dict(body.metadata), "spec": dict(body.spec)})
    data = cron_job(task, choose(task), RUNNER)
    assert isinstance(data["metadata"], dict)
    del data["metadata"]["ownerReferences"]
    kopf.adopt(data)

    api = kubernetes.client.BatchV1Api()
    obj: Any = api.create_namespaced_cron_job(namespace=str(namespace), body=cast(Any, data))

    logger.info(f"CronJob child is created: {obj.metadata.name}")
    return {"cronjob-name": obj.metadata.name}


def definition() -> dict[str, Any]:
    """Return the Task's CustomResourceDefinition under our names, with room for what kopf puts into a status."""
    task = yaml.safe_load(TASK_DEFINITION.read_text())
    (version,) = task["spec"]["versions"]
    version["schema"]["openAPIV3Schema"]["properties"]["status"]["x-kubernetes-preserve-unknown-fields"] = True
    return {
        "apiVersion": task["apiVersion"],
        "kind": task["kind"],
        "metadata": {"name": f"{PLURAL}.{GROUP}"},
        "spec": {
            "scope": "Namespaced",
            "group": GROUP,
            "names": {"kind": KIND, "plural": PLURAL, "singular": KIND.lower()},
            "versions": [version],
        },
    }
