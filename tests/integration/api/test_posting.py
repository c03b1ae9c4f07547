"""Who writes which events, against the real Kubernetes API; what is refused; that nothing taken is ever lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from cronwright.run.ids import manual_run_id, scheduled_run_id
from cronwright.timeline.event import Event, dump_event
from support.cluster import BATCH, CORE, wait_for

from .conftest import World
from .events import DUE, end, start
from .people import TaskWithPods, kubeconfig_as, owner, pod_of, pod_template, task_with_pods, token
from .served import MEDIA_TYPE, Served


def resource(event: Event) -> dict[str, Any]:
    return {"type": "timeline", "attributes": dump_event(event)}


@pytest.fixture(scope="module")
def task(world: World) -> TaskWithPods:
    return task_with_pods(world.cluster, world.home, "export", as_user="admin@example.com")


@pytest.fixture(scope="module")
def scheduled_token(task: TaskWithPods) -> str:
    """The token of the pod whose Job the CronJob controller made."""
    return task.token(task.scheduled)


minutes = count()


def event_of(task: TaskWithPods, pod: Any, **changes: Any) -> Event:
    """An event as the runner in `pod` writes it, each of a run of its own: of another fire time, or of the pod's
    Job."""
    due = DUE + timedelta(minutes=next(minutes))
    due = changes.setdefault("scheduled_at", due)
    uid, job = task.task["metadata"]["uid"], pod["metadata"].get("ownerReferences", [{"uid": "none"}])[0]["uid"]
    values = {
        "run_id": manual_run_id(uid, job) if due is None else scheduled_run_id(uid, due),
        "pod_uid": pod["metadata"]["uid"],
        "pod": pod["metadata"]["name"],
        "namespace": task.namespace,
        "task": task.task["metadata"]["name"],
        "task_uid": task.task["metadata"]["uid"],
        "as_user_email": "admin@example.com",
    }
    return start(**(values | changes))


# Who


def test_a_pod_writes_for_the_task_that_owns_its_job(world: World, task: TaskWithPods, scheduled_token: str) -> None:
    event = event_of(task, task.scheduled)
    response = world.api.post(scheduled_token, resource(event))
    assert response.status_code == 201
    assert response.headers["location"] == f"{world.api.url}/api/timeline/{event.id}"
    assert response.json()["data"]["id"] == str(event.id)
    assert response.json()["data"]["attributes"].items() >= dump_event(event).items()


def test_a_pod_of_a_job_made_by_hand_writes_its_manual_run(world: World, task: TaskWithPods) -> None:
    manual = event_of(task, task.manual, trigger="manual", scheduled_at=None)
    assert world.api.post(task.token(task.manual), resource(manual)).status_code == 201


NOT_A_PODS_TO_WRITE = [
    ("reported_by", "operator", "a pod writes as the runner, not as the operator"),
    ("namespace", "elsewhere", "writes only for namespace"),
    ("task_uid", str(uuid4()), "which owns its Job, not"),
    ("task", "another", "writes only for Task export, not 'another'"),
    ("pod_uid", str(uuid4()), "writes only for itself, UID"),
    ("pod", "another", "writes only for itself, not 'another'"),
    ("as_user_email", "root@example.com", "the user that it runs as, admin@example.com, not 'root@example.com'"),
    ("as_user_email", None, "the user that it runs as, admin@example.com, not 'nobody'"),
    ("run_id", scheduled_run_id(str(uuid4()), DUE), "runs of its own Job, whose ids follow from its Task's, not"),
]


@pytest.mark.parametrize(("attribute", "value", "sentence"), NOT_A_PODS_TO_WRITE)
def test_what_a_pod_may_not_write(
    world: World, task: TaskWithPods, scheduled_token: str, attribute: str, value: Any, sentence: str
) -> None:
    own = event_of(task, task.scheduled)
    forged = replace(own, **{attribute: value})
    response = world.api.post(scheduled_token, [resource(own), resource(forged)])
    error = response.json()["errors"][0]
    assert (response.status_code, error["source"]) == (403, {"pointer": f"/data/1/attributes/{attribute}"})
    assert sentence in error["detail"]
    assert world.api.get(f"/api/timeline/{own.id}", world.reads_all).status_code == 404, "the batch is refused whole"


def test_a_job_made_by_hand_does_not_claim_the_schedule(world: World, task: TaskWithPods) -> None:
    claimed = event_of(task, task.manual, trigger="schedule")
    response = world.api.post(task.token(task.manual), resource(claimed))
    assert response.status_code == 403
    assert "made by hand and names no scheduled time; write manual" in response.json()["errors"][0]["detail"]


def test_a_pod_that_runs_as_nobody_writes_as_nobody(world: World) -> None:
    plain = task_with_pods(world.cluster, world.home, "plain", as_user=None)
    bearer = plain.token(plain.scheduled)
    nobody = event_of(plain, plain.scheduled, as_user_email=None)
    assert world.api.post(bearer, resource(nobody)).status_code == 201
    someone = event_of(plain, plain.scheduled)
    assert world.api.post(bearer, resource(someone)).status_code == 403


def test_a_service_account_that_is_no_pod_writes_nothing(world: World) -> None:
    bearer = token(world.cluster, world.home, "reads-all", "cronwright")
    response = world.api.post(bearer, resource(start()))
    assert response.status_code == 403
    assert "is neither the operator nor a pod" in response.json()["errors"][0]["detail"]


def test_a_token_for_another_audience_writes_nothing(world: World, task: TaskWithPods) -> None:
    for bearer in (world.reads_all, token(world.cluster, world.home, "default", "other", task.scheduled)):
        assert world.api.post(bearer, resource(event_of(task, task.scheduled))).status_code == 401


def test_a_pod_of_no_job_writes_nothing(world: World, task: TaskWithPods) -> None:
    template = pod_template({"cronwright.dev/as-user": "admin@example.com"})["template"]
    pods = f"{CORE}/namespaces/{world.home}/pods"
    pod = world.cluster.create(pods, {"metadata": {"name": "loner"}, "spec": template["spec"]})
    response = world.api.post(task.token(pod), resource(event_of(task, pod)))
    assert (response.status_code, response.json()["errors"][0]["code"]) == (403, "pod_without_job")


@pytest.mark.parametrize("whose", ["nobody's", "a CronJob's that is no Task's", "a CronJob's of another UID"])
def test_a_pod_of_a_job_that_is_no_tasks_writes_nothing(world: World, task: TaskWithPods, whose: str) -> None:
    name = f"stray-{uuid4().hex[:6]}"
    references: list[Any] = []
    codes = {"job_without_cronjob"}
    if whose == "a CronJob's that is no Task's":
        spec = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": pod_template({})}}
        path = f"{BATCH}/namespaces/{world.home}/cronjobs"
        references = [owner(world.cluster.create(path, {"metadata": {"name": name}, "spec": spec}), controller=True)]
        codes = {"cronjob_without_task"}
    if whose == "a CronJob's of another UID":
        # Without an owner that is there the garbage collector takes the Job away; with one, in time, the reference
        references = [
            owner(task.cron_job, controller=False) | {"uid": str(uuid4())},
            owner(task.task, controller=False),
        ]
        codes = {"owner_replaced", "job_without_cronjob"}
    job = world.cluster.create(
        f"{BATCH}/namespaces/{world.home}/jobs",
        {"metadata": {"name": name, "ownerReferences": references}, "spec": pod_template({})},
    )
    pod = pod_of(world.cluster, world.home, job)
    response = world.api.post(task.token(pod), resource(event_of(task, pod, as_user_email=None)))
    assert response.status_code == 403
    assert response.json()["errors"][0]["code"] in codes


def test_a_pods_token_ends_with_its_pod(world: World) -> None:
    gone = task_with_pods(world.cluster, world.home, "gone", as_user=None)
    bearer = gone.token(gone.scheduled)
    pod = f"{CORE}/namespaces/{world.home}/pods/{gone.scheduled['metadata']['name']}"
    world.cluster.delete(f"{BATCH}/namespaces/{world.home}/jobs/gone-30000000")
    wait_for("the pod's end", lambda: world.cluster.find(pod) is None)
    event = event_of(gone, gone.scheduled, as_user_email=None)
    assert world.api.post(bearer, resource(event)).status_code in (401, 403)


def test_the_operator_writes_for_every_task_and_delivers_runners_words(world: World) -> None:
    inferred = end(77, namespace=world.home, reported_by="operator", run_id=uuid4())
    delivered = end(78, namespace=world.home, run_id=uuid4(), as_user_email="anyone@example.com")
    response = world.api.post(world.operator, [resource(inferred), resource(delivered)])
    assert response.status_code == 201
    assert [one["id"] for one in response.json()["data"]] == [str(inferred.id), str(delivered.id)]


# What


def test_the_same_event_again_is_201_with_the_row_that_is_there(world: World) -> None:
    event = start(run_id=uuid4(), namespace=world.home)
    first = world.api.post(world.operator, resource(event)).json()["data"]
    again = world.api.post(world.operator, resource(replace(event, title="another word")))
    assert (again.status_code, again.json()["data"]) == (201, first)


def test_a_row_that_was_read_can_be_sent_again(world: World) -> None:
    event = start(run_id=uuid4(), namespace=world.home)
    row = world.api.post(world.operator, resource(event)).json()["data"]
    again = world.api.post(world.operator, row)
    assert (again.status_code, again.json()["data"]) == (201, row)


def test_the_same_event_from_ten_at_once_is_one_row(world: World) -> None:
    event = start(run_id=uuid4(), namespace=world.home)
    with ThreadPoolExecutor(10) as ten:
        answers = list(ten.map(lambda _: world.api.post(world.operator, resource(event)), range(10)))
    assert {answer.status_code for answer in answers} == {201}
    found = world.api.get(f"/api/timeline?filter[run_id]={event.run_id}", world.reads_all).json()
    assert found["meta"]["total"] == 1


GOOD = resource(start(namespace="shop"))


def changed(**attributes: Any) -> bytes:
    return document({**GOOD, "attributes": GOOD["attributes"] | attributes})


def document(data: Any) -> bytes:
    return json.dumps({"data": data}).encode()


REFUSED: dict[str, tuple[bytes, int, str, str]] = {
    "nothing": (b"", 400, "", "the body is not JSON: Expecting value at line 1 column 1"),
    "not JSON": (b"{'data': 1}", 400, "", "the body is not JSON"),
    "not UTF-8": (b'{"data": "\xff"}', 400, "", "the body is not UTF-8"),
    "a list": (b"[]", 400, "", "the body is not an object"),
    "NaN": (b'{"data": NaN}', 400, "", "NaN is no JSON"),
    "infinity": (b'{"meta": 1e999}', 400, "", "the number 1e999 is too large"),
    "a number of 5,000 digits": (
        b'{"meta": ' + b"9" * 5000 + b"}",
        400,
        "",
        "the body holds a number with too many digits",
    ),
    "a key twice": (b'{"data": 1, "data": 2}', 400, "", "the key 'data' is there twice in one object"),
    "half a surrogate pair": (changed(message="\ud800"), 400, "", "a string holds half of a surrogate pair"),
    "nested too deep": (
        b'{"meta": ' + b"[" * 200 + b"]" * 200 + b"}",
        400,
        "",
        "the body is nested more than 100 deep",
    ),
    "nested without an end": (b'{"meta": ' + b"[" * 500_000, 400, "", "the body is nested more than 100 deep"),
    "no data": (b'{"meta": {}}', 400, "", "the document has no data"),
    "a stray member": (b'{"data": [], "dat/a": 1}', 400, "/dat~1a", "the member 'dat/a' is unknown"),
    "data null": (document(None), 400, "/data", "a resource is an object with type timeline and attributes"),
    "a word for a resource": (document(["a"]), 400, "/data/0", "a resource is an object with type timeline"),
    "no type": (document({"attributes": {}}), 400, "/data/type", "the resource has no type"),
    "another type": (document(GOOD | {"type": "task"}), 409, "/data/type", "the type is 'task'; here it is timeline"),
    "another id": (document(GOOD | {"id": str(uuid4())}), 409, "/data/id", "the id is '"),
    "an id of no UUID": (
        document(GOOD | {"id": "1"}),
        409,
        "/data/id",
        "the id is '1', but run, pod, attempt and kind give",
    ),
    "a number for an id": (document(GOOD | {"id": 1}), 400, "/data/id", "the id is not a string"),
    "attributes that are none": (
        document(GOOD | {"attributes": []}),
        400,
        "/data/attributes",
        "attributes is not an object",
    ),
    "relationships": (
        document(GOOD | {"relationships": {"a": {}}}),
        400,
        "/data/relationships",
        "nothing here has relationships",
    ),
    "an unknown attribute": (
        changed(nope=1),
        422,
        "/data/attributes/nope",
        "nope is unknown; write some of action_name",
    ),
    "camelCase": (changed(runId="x"), 422, "/data/attributes/runId", "runId is unknown"),
    "a kind of its own": (
        changed(kind="middle"),
        422,
        "/data/attributes/kind",
        "kind is 'middle'; write one of start, end",
    ),
    "an outcome on a start": (
        changed(outcome="failed"),
        422,
        "/data/attributes/outcome",
        "outcome does not go with kind start",
    ),
    "an end without an outcome": (
        changed(kind="end"),
        422,
        "/data/attributes/outcome",
        "outcome does not go with kind end",
    ),
    "an attempt of none": (
        changed(attempt=0),
        422,
        "/data/attributes/attempt",
        "attempt is 0; write a whole number from 1",
    ),
    "an attempt beyond 64 bits": (
        changed(attempt=2**63),
        422,
        "/data/attributes/attempt",
        "attempt is 9223372036854775808",
    ),
    "an instant without a zone": (
        changed(started_at="2027-01-04T08:00:00"),
        422,
        "/data/attributes/started_at",
        "started_at is",
    ),
    "an instant before the calendar": (
        changed(started_at="0001-01-01T00:00:00+14:00"),
        422,
        "/data/attributes/started_at",
        "started_at is '0001-01-01T00:00:00+14:00'; write a time",
    ),
    "a run that is no UUID": (changed(run_id=[1] * 1000), 422, "/data/attributes/run_id", "run_id is [1, 1, 1"),
    "a NUL": (changed(message="a\x00b"), 422, "/data/attributes/message", "message holds a NUL character"),
    "a long message": (changed(message="x" * 4097), 422, "/data/attributes/message", "message has 4097 characters"),
    "a long log": (changed(log_tail="ü" * 4097), 422, "/data/attributes/log_tail", "log_tail has 8194 bytes"),
    "a payload that is none": (changed(payload=[1]), 422, "/data/attributes/payload", "payload is not an object"),
    "a large payload": (
        changed(payload={"a": "x" * 65536}),
        422,
        "/data/attributes/payload",
        "payload has 65545 bytes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_what_to_write(world: World, name: str) -> None:
    body, status, pointer, sentence = REFUSED[name]
    response = world.api.post(world.operator, body)
    error = response.json()["errors"][0]
    assert (response.status_code, error["status"], error["source"]) == (status, str(status), {"pointer": pointer})
    assert error["detail"].startswith(sentence)
    assert len(response.content) < 1500


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        (MEDIA_TYPE, 201),
        ("application/json", 201),
        ("application/json; charset=UTF-8", 201),
        (f'{MEDIA_TYPE}; profile="https://example.com/p"', 201),
        (f"{MEDIA_TYPE}; charset=utf-8", 415),
        (f'{MEDIA_TYPE}; ext="https://example.com/e"', 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_content_type(world: World, content_type: str, status: int) -> None:
    event = start(run_id=uuid4(), namespace=world.home)
    response = world.api.post(world.operator, document(resource(event)), content_type)
    assert response.status_code == status


def test_an_empty_list_is_a_list(world: World) -> None:
    response = world.api.post(world.operator, [])
    assert (response.status_code, response.json()["data"]) == (201, [])


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_a_mebibyte_is_413(world: World, announced: bool) -> None:
    body = b'{"data": [], "meta": "' + b"x" * 1024 * 1024 + b'"}'
    headers = {"Authorization": f"Bearer {world.operator}", "Content-Type": MEDIA_TYPE}
    content: Any = body if announced else (body[at : at + 65536] for at in range(0, len(body), 65536))
    response = world.api.http.post("/api/timeline", content=content, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (413, "body_too_large")


def test_nothing_taken_is_lost_when_the_process_is_killed(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    account = f"system:serviceaccount:{world.home}:operator"
    with Served(tmp_path, kubeconfig, operator_account=account) as api:
        taken: list[str] = []
        for turn in range(3):
            with ThreadPoolExecutor(8) as posters:
                answers = posters.map(lambda _, turn=turn: _posted_until_killed(api, world, turn, taken), range(8))
                assert sum(answers) == 8
            api.start()
        assert len(taken) >= 60
        found: set[str] = set()
        url = "/api/timeline?page[size]=500"
        while url:
            page = api.get(url, world.reads_all).json()
            found |= {row["id"] for row in page["data"]}
            url = page["links"]["next"]
        assert set(taken) <= found


def _posted_until_killed(api: Served, world: World, turn: int, taken: list[str]) -> int:
    """Post until nobody answers; whoever brings the twentieth of the turn kills the process under all of them."""
    while True:
        event = start(run_id=uuid4(), namespace=world.home)
        try:
            response = api.post(world.operator, resource(event))
        except httpx.TransportError:
            return 1
        assert response.status_code == 201
        taken.append(str(event.id))
        if len(taken) >= 20 * (turn + 1):
            api.kill()
