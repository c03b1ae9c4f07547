"""Two people with rights in different namespaces, each with a Task, runs, events and a span whose every word is a mark
of its own: what tells one of them of the other has such a mark in it."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx

from cronwright.reasons import Reason
from cronwright.run.ids import scheduled_run_id
from cronwright.timeline.event import Event
from cronwright.timeline.span import Span
from support.cluster import tasks_path

from .conftest import World
from .events import end, span, start
from .people import kubeconfig_as, token
from .posters import resource
from .served import Served
from .tasks import make, name, ok

DUE = datetime(2026, 1, 1, tzinfo=UTC)
"""A fire time of @yearly that is past."""


@dataclass(frozen=True)
class Person:
    """Someone who may do everything with Tasks in one namespace, and what is theirs. `words` are the marks."""

    token: str
    reads: str
    namespace: str
    task: Any
    ended: Event
    running: Event
    span: Span
    words: Collection[str]

    @property
    def id(self) -> str:
        """The id of their Task."""
        return str(self.task["id"])

    @property
    def rows(self) -> Collection[Event | Span]:
        """What of theirs is on the timeline, but for the start of the run that has ended."""
        return (self.ended, self.running, self.span)


@dataclass(frozen=True)
class Scene:
    """An API with a store of its own, and the two people. `nobody` may list Tasks nowhere."""

    world: World
    api: Served
    left: Person
    right: Person

    @property
    def nobody(self) -> str:
        """The token of someone with no rights."""
        return self.world.reads_none

    def pairs(self) -> Iterator[tuple[Person, Person]]:
        """Yield who asks, and whose it is: both ways round."""
        yield self.left, self.right
        yield self.right, self.left


@contextmanager
def two_people(world: World, folder: Path) -> Iterator[Scene]:
    """Make them."""
    kubeconfig = kubeconfig_as(world.cluster, folder / "kubeconfig", token(world.cluster, world.home, "api"))
    account = f"system:serviceaccount:{world.home}:operator"
    with Served(folder, kubeconfig, operator_account=account) as api:
        people = (
            _person(world, api, world.writes_left, world.reads_left, world.left),
            _person(world, api, world.writes_right, world.writes_right, world.right),
        )
        yield Scene(world, api, *people)


def _person(world: World, api: Served, bearer: str, reads: str, namespace: str) -> Person:
    mark = uuid4().hex
    words = {kind: f"{kind}-{mark}" for kind in ("label", "title", "message", "log", "pod", "node", "who", "payload")}
    task = make(api, bearer, namespace, name=name(), label=words["label"], attributes={"password": words["payload"]})
    own: dict[str, Any] = {
        "namespace": namespace,
        "task": task["attributes"]["name"],
        "task_uid": task["id"],
        "title": words["title"],
        "pod": words["pod"],
        "node": words["node"],
    }
    told = own | {"message": words["message"], "log_tail": words["log"], "requested_by": words["who"]}
    began = start(
        0, **told | {"message": ""}, run_id=scheduled_run_id(task["id"], DUE), pod_uid=str(uuid4()), scheduled_at=DUE
    )
    ended = replace(
        end(0, **told, payload={"told": words["payload"]}),
        run_id=began.run_id,
        pod_uid=began.pod_uid,
        scheduled_at=DUE,
    )
    running = start(1, **told, run_id=uuid4(), pod_uid=str(uuid4()), trigger="manual", scheduled_at=None)
    missed = span(1, 9, Reason.POD_LATE, **own, message=words["message"], pod_uid=str(uuid4()))
    ok(api.post(world.operator, [resource(one) for one in (began, ended, running, missed)]), 201)
    ids = (task["id"], began.id, ended.id, running.id, missed.id, began.run_id, running.run_id)
    marks = {namespace, task["attributes"]["name"], began.pod_uid, running.pod_uid, missed.pod_uid, mark}
    return Person(bearer, reads, namespace, task, ended, running, missed, marks | {str(one) for one in ids})


def told_of(person: Person, answer: httpx.Response) -> set[str]:
    """Return which marks of `person` the answer has in it, but for those that the question has."""
    asked = unquote(str(answer.request.url)) + answer.request.content.decode()
    asked += str(answer.request.headers.get("last-event-id", ""))
    said = unquote(answer.text) + json.dumps(dict(answer.headers))
    return {word for word in person.words if word in said and word not in asked}


def as_it_was(scene: Scene, person: Person) -> Any:
    """Return all that is `person`'s as Kubernetes and the store have it: to be compared before and after."""
    task = scene.world.cluster.get(tasks_path(person.namespace, person.task["attributes"]["name"]))
    rows = {
        collection: ok(
            scene.api.get(
                f"/api/{collection}?filter[namespace]={person.namespace}&page[size]=500&sort=created_at",
                scene.world.reads_all,
            )
        )
        for collection in ("timeline", "run")
    }
    names = sorted(one["metadata"]["name"] for one in scene.world.cluster.items(tasks_path(person.namespace)))
    return task["metadata"]["resourceVersion"], names, rows["timeline"]["data"], rows["run"]["data"]


def place(person: Person, scene: Scene) -> str:
    """Return the place on the timeline of the latest of `person`'s rows, as a stream's event has it for its id."""
    path = f"/api/timeline/{person.span.id}"
    row = ok(scene.api.get(path, scene.world.reads_all))["data"]
    return f"{row['id']}@{row['attributes']['created_at']}"
