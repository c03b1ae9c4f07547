"""Asks the API server at the operator's start whether it takes a CronJob with `@every`, by a dry run."""

import asyncio

import structlog

from cronwright.jsontypes import JSONObject
from cronwright_operator.errors import KubernetesError, RefusedError
from cronwright_operator.kubernetes import Kubernetes

log = structlog.get_logger(__name__)

ASK_AGAIN_SECONDS = 2.0


async def takes_every(kubernetes: Kubernetes, namespace: str, image: str) -> bool:
    """Return whether CronJobs with `@every` are taken in `namespace`; ask until the API server answers.

    Where it does not let the operator ask, as under a policy that refuses the sample, it is taken for granted: the
    CronJobs themselves will tell.
    """
    while True:
        try:
            refusal = await kubernetes.takes_cron_job(_sample(namespace, image))
        except RefusedError as error:
            log.warning("could not find out whether CronJobs take @every, so they do", error=str(error))
            return True
        except KubernetesError as error:
            log.warning("Kubernetes does not say whether CronJobs take @every; asking again", error=str(error))
            await asyncio.sleep(ASK_AGAIN_SECONDS)
        else:
            if refusal:
                log.warning("CronJobs do not take @every here, so intervals that need it run as loops", why=refusal)
            return not refusal


def _sample(namespace: str, image: str) -> JSONObject:
    pod: JSONObject = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "sample",
                "image": image,
                "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "16Mi"}},
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "cronwright-asks-for-every", "namespace": namespace},
        "spec": {"schedule": "@every 1m30s", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}},
    }
