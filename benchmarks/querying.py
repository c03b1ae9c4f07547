"""How long a page of the timeline takes over HTTP, from ten thousand rows to a million, first and deep inside, for one
who may list Tasks everywhere and for one who may in a single namespace.

The APIs of all sizes run side by side and are asked in turn, so that each size meets the same machine.
"""

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import anyio
import asyncpg
import httpx
from figures import Figure
from filling import RARE, fill
from served import People, api, people
from sqlalchemy import func, select

from cronwright_api.migrations import migrate
from cronwright_api.store import tables
from cronwright_api.store.database import Database
from integration.api.served import Served
from support.cluster import Cluster
from support.postgres import Postgres

TURNS = 100
GOAL_MS = 20
FLAT = 2.0
"""How many times as long the median of the largest may take as that of the smallest."""
READABLE = "bench-3"
"""A namespace that has a tenth of the rows."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, by `query` and other parameters; the ends of Tasks of `task-3` are all in READABLE."""

    name: str
    query: tuple[tuple[str, str], ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()

    def address(self, after: UUID | None) -> str:
        """Return the address of its first page, or of the one behind the row with that id."""
        conditions = [{"column": column, "operator": "is", "value": value} for column, value in self.query]
        pairs = [("query", json.dumps(conditions))] if conditions else []
        pairs += [*self.parameters, *([("page[after]", str(after))] if after else [])]
        return f"/api/timeline?{urlencode(pairs)}"


QUESTIONS = (
    Question("task", (("task", "task-3"),)),
    Question("task with few runs", (("task", RARE),)),
    Question("event_type", (("event_type", "task"),)),
    Question("outcome, most", (("outcome", "succeeded"),)),
    Question("outcome, one in forty", (("outcome", "failed"),)),
    Question("task and outcome", (("task", "task-3"), ("outcome", "succeeded"))),
    Question("filter[namespace]", (), (("filter[namespace]", READABLE),)),
    Question("sort=created_at", (), (("sort", "created_at"),)),
)


@dataclass(slots=True)
class Asked:
    """One question on one size by one reader, and how long its answers took, in milliseconds."""

    size: int
    question: Question
    place: str
    address: str
    token: str
    client: httpx.Client
    took: list[float]

    def ask(self) -> None:
        """Ask, and keep the time."""
        began = time.perf_counter()
        answer = self.client.get(self.address, headers={"Authorization": f"Bearer {self.token}"})
        self.took.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{self.address}: {answer.status_code}: {answer.text[:500]}")

    @property
    def p95(self) -> float:
        """The time within which nineteen of twenty came."""
        return sorted(self.took)[math.ceil(len(self.took) * 0.95) - 1]

    @property
    def median(self) -> float:
        """The time within which half of them came."""
        return statistics.median(self.took)


def measure(cluster: Cluster, sizes: Sequence[int]) -> Iterator[Figure]:
    """Yield the figures for timelines of so many rows, on SQLite and on PostgreSQL."""
    with people(cluster, READABLE) as coming, ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cronwright-bench-")))
        yield from _figures("SQLite", coming, {size: f"sqlite:///{folder}/{size}.db" for size in sizes})
        for file in folder.iterdir():
            file.unlink()
        postgres = stack.enter_context(Postgres(durable=True))
        yield from _figures("PostgreSQL", coming, {size: postgres.database() for size in sizes})


def _figures(name: str, coming: People, urls: dict[int, str]) -> Iterator[Figure]:
    for size, url in urls.items():
        print(f"  {name}: {size:,} rows", file=sys.stderr, flush=True)
        anyio.run(_filled, url, size)
    with ExitStack() as stack:
        asked: list[Asked] = []
        for size, url in urls.items():
            served = stack.enter_context(api(coming, url))
            for reader, token in (("everywhere", coming.reads_all), ("one namespace", coming.reads_one)):
                asked += _questions(served, url, size, reader, token)
        for _ in range(TURNS):
            for one in asked:
                one.ask()
    worst = max(asked, key=lambda one: one.p95)
    for place in dict.fromkeys(one.place for one in asked):
        yield _figure(name, place, [one for one in asked if one.place == place], list(urls))
    yield Figure(
        f"the slowest of all these, {name}",
        f"p95 {worst.p95:.1f} ms: {worst.place}, {worst.size:,} rows",
        f"≤ {GOAL_MS} ms",
        worst.p95 <= GOAL_MS,
    )


def _figure(name: str, place: str, asked: Sequence[Asked], sizes: Sequence[int]) -> Figure:
    by_size = {one.size: one for one in asked}
    p95s = [by_size[size].p95 for size in sizes]
    growth = by_size[sizes[-1]].median / by_size[sizes[0]].median
    return Figure(
        f"query by {place}, {name}",
        f"p95 {', '.join(f'{p95:.1f}' for p95 in p95s)} ms; median × {growth:.1f}",
        f"≤ {GOAL_MS} ms, flat",
        max(p95s) <= GOAL_MS and growth <= FLAT,
    )


def _questions(served: Served, url: str, size: int, reader: str, token: str) -> Iterator[Asked]:
    client = served.http
    for question in QUESTIONS:
        after = anyio.run(partial(_inside, url, question, None if reader == "everywhere" else READABLE))
        for place, row in (("first page", None), ("deep", after)):
            if place == "first page" or row is not None:
                where = f"{question.name}, {place}, {reader}"
                yield Asked(size, question, where, question.address(row), token, client, [])


async def _filled(url: str, size: int) -> None:
    database = Database(url)
    await migrate(database)
    await fill(database, size // 2)
    await database.close()
    if not database.is_sqlite:
        # What autovacuum does by itself a minute later: without it an index alone can't answer
        connection = await asyncpg.connect(url)  # type: ignore[no-untyped-call]
        await connection.execute("VACUUM ANALYZE")
        await connection.close()


async def _inside(url: str, question: Question, namespace: str | None) -> UUID | None:
    """Return the row in the middle of those that are asked for."""
    event = tables.event
    given: dict[str, Any] = dict(question.query)
    given |= {"namespace": READABLE} if question.parameters[:1] == (("filter[namespace]", READABLE),) else {}
    conditions = [event.c[column] == value for column, value in given.items()]
    if namespace is not None:
        conditions.append(event.c.namespace == namespace)
    database = Database(url)
    async with database.reading() as connection:
        count = await connection.scalar(select(func.count()).select_from(event).where(*conditions)) or 0
        middle = select(event.c.id).where(*conditions).order_by(event.c.created_at).offset(count // 2).limit(1)
        found: UUID | None = await connection.scalar(middle)
    await database.close()
    return found
