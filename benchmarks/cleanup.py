"""Namespaces of benchmarks, which are gone when the next measurement starts: what a deletion leaves to the garbage
collector would slow it down.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from support.cluster import CORE, Cluster, cron_jobs_path, namespace_in, tasks_path, wait_for

DELETION_SECONDS = 300
AT_ONCE = 500

RUNS = ("/apis/batch/v1/namespaces/{}/jobs", f"{CORE}/namespaces/{{}}/pods")
"""Paths of what is there besides where runs start."""


@contextmanager
def namespace_for(cluster: Cluster, *further: str) -> Iterator[str]:
    """Make a namespace, and delete it and all in it afterwards. `further` are paths of collections, with a `{}` for the
    namespace, that hold other objects than Tasks and CronJobs.
    """
    with namespace_in(cluster, "bench") as namespace:
        try:
            yield namespace
        finally:
            # children first, so that none is left to the garbage collector
            collections = [
                cron_jobs_path(namespace),
                tasks_path(namespace),
                *(path.format(namespace) for path in further),
            ]
            _delete_all(cluster, collections)
    wait_for(
        "the namespace to be gone", lambda: cluster.find(f"{CORE}/namespaces/{namespace}") is None, DELETION_SECONDS
    )


def _delete_all(cluster: Cluster, collections: Sequence[str]) -> None:
    for path in collections:
        wait_for(f"{path} to be empty", partial(_emptied, cluster, path), DELETION_SECONDS)


def _emptied(cluster: Cluster, path: str) -> bool:
    """Delete some, and return whether none are left: the API server ends a request after a minute, in which it can't
    delete ten thousand."""
    options = {"propagationPolicy": "Background"}
    cluster.http.request("DELETE", f"{path}?limit={AT_ONCE}", json=options, timeout=DELETION_SECONDS).raise_for_status()
    return not cluster.get(f"{path}?limit=1")["items"]
