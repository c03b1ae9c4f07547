"""Tasks made, read, changed and deleted over HTTP, on a real API server."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from support.cluster import task_manifest, tasks_path, wait_for

from .conftest import World
from .people import kubeconfig_as, token
from .served import MEDIA_TYPE, Served
from .tasks import LEAST, document, error, make, name, ok


def attributes_of(response: Any, status: int = 200) -> Any:
    return ok(response, status)["data"]["attributes"]


# Made


def test_a_task_is_made_as_it_was_sent(world: World) -> None:
    sent: dict[str, Any] = LEAST | {
        "name": f"Mail.sync_{uuid4().hex[:6]}",
        "label": "Mail, täglich",
        "namespace": world.left,
        "schedule": "0 3 * * mon",
        "time_zone": "Europe/Berlin",
        "entity_name": "mail",
        "attributes": {
            "big": 2**63 - 1,
            "small": -(2**63),
            "half": 0.1,
            "null": None,
            "dollar": "$(x) $$",
            "nested": [{"a": []}, True, "ä\u2028"],
        },
        "as_user_email": "a@example.com",
        "suspend_reason": "moving",
        "concurrency_policy": "Allow",
        "starting_deadline_seconds": 90,
        "timeout_seconds": 60,
        "retry": {"limit": 2, "backoff_seconds": 5},
        "successful_jobs_history_limit": 0,
        "failed_jobs_history_limit": 2,
        "template": {"spec": {"nodeSelector": {"disk": "ssd"}}},
    }
    response = world.api.send("POST", "/api/task", world.writes_left, document(sent))
    made = ok(response, 201)["data"]
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["location"] == made["links"]["self"] == f"{world.api.url}/api/task/{made['id']}"
    assert made["relationships"] == {}
    shown = made["attributes"]
    assert {key: shown[key] for key in sent} == sent
    assert (shown["reference_id"], shown["next_run_at"], shown["next_runs"]) == (made["id"], None, [])
    assert shown["description"] == "every Monday at 03:00 Europe/Berlin"
    assert not {"id", "type"} & set(shown)
    task = world.cluster.get(tasks_path(world.left, sent["name"].lower().replace("_", "-").replace(".", "-")))
    assert task["metadata"]["uid"] == made["id"]
    assert task["spec"]["attributes"] == sent["attributes"]
    assert {entry["manager"] for entry in task["metadata"]["managedFields"]} >= {"cronwright-api"}
    again = ok(world.api.get(f"/api/task/{made['id']}", world.reads_left))["data"]
    assert again["attributes"]["attributes"] == sent["attributes"]


def test_attributes_may_come_as_a_string_and_leave_as_an_object(world: World) -> None:
    made = make(world.api, world.writes_left, world.left, attributes='{"days_old": 30, "keep": [1.50]}')
    assert made["attributes"]["attributes"] == {"days_old": 30, "keep": [1.5]}


def test_a_task_that_names_no_namespace_goes_to_the_default_one(world: World) -> None:
    sent = LEAST | {"name": name()}
    made = ok(world.api.send("POST", "/api/task", world.writes_all, document(sent)), 201)["data"]
    assert made["attributes"]["namespace"] == "default"
    ok(world.api.send("DELETE", f"/api/task/{made['id']}", world.writes_all))


def test_meta_links_and_empty_relationships_are_accepted(world: World) -> None:
    sent = document(LEAST | {"name": name(), "namespace": world.left}) | {"meta": {"x": 1}, "links": {}}
    sent["data"] |= {"relationships": {}, "links": {"self": "x"}, "meta": {}}
    assert attributes_of(world.api.send("POST", "/api/task", world.writes_left, sent, "application/json"), 201)


def test_fields_on_post_and_patch(world: World) -> None:
    sent = document(LEAST | {"name": name(), "namespace": world.left})
    made = ok(world.api.send("POST", "/api/task?fields[task]=schedule,label", world.writes_left, sent), 201)["data"]
    assert made["attributes"] == {"schedule": "@yearly", "label": None}
    path = f"/api/task/{made['id']}?fields[task]=label"
    changed = world.api.send("PATCH", path, world.writes_left, document({"label": "L"}, made["id"]))
    assert attributes_of(changed) == {"label": "L"}
    assert error(world.api.send("POST", "/api/task?x=1", world.writes_left, sent), 400)["source"] == {"parameter": "x"}


def test_a_taken_name_is_409_with_the_others_id(world: World) -> None:
    made = make(world.api, world.writes_left, world.left, name=(taken := f"a_{uuid4().hex[:8]}"))
    for other in (taken, taken.replace("_", "-")):
        sent = document(LEAST | {"name": other, "namespace": world.left})
        found = error(world.api.send("POST", "/api/task", world.writes_left, sent), 409)
        assert found["code"] == "name_taken"
        assert (found["source"], found["meta"]) == ({"pointer": "/data/attributes/name"}, {"id": made["id"]})
        assert made["id"] in found["detail"]
    assert f"called {taken}" in found["detail"]


def test_an_id_of_the_clients_own_is_403(world: World) -> None:
    sent = document(LEAST | {"name": name(), "namespace": world.left}, str(uuid4()))
    assert error(world.api.send("POST", "/api/task", world.writes_left, sent), 403)["source"] == {"pointer": "/data/id"}


def test_a_namespace_that_is_not_there_is_422(world: World) -> None:
    sent = document(LEAST | {"name": name(), "namespace": f"none-{uuid4().hex[:6]}"})
    found = error(world.api.send("POST", "/api/task", world.writes_all, sent), 422)
    assert found["source"] == {"pointer": "/data/attributes/namespace"}
    assert found["detail"].startswith("there is no namespace 'none-")


def test_an_installation_that_serves_some_namespaces_takes_tasks_of_no_other(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig, watch_namespaces=f"{world.left},{world.home}") as api:
        elsewhere = document(LEAST | {"name": name(), "namespace": world.right})
        found = error(api.send("POST", "/api/task", world.writes_all, elsewhere), 422)
        assert (found["code"], found["source"]) == ("namespace_not_served", {"pointer": "/data/attributes/namespace"})
        assert found["detail"].endswith(f"write one of {world.left}, {world.home}")
        made = ok(api.send("POST", "/api/task", world.writes_all, document(LEAST | {"name": name()})), 201)["data"]
        assert made["attributes"]["namespace"] == world.left, "the first one served, where the default is not"
        others = make(world.api, world.writes_right, world.right)
        assert error(api.get(f"/api/task/{others['id']}", world.reads_all), 404)
        wait_for("the list", lambda: api.http.get("/readyz").status_code == 200)
        shown = ok(api.get("/api/task?page[size]=500", world.reads_all))["data"]
        assert {one["attributes"]["namespace"] for one in shown} <= {world.left, world.home}
        # Namespaces that are served are known, even where they have no Task
        assert ok(api.get("/api/task", world.writes_left))["meta"]["total"] > 0


# Changed


def test_a_patch_changes_what_it_sends_and_nothing_else(world: World) -> None:
    made = make(world.api, world.writes_left, world.left, label="L", attributes={"a": {"b": 1}, "c": 2})
    path = f"/api/task/{made['id']}"
    before = made["attributes"]
    sent = {"schedule": "@every 2h", "is_active": True, "attributes": {"a": {"d": None}}}
    shown = attributes_of(world.api.send("PATCH", path, world.writes_left, document(sent, made["id"])))
    assert {key: shown[key] for key in sent} == sent, "attributes are replaced whole, not merged"
    assert (shown["label"], shown["description"]) == ("L", "every 2 hours, counted from midnight UTC")
    assert len(shown["next_runs"]) == 5
    assert shown["created_at"] == before["created_at"]
    assert shown["updated_at"] >= before["updated_at"]
    shown = attributes_of(world.api.send("PATCH", path, world.writes_left, document({"label": None}, made["id"])))
    assert shown["label"] is None
    world.api.send("DELETE", path, world.writes_left)


def test_a_resource_that_was_read_can_be_sent_back_as_it_is(world: World) -> None:
    made = make(world.api, world.writes_left, world.left, retry={"limit": 1}, attributes={"a": 1})
    path = f"/api/task/{made['id']}"
    version = world.cluster.get(tasks_path(world.left, made["attributes"]["name"]))["metadata"]["generation"]
    read = ok(world.api.get(path, world.writes_left))
    shown = attributes_of(world.api.send("PATCH", path, world.writes_left, {"data": read["data"]}))
    same = {key for key in shown if key not in ("status", "last_run")}
    assert {key: shown[key] for key in same} == {key: read["data"]["attributes"][key] for key in same}
    after = world.cluster.get(tasks_path(world.left, made["attributes"]["name"]))["metadata"]["generation"]
    assert after == version, "nothing was written"


def test_a_task_of_kubectl_is_changed_likewise(world: World) -> None:
    task = world.cluster.create(
        tasks_path(world.left), task_manifest(world.left, name(), "@yearly", isActive=False, label="K")
    )
    uid = task["metadata"]["uid"]
    path = f"/api/task/{uid}"
    assert attributes_of(world.api.get(path, world.writes_left))["name"] == task["metadata"]["name"]
    sent = document({"entity_name": "e", "name": task["metadata"]["name"]}, uid)
    assert attributes_of(world.api.send("PATCH", path, world.writes_left, sent))["entity_name"] == "e"
    spec = world.cluster.get(tasks_path(world.left, task["metadata"]["name"]))["spec"]
    assert (spec["label"], spec["entityName"], "name" in spec) == ("K", "e", False)


def test_what_a_patch_may_not_be(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    identity = made["id"]
    path = f"/api/task/{identity}"
    for sent, status, code, pointer in (
        (document({"name": "other"}, identity), 422, "name_changed", "/data/attributes/name"),
        (document({"namespace": world.right}, identity), 422, "namespace_changed", "/data/attributes/namespace"),
        (document({"schedule": "0 0 31 2 *"}, identity), 422, "schedule_invalid", "/data/attributes/schedule"),
        (document({}, str(uuid4())), 409, "id_mismatch", "/data/id"),
        (document({}), 400, "id_missing", "/data/id"),
        ({"data": {"type": "run", "id": identity, "attributes": {}}}, 409, "type_mismatch", "/data/type"),
        ({"data": [{"type": "task", "id": identity}]}, 400, "one_expected", "/data"),
    ):
        found = error(world.api.send("PATCH", path, world.writes_left, sent), status)
        assert (found["code"], found["source"]) == (code, {"pointer": pointer})


def test_changes_at_the_same_time_all_count(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    path = f"/api/task/{made['id']}"
    changes: list[dict[str, Any]] = [
        {"label": "L"},
        {"entity_name": "e"},
        {"timeout_seconds": 7},
        {"as_user_email": "a@example.com"},
        {"attributes": {"a": 1}},
        {"retry": {"limit": 1, "backoff_seconds": 9}},
        {"concurrency_policy": "Allow"},
        {"starting_deadline_seconds": 70},
    ]
    with ThreadPoolExecutor(len(changes)) as pool:
        answers = pool.map(
            lambda change: world.api.send("PATCH", path, world.writes_left, document(change, made["id"])), changes
        )
        assert [answer.status_code for answer in answers] == [200] * len(changes)
    shown = attributes_of(world.api.get(path, world.writes_left))
    assert shown.items() >= {key: value for change in changes for key, value in change.items()}.items()


# Deleted


@pytest.mark.parametrize(
    ("name_of_case", "body"),
    [
        ("no body", None),
        ("an empty object", {}),
        ("an empty body", b""),
        ("its own resource", "own"),
        ("meta", {"meta": {}}),
    ],
)
def test_a_delete_takes_a_body_and_frees_id_and_name(world: World, name_of_case: str, body: Any) -> None:
    made = make(world.api, world.writes_left, world.left)
    path = f"/api/task/{made['id']}"
    sent = document({}, made["id"]) if body == "own" else body
    response = world.api.send("DELETE", path, world.writes_left, sent)
    assert ok(response) == {"jsonapi": {"version": "1.1"}, "meta": {}}, name_of_case
    assert error(world.api.get(path, world.writes_left), 404)["code"] == "not_found"
    assert error(world.api.send("DELETE", path, world.writes_left), 404)
    assert error(world.api.send("PATCH", path, world.writes_left, document({}, made["id"])), 404)
    again = make(world.api, world.writes_left, world.left, name=made["attributes"]["name"])
    assert again["id"] != made["id"]
    assert error(world.api.get(path, world.writes_left), 404), "another Task has its name"


def test_a_delete_that_speaks_of_another_task_deletes_nothing(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    path = f"/api/task/{made['id']}"
    assert error(world.api.send("DELETE", path, world.writes_left, document({}, str(uuid4()))), 409)
    assert error(world.api.send("DELETE", path, world.writes_left, {"data": {"type": "run", "id": made["id"]}}), 409)
    assert error(world.api.send("DELETE", path, world.writes_left, b"{"), 400)
    assert error(world.api.send("DELETE", f"{path}?x=1", world.writes_left), 400)
    ok(world.api.get(path, world.writes_left))


# Read


def test_what_was_written_is_read_at_once_on_every_replica(world: World, tmp_path: Path) -> None:
    kubeconfig = kubeconfig_as(world.cluster, tmp_path / "kubeconfig", token(world.cluster, world.home, "api"))
    with Served(tmp_path, kubeconfig) as other:
        for _ in range(10):
            made = make(world.api, world.writes_left, world.left)
            path = f"/api/task/{made['id']}"
            assert attributes_of(other.get(path, world.writes_left))["name"] == made["attributes"]["name"]
            ok(other.send("PATCH", path, world.writes_left, document({"label": "L"}, made["id"])))
            assert attributes_of(world.api.get(path, world.writes_left))["label"] == "L"
            ok(world.api.send("DELETE", path, world.writes_left))
            assert other.get(path, world.writes_left).status_code == 404
            again = make(other, world.writes_left, world.left, name=made["attributes"]["name"])
            ok(world.api.get(f"/api/task/{again['id']}", world.writes_left))


def test_lists_show_at_once_what_was_written_here(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    path = f"/api/task?filter[name]={made['attributes']['name']}"
    assert [one["id"] for one in ok(world.api.get(path, world.writes_left))["data"]] == [made["id"]]
    world.api.send("PATCH", f"/api/task/{made['id']}", world.writes_left, document({"label": "L"}, made["id"]))
    assert ok(world.api.get(path, world.writes_left))["data"][0]["attributes"]["label"] == "L"
    world.api.send("DELETE", f"/api/task/{made['id']}", world.writes_left)
    assert ok(world.api.get(path, world.writes_left))["data"] == []


def test_lists_show_what_kubectl_does(world: World) -> None:
    task = world.cluster.create(tasks_path(world.left), task_manifest(world.left, name(), "@yearly", isActive=False))
    path = f"/api/task?filter[name]={task['metadata']['name']}"

    def listed() -> Any:
        return ok(world.api.get(path, world.writes_left))["data"]

    wait_for("the Task in the list", listed)
    world.cluster.patch(tasks_path(world.left, task["metadata"]["name"]), {"spec": {"label": "K"}})
    wait_for("the label", lambda: listed()[0]["attributes"]["label"] == "K")
    world.cluster.delete(tasks_path(world.left, task["metadata"]["name"]))
    wait_for("the Task gone", lambda: not listed())


@pytest.fixture(scope="module")
def many(world: World) -> str:
    """Thirteen Tasks in a query of their own."""
    mark = uuid4().hex[:8]
    for number in range(13):
        make(
            world.api,
            world.writes_left,
            world.left,
            label=f"{mark} {number:02}",
            entity_name=mark,
            timeout_seconds=60 + number % 3,
            is_active=number == 4,
            as_user_email=f"u{number}@example.com" if number % 2 else None,
        )
    return mark


def labels(found: Any) -> list[int]:
    return [int(one["attributes"]["label"].split()[1]) for one in found["data"]]


def test_links_lead_through_all_pages_and_back(world: World, many: str) -> None:
    url, seen, pages = f"/api/task?filter[entity_name]={many}&page[size]=5&sort=label", list[int](), list[Any]()
    while url:
        page = ok(world.api.get(url, world.reads_left))
        seen += labels(page)
        pages.append(page)
        url = page["links"]["next"]
    assert (seen, len(pages)) == (list(range(13)), 3)
    assert pages[1]["meta"] == {
        "current_page": 2,
        "from": 6,
        "to": 10,
        "per_page": 5,
        "total": 13,
        "last_page": 3,
    }
    links = pages[1]["links"]
    assert all(isinstance(link, str) for link in links.values())
    assert {key: links[key] for key in pages[1]["meta"]} == {key: str(n) for key, n in pages[1]["meta"].items()}
    assert links["last_page_url"] == links["last"]
    assert links["next_page_url"] == links["next"]
    for link, expected in (("prev", range(5)), ("first", range(5)), ("last", range(10, 13)), ("self", range(5, 10))):
        assert labels(ok(world.api.get(links[link], world.reads_left))) == list(expected), link


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ("sort=-label&page[size]=3", [12, 11, 10]),
        ("sort=timeout_seconds,-label&page[size]=5", [12, 9, 6, 3, 0]),
        ("sort=as_user_email,label&page[size]=6&page[number]=2", [0, 2, 4, 6, 8, 10]),
        ("sort=next_run_at,label&page[size]=2", [4, 0]),
        ("filter[is_active]=true", [4]),
        ("filter[timeout_seconds]=62&sort=label", [2, 5, 8, 11]),
        ('query=[{"column":"is_active","operator":"is true"}]', [4]),
        ('query=[{"column":"label","operator":"ends with","value":"12"}]', [12]),
        ('query=[{"column":"label","operator":"like","value":"%25 0_"}]&sort=label&page[size]=2', [0, 1]),
        ('query=[{"column":"next_run_at","operator":"is not empty"}]', [4]),
        (
            'query=[{"column":"as_user_email","operator":"in","value":["u3@example.com",null]}]&sort=label&page[size]=3',
            [0, 2, 3],
        ),
        ("query[][column]=label&query[][operator]=more than&query[][value]=ZZZ&sort=label&page[size]=1", []),
    ],
)
def test_sort_filter_and_query(world: World, many: str, parameters: str, expected: list[int]) -> None:
    path = f"/api/task?filter[entity_name]={many}&{parameters}".replace("ZZZ", f"{many} 99")
    assert labels(ok(world.api.get(path, world.reads_left))) == expected


def test_newest_first(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    times = [
        one["attributes"]["created_at"]
        for one in ok(world.api.get("/api/task?fields[task]=created_at&page[size]=500", world.reads_left))["data"]
    ]
    assert times == sorted(times, reverse=True)
    assert made["attributes"]["created_at"] == times[0]


@pytest.mark.parametrize(
    ("parameters", "parameter", "sentence"),
    [
        ("nope=1", "nope", "write some of query, sort, filter[COLUMN], fields[task], page[number], page[size]"),
        (f"page[after]={uuid4()}", "page[after]", "the parameter 'page[after]' is unknown"),
        ("page[size]=501", "page[size]", "page[size] is '501'"),
        ("sort=attributes", "sort", "there is no column 'attributes' to sort by; write some of id, name, label"),
        ("fields[task]=spec", "fields[task]", "there is no field 'spec'"),
        ("filter[template]=x", "filter[template]", "there is no column 'template'"),
        ("filter[is_active]=maybe", "filter[is_active]", "write true or false"),
        ('query=[{"column":"status","operator":"is","value":1}]', "query", "column 'status' is unknown"),
        (
            'query=[{"column":"is_active","operator":"more than","value":1}]',
            "query",
            "does not go with column is_active",
        ),
    ],
)
def test_400_says_what_to_write(world: World, parameters: str, parameter: str, sentence: str) -> None:
    found = error(world.api.get(f"/api/task?{parameters}", world.reads_left), 400)
    assert found["source"] == {"parameter": parameter}
    assert sentence in found["detail"]


def test_head_options_and_a_trailing_slash(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    headers = {"Authorization": f"Bearer {world.writes_left}"}
    for path, allowed in (
        ("/api/task", "GET, HEAD, OPTIONS, POST"),
        (f"/api/task/{made['id']}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        (f"/api/task/{made['id']}/run", "OPTIONS, POST"),
    ):
        assert world.api.http.options(path).headers["allow"] == allowed
        put = world.api.http.put(path, headers=headers)
        assert (put.status_code, put.headers["allow"]) == (405, allowed)
        if not path.endswith("/run"):
            head = world.api.http.head(path, headers=headers)
            assert (head.status_code, head.content) == (200, b"")
            assert world.api.get(f"{path}/", world.writes_left).status_code == 200
    changed = world.api.send("PATCH", f"/api/task/{made['id']}/", world.writes_left, document({}, made["id"]))
    assert changed.status_code == 200


@pytest.mark.parametrize("path", ["/api/task/not-an-id", f"/api/task/{uuid4()}"])
def test_404(world: World, path: str) -> None:
    assert error(world.api.get(path, world.reads_all), 404)["code"] == "not_found"


def test_an_id_in_capitals_is_the_same_id(world: World) -> None:
    made = make(world.api, world.writes_left, world.left)
    path = f"/api/task/{made['id'].upper()}"
    assert ok(world.api.get(path, world.writes_left))["data"]["id"] == made["id"]
    assert attributes_of(world.api.send("PATCH", path, world.writes_left, document({"label": "L"}, made["id"])))
    ok(world.api.send("DELETE", path, world.writes_left))


# What Kubernetes refuses


def test_what_only_kubernetes_sees_is_refused_with_the_attribute(world: World) -> None:
    template = {"metadata": {"labels": {"cronwright.dev/x": "y"}}}
    sent = document(LEAST | {"name": name(), "namespace": world.left, "template": template})
    found = error(world.api.send("POST", "/api/task", world.writes_left, sent), 422)
    assert found["source"] == {"pointer": "/data/attributes/template/metadata/labels"}
    assert found["detail"].startswith("template.metadata.labels holds cronwright.dev/x, which only Cronwright")


def test_a_policys_refusal_is_told(world: World) -> None:
    policies = "/apis/admissionregistration.k8s.io/v1"
    policy = f"no-{uuid4().hex[:8]}"
    rules = [{"apiGroups": ["cronwright.dev"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["tasks"]}]
    world.cluster.create(
        f"{policies}/validatingadmissionpolicies",
        {
            "metadata": {"name": policy},
            "spec": {
                "matchConstraints": {"resourceRules": rules},
                "validations": [
                    {"expression": "!has(object.spec.label) || object.spec.label != 'no'", "message": "say please"}
                ],
            },
        },
    )
    selector = {"matchLabels": {"kubernetes.io/metadata.name": world.left}}
    world.cluster.create(
        f"{policies}/validatingadmissionpolicybindings",
        {
            "metadata": {"name": policy},
            "spec": {
                "policyName": policy,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": selector},
            },
        },
    )
    try:

        def refused() -> Any:
            sent = document(LEAST | {"name": name(), "namespace": world.left, "label": "no"})
            response = world.api.send("POST", "/api/task", world.writes_left, sent)
            return response if response.status_code != 201 else None

        found = error(wait_for("the policy to be in force", refused), 422)
        assert "say please" in found["detail"]
        assert found["source"] == {"pointer": "/data/attributes"}
    finally:
        for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            world.cluster.delete(f"{policies}/{kind}/{policy}")


# Preview


def test_a_preview_writes_nothing(world: World) -> None:
    schedule = {"schedule": "30 2 * * *", "time_zone": "Europe/Berlin", "namespace": world.left}
    path = "/api/task/preview?count=2&from=2027-03-27T00:00:00Z"
    shown = ok(world.api.send("POST", path, world.reads_left, document(schedule)))["meta"]
    assert shown["next_runs"] == ["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z"]
    assert shown["clock_changes"][0]["sentence"].endswith("no run for 02:30.")
    made = make(world.api, world.writes_left, world.left)
    sent = document({"schedule": "@hourly", "is_active": True}, made["id"])
    shown = ok(world.api.send("POST", "/api/task/preview", world.reads_left, sent))["meta"]
    assert shown["effects"][0].startswith("The Task is resumed")
    assert attributes_of(world.api.get(f"/api/task/{made['id']}", world.reads_left))["schedule"] == "@yearly"


def test_column_types(world: World) -> None:
    columns = world.api.http.get("/meta?query=column_types").json()
    assert columns["task"]["is_active"] == {
        "name": "is_active",
        "type": "boolean",
        "can_be_asked_for": True,
        "is_writable": True,
    }
    assert columns["task"]["attributes"]["type"] == "json"
    assert columns["timeline"]["scheduled_at"]["type"] == "instant"
    for query in ("", "?query=x", "?query=column_types&x=1"):
        assert world.api.http.get(f"/meta{query}").status_code == 400
    assert json.loads(world.api.http.get("/openapi.json").text)["paths"]["/meta"]
