"""Streams of one person tell nothing of another's, live or from any place on, and end when the right to listen does."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Event as Flag
from threading import Thread
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from cronwright_api.auth.readers import KEPT_SECONDS
from cronwright_api.timeline.listening import HEARTBEAT_SECONDS

from .conftest import World
from .listener import Heard, Listening
from .people import LIST_TASKS, account, allow, token
from .posters import resource
from .tasks import ok
from .two_people import Person, Scene, place, two_people

RBAC = "/apis/rbac.authorization.k8s.io/v1"
ENDED_SECONDS = KEPT_SECONDS + HEARTBEAT_SECONDS
"""How long after a right is gone a stream may be open: answers are kept for so long, and looked at so often."""
SLACK_SECONDS = 15
"""For a machine that does much else."""


@pytest.fixture(scope="module")
def scene(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with two_people(world, tmp_path_factory.mktemp("people")) as made:
        yield made


def post(scene: Scene, person: Person, count: int = 1) -> list[str]:
    """Store starts of new runs of a person's, and return their ids."""
    events = [replace(person.running, run_id=uuid4()) for _ in range(count)]
    ok(scene.api.post(scene.world.operator, [resource(one) for one in events]), 201)
    return [str(one.id) for one in events]


def is_silent_about(person: Person, heard: Heard) -> bool:
    return not any(word in json.dumps(heard.document) + heard.id for word in person.words)


def conditions(mine: Person, theirs: Person) -> dict[str, str]:
    """Return questions that rows of both answer to."""

    def either(column: str, *values: str) -> str:
        return "query=" + quote(json.dumps([{"column": column, "operator": "in", "value": list(values)}]))

    return {
        "everything": "",
        "by namespace": either("namespace", mine.namespace, theirs.namespace),
        "by Task": either("task_uid", mine.id, theirs.id),
        "by title": either("title", mine.running.title, theirs.running.title),
        "what is not mine": "query=" + quote('[{"column":"pod","operator":"is not","value":"x"}]'),
    }


def test_a_live_stream_tells_ones_own_and_nothing_else(scene: Scene) -> None:
    for mine, theirs in scene.pairs():
        for question in conditions(mine, theirs).values():
            with Listening(scene.api, mine.reads, f"?{question}") as listening:
                assert theirs.namespace not in listening.last
                assert str(theirs.span.id) not in listening.last
                for _ in range(3):
                    post(scene, theirs, 2)
                    (own,) = post(scene, mine)
                    heard = next(iter(listening))
                    assert heard.document["data"]["id"] == own
                    assert is_silent_about(theirs, heard)


def test_a_stream_from_their_place_on_tells_ones_own_and_nothing_else(scene: Scene) -> None:
    for mine, theirs in scene.pairs():
        at = place(theirs, scene)
        post(scene, theirs, 3)
        own = post(scene, mine, 2)
        for last, query in ((at, ""), ("", f"?page[after]={quote(at)}")):
            with Listening(scene.api, mine.reads, query, last) as listening:
                heard = [next(iter(listening))]
                while heard[-1].document["data"]["id"] != own[-1]:
                    heard.append(next(iter(listening)))
            assert heard[-2].document["data"]["id"] == own[-2]
            assert all(is_silent_about(theirs, one) for one in heard)


def test_what_is_made_up_for_tells_ones_own_and_nothing_else(scene: Scene) -> None:
    """More than a batch from the store, and what the feed keeps while somebody else listens."""
    for mine, theirs in scene.pairs():
        with Listening(scene.api, mine.reads) as listening:
            last = listening.last
        post(scene, theirs, 600)
        own = post(scene, mine)
        post(scene, theirs, 600)
        own += post(scene, mine)
        with Listening(scene.api, scene.world.reads_all):
            post(scene, theirs, 3)
            own += post(scene, mine)
            with Listening(scene.api, mine.reads, last=last) as listening:
                heard = [next(iter(listening)) for _ in own]
        assert [one.document["data"]["id"] for one in heard] == own
        assert all(is_silent_about(theirs, one) for one in heard)


def test_a_stream_ends_in_time_when_its_right_or_its_token_does(scene: Scene) -> None:
    """Also where rows that it is not told of come all the time."""
    world, cluster, seconds, codes = scene.world, scene.world.cluster, {}, {}
    listeners = {}
    for kind in ("right", "token"):
        who = f"{kind}-{uuid4().hex[:6]}"
        account(cluster, world.home, who)
        role = allow(cluster, world.home, who, LIST_TASKS, where=world.left)
        listeners[kind] = (who, role, token(cluster, world.home, who))
    ending = Flag()

    def keep_busy() -> None:
        while not ending.wait(0.5):
            post(scene, scene.right)

    busy = Thread(target=keep_busy)
    with Listening(scene.api, listeners["right"][2]) as one, Listening(scene.api, listeners["token"][2]) as other:
        (own,) = post(scene, scene.left)
        assert [next(iter(each)).document["data"]["id"] for each in (one, other)] == [own, own]
        busy.start()
        try:
            cluster.delete(f"{RBAC}/namespaces/{world.left}/rolebindings/{listeners['right'][1]}")
            cluster.delete(f"/api/v1/namespaces/{world.home}/serviceaccounts/{listeners['token'][0]}")
            began = time.monotonic()

            def follow(kind: str, listening: Listening) -> None:
                with contextlib.suppress(httpx.TransportError):
                    heard = list(listening)
                    seconds[kind] = time.monotonic() - began
                    codes[kind] = [one.document["errors"][0]["code"] for one in heard]

            following = [Thread(target=follow, args=each) for each in (("right", one), ("token", other))]
            for thread in following:
                thread.start()
            for thread in following:
                thread.join(timeout=ENDED_SECONDS + SLACK_SECONDS)
        finally:
            ending.set()
            busy.join()
        if any(thread.is_alive() for thread in following):
            # Ends the streams that nothing else has ended
            scene.api.kill()
            scene.api.start()
    assert codes == {"right": ["list_forbidden"], "token": ["token_unknown"]}
    assert max(seconds.values()) < ENDED_SECONDS + SLACK_SECONDS
