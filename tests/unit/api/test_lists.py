"""The links and numbers of a page, and the origin that links are on."""

from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request

from cronwright.timeline.query import ColumnType
from cronwright_api.errors import BadRequest
from cronwright_api.jsonapi.collections import Collection
from cronwright_api.jsonapi.lists import Extent, links_and_meta, parse_list_request
from cronwright_api.jsonapi.origin import origin

ROWS = Collection("row", ("a", "created_at"), {"a": ColumnType.TEXT, "created_at": ColumnType.INSTANT})
URL = "http://h/api/row"


def page(pairs: list[tuple[str, str]], extent: Extent) -> tuple[Any, Any]:
    return links_and_meta(URL, pairs, parse_list_request(pairs, ROWS), extent)


def test_a_page_in_the_middle() -> None:
    links, meta = page([("page[size]", "5"), ("sort", "a")], Extent("first", "last", 5, 10, 23, 10_000, True))
    kept = f"{URL}?sort=a&page%5Bsize%5D=5"
    assert links == {
        "self": f"{URL}?page%5Bsize%5D=5&sort=a",
        "first": f"{kept}&page%5Bnumber%5D=1",
        "last": f"{kept}&page%5Bnumber%5D=5",
        "prev": f"{kept}&page%5Bbefore%5D=first",
        "next": f"{kept}&page%5Bafter%5D=last",
        "per_page": "5",
        "current_page": "3",
        "from": "11",
        "to": "15",
        "total": "23",
        "last_page": "5",
        "last_page_url": f"{kept}&page%5Bnumber%5D=5",
        "next_page_url": f"{kept}&page%5Bafter%5D=last",
    }
    assert meta == {"per_page": 5, "current_page": 3, "from": 11, "to": 15, "total": 23, "last_page": 5}


def test_pages_by_number_only() -> None:
    numbered = Collection("row", ("a",), {"a": ColumnType.TEXT, "created_at": ColumnType.INSTANT}, by_row=False)
    pairs = [("page[size]", "5"), ("page[number]", "2")]
    asked = parse_list_request(pairs, numbered)
    links, meta = links_and_meta(URL, pairs, asked, Extent("f", "l", 5, 5, 13, 13, True), by_row=False)
    kept = f"{URL}?page%5Bsize%5D=5&page%5Bnumber%5D="
    assert (links["prev"], links["next"], links["last"]) == (f"{kept}1", f"{kept}3", f"{kept}3")
    assert meta["current_page"] == 2
    for parameter in ("page[after]", "page[before]"):
        with pytest.raises(BadRequest, match="is unknown; write some of query, sort, filter"):
            parse_list_request([(parameter, "0f5e2f0e-7f3e-4d7c-8c4e-0d2b8d1f5a11")], numbered)


def test_nothing_at_all() -> None:
    links, meta = page([], Extent(None, None, 0, 0, 0, 10_000, False))
    assert (links["self"], links["prev"], links["next"]) == (URL, None, None)
    assert meta == {"per_page": 10, "current_page": 1, "from": 0, "to": 0, "total": 0, "last_page": 1}


def test_beyond_what_is_counted() -> None:
    links, meta = page([], Extent("first", "last", 10, 0, None, 10_000, True))
    assert (links["last"], links["last_page_url"], "total" in links) == (None, None, False)
    assert meta == {"per_page": 10, "current_page": 1, "from": 1, "to": 10, "total_at_least": 10_000}


def test_a_page_beyond_the_last_leads_back() -> None:
    links, _ = page([("page[number]", "9")], Extent(None, None, 0, 80, 25, 10_000, False))
    assert links["prev"] == f"{URL}?page%5Bsize%5D=10&page%5Bnumber%5D=3"


def request(client: str = "10.0.0.9", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "scheme": "http", "path": "/", "headers": raw, "client": (client, 1), "server": ("s", 80)}
    )


PROXIES = (ip_network("10.0.0.0/8"),)


@pytest.mark.parametrize(
    ("name", "asked", "expected"),
    [
        ("the host header", request(host="cron:6336"), "http://cron:6336"),
        ("an address", request(host="[::1]:6336"), "http://[::1]:6336"),
        ("none, as in HTTP/1.0", request(), "http://localhost"),
        (
            "X-Forwarded",
            request(host="h", x_forwarded_host="a.example", x_forwarded_proto="https"),
            "https://a.example",
        ),
        ("the last proxy's caller", request(host="h", x_forwarded_host="a.example, b.example"), "http://a.example"),
        ("Forwarded", request(host="h", forwarded='for=x;host="a.example:8443";proto=https'), "https://a.example:8443"),
        ("a stranger's X-Forwarded", request("192.0.2.1", host="h", x_forwarded_host="evil"), "http://h"),
        ("a stranger's Forwarded", request("192.0.2.1", host="h", forwarded="host=evil"), "http://h"),
        ("a socket without an address", request("", host="h", x_forwarded_host="evil"), "http://h"),
    ],
)
def test_origin(name: str, asked: Request, expected: str) -> None:
    assert origin(asked, PROXIES) == expected, name


@pytest.mark.parametrize(
    "asked", [request(host='a"b'), request(host="a/b"), request(host="h", x_forwarded_proto="javascript")]
)
def test_a_host_that_cannot_be_one_is_refused(asked: Request) -> None:
    with pytest.raises(BadRequest, match="is no host"):
        origin(asked, PROXIES)
