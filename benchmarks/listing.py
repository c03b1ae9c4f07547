"""How long a list of Tasks takes over HTTP, held against the API server's own list of the same Tasks, and what the API
holds in memory with many of them in its cache.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlencode

from cleanup import namespace_for
from figures import Figure
from served import People, api, people, resident_mib

from integration.api.served import Served
from programs import create_tasks, direct, finish
from support.cluster import Cluster, tasks_path, wait_for

TURNS = 30
GOAL_MIB = 250
KNOWN_SECONDS = 120
PAGE = 500
"""The most that a page of the API has, and what kubectl asks for at once."""


def measure(cluster: Cluster, listed: int, held: int) -> Iterator[Figure]:
    """Yield the figures for a list of `listed` Tasks, and for `held` Tasks in the cache."""
    with namespace_for(cluster) as namespace, people(cluster) as coming:
        # As the operator leaves them: each with its CronJob and its status
        finish(direct(cluster, "all", namespace, listed))
        with api(coming) as served:
            _wait(served, coming, namespace, listed)
            yield from _lists(cluster, served, coming, namespace, listed)
            before = resident_mib(served)
            create_tasks(cluster, namespace, held - listed, first=listed)
            _wait(served, coming, namespace, held)
            grown = resident_mib(served)
        with api(coming) as served:
            _wait(served, coming, namespace, held)
            started = resident_mib(served)
            _every_page(served, coming, namespace)
            asked = resident_mib(served)
    yield Figure(f"memory of the API with {listed:,} Tasks", f"{before:.0f} MiB")
    yield Figure(
        f"memory of the API with {held:,} Tasks",
        f"{asked:.0f} MiB ({started:.0f} once listed, {grown:.0f} where they came one by one)",
        f"< {GOAL_MIB} MiB",
        max(asked, started, grown) < GOAL_MIB,
    )


def _lists(cluster: Cluster, served: Served, coming: People, namespace: str, count: int) -> Iterator[Figure]:
    ours, theirs = partial(_ours, served, coming, namespace), partial(_theirs, cluster, namespace)
    for what, size, pages in ((f"{count:,} Tasks, {PAGE} at once", PAGE, count // PAGE), ("10 Tasks", 10, 1)):
        took: dict[Callable[[int, int], int], list[float]] = {ours: [], theirs: []}
        sizes = {}
        for _ in range(TURNS):
            for ask in (ours, theirs):
                began = time.perf_counter()
                sizes[ask] = ask(size, max(1, pages))
                took[ask].append((time.perf_counter() - began) * 1000)
        ratio = statistics.median(mine / other for mine, other in zip(took[ours], took[theirs], strict=True))
        yield Figure(f"GET /api/task: {what}", f"{statistics.median(took[ours]):.1f} ms, {sizes[ours] / 1e3:,.0f} kB")
        yield Figure(
            f"the API server's list: {what}",
            f"{statistics.median(took[theirs]):.1f} ms, {sizes[theirs] / 1e3:,.0f} kB",
        )
        yield Figure(f"ratio of the two: {what}", f"{ratio:.2f}", "< 1", ratio < 1)


def _ours(served: Served, coming: People, namespace: str, size: int, pages: int) -> int:
    """Read so many pages, and return how many bytes they have."""
    read = 0
    for number in range(1, pages + 1):
        asked = {"filter[namespace]": namespace, "page[size]": size, "page[number]": number}
        answer = served.get(f"/api/task?{urlencode(asked)}", coming.reads_all, **_PLAIN)
        answer.raise_for_status()
        read += len(answer.content)
    return read


def _theirs(cluster: Cluster, namespace: str, size: int, pages: int) -> int:
    read, proceed = 0, ""
    for _ in range(pages):
        asked = {"limit": str(size)} | ({"continue": proceed} if proceed else {})
        answer = cluster.http.get(tasks_path(namespace), params=asked, headers=_PLAIN)
        answer.raise_for_status()
        read += len(answer.content)
        if pages > 1:
            proceed = _continuation(answer.content)
    return read


_PLAIN = {"Accept-Encoding": "identity"}
"""Neither packs what it sends: the API server would, and lose time."""


def _continuation(body: bytes) -> str:
    # It stands at the beginning; to read the whole document would be held against the API server
    head = body[:2000].decode(errors="replace")
    _, found, rest = head.partition('"continue":')
    return str(json.JSONDecoder().raw_decode(rest.lstrip())[0]) if found else ""


def _every_page(served: Served, coming: People, namespace: str) -> None:
    _ours(served, coming, namespace, PAGE, 20)


def _wait(served: Served, coming: People, namespace: str, count: int) -> None:
    def known() -> bool:
        asked = urlencode({"filter[namespace]": namespace, "page[size]": 1})
        answer = served.get(f"/api/task?{asked}", coming.reads_all)
        return answer.status_code == 200 and answer.json()["meta"]["total"] == count

    wait_for(f"{count} Tasks in the cache", known, KNOWN_SECONDS, pause=1)
