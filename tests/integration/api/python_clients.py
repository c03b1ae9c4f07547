"""Two JSON:API clients of PyPI, each of which does all that test_clients.py asks of every client."""

import json
from collections.abc import Callable
from typing import Any

import requests
from jsonapi_client.exceptions import DocumentError
from jsonapi_client.filter import Modifier
from jsonapi_client.session import Session
from jsonapi_requests.base import Api
from jsonapi_requests.data import JsonApiObject
from jsonapi_requests.request_factory import ApiClientError

Report = dict[str, Any]


def by_jsonapi_requests(url: str, token: str, namespace: str) -> Report:
    """What `jsonapi-requests` gets."""
    api = Api.config({"API_ROOT": f"{url}/api", "AUTH": _Bearer(token), "RETRIES": 1})
    resource: Any = JsonApiObject

    def names(**parameters: Any) -> tuple[list[str], Any]:
        asked = {"filter[namespace]": namespace, "sort": "name", **parameters}
        document = api.endpoint("task").get(params=asked).content
        return [task.attributes["name"] for task in document.data], document

    told: Report = {"pages": []}
    number, more = 1, True
    while more:
        page, document = names(**{"page[size]": 2, "page[number]": number})
        told["pages"].append(page)
        number, more = number + 1, document.links["next"] is not None
    made = api.endpoint("task").post(object=resource(type="task", attributes=_sent(namespace))).data
    told["created"] = [made.attributes["name"], made.attributes["attributes"]]
    one = api.endpoint(f"task/{made.id}")
    told["read"] = one.get().data.attributes["description"]
    changed = one.patch(object=resource(type="task", id=made.id, attributes={"schedule": "@every 2h"})).data.attributes
    told["updated"] = [changed["schedule"], changed["name"]]
    told["filtered"], _ = names(query=_QUERY)
    one.delete()

    def understood(request: Callable[[], object]) -> list[str]:
        try:
            request()
        except ApiClientError as error:
            found = json.loads(error.content)["errors"][0]
            return [found["title"], found["detail"]]
        raise AssertionError("there was no error")

    told["deleted"] = understood(one.get)
    rows = api.endpoint("timeline").get(params={"filter[namespace]": namespace, "sort": "created_at"}).data
    told["timeline"] = [[row.attributes["title"], row.attributes["kind"]] for row in rows]
    wrong = resource(type="task", attributes=_sent(namespace) | {"schedule": "0 0 31 2 *"})
    told["error"] = understood(lambda: api.endpoint("task").post(object=wrong))
    return told


def by_jsonapi_client(url: str, token: str, namespace: str) -> Report:
    """What `jsonapi-client` gets; pages by following links."""
    text, thing = {"type": "string"}, {"type": ["object", "null"]}
    attributes = {
        "name": text,
        "namespace": text,
        "schedule": text,
        "action_name": text,
        "is_active": {"type": "boolean"},
        "attributes": thing,
    }
    session = Session(
        f"{url}/api",
        schema={"task": {"properties": attributes}, "timeline": {"properties": {}}},
        request_kwargs={"headers": {"Authorization": f"Bearer {token}"}},
    )
    with session as api:
        ours = f"filter[namespace]={namespace}&sort=name"
        told: Report = {"pages": []}
        document = api.get("task", Modifier(f"{ours}&page[size]=2"))
        while document is not None:
            told["pages"].append([task.name for task in document.resources])
            following = document.links.next
            document = following.fetch() if following else None
        made = api.create("task", fields=_sent(namespace))
        made.commit()
        told["created"] = [made.name, json.loads(json.dumps(made.json["attributes"]["attributes"]))]
        told["read"] = api.get("task", made.id).resource.description
        made.schedule = "@every 2h"
        made.commit()
        told["updated"] = [made.schedule, made.name]
        found = api.get("task", Modifier(f"filter[namespace]={namespace}&query={_QUERY}")).resources
        told["filtered"] = [task.name for task in found]
        identity = made.id
        made.delete()
        made.commit()
        # Or it answers from what it remembers
        api.invalidate()

        def understood(request: Callable[[], object]) -> list[str]:
            try:
                request()
            except DocumentError as error:
                found = error.response.json()["errors"][0]  # type: ignore[attr-defined]
                assert found["title"] in str(error), "it has read the document"
                return [found["title"], found["detail"]]
            raise AssertionError("there was no error")

        told["deleted"] = understood(lambda: api.get("task", identity))
        rows = api.get("timeline", Modifier(f"filter[namespace]={namespace}&sort=created_at")).resources
        told["timeline"] = [[row.title, row.kind] for row in rows]
        wrong = api.create("task", fields=_sent(namespace) | {"schedule": "0 0 31 2 *"})
        told["error"] = understood(wrong.commit)
    return told


_QUERY = '[{"column":"schedule","operator":"is","value":"@every 2h"}]'


def _sent(namespace: str) -> dict[str, Any]:
    return {
        "name": "made_here",
        "namespace": namespace,
        "schedule": "@daily",
        "action_name": "http",
        "is_active": False,
        "attributes": {"days_old": 30},
    }


class _Bearer(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
