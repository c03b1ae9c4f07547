"""What kind is told about a cluster."""

import json

import pytest

from kind import Kind, configured
from progress import Failure


@pytest.mark.parametrize(
    ("api_port", "expected"),
    [(None, {"apiServerAddress": "192.0.2.1"}), (6443, {"apiServerAddress": "192.0.2.1", "apiServerPort": 6443})],
    ids=["any that is free", "inside a namespace, where kind can't look for a free one"],
)
def test_the_api_server_listens_on(api_port: int | None, expected: dict[str, object]) -> None:
    assert json.loads(configured("192.0.2.1", api_port, workers=0))["networking"] == expected


def test_workers_come_beside_the_control_plane() -> None:
    told = json.loads(configured("127.0.0.1", None, workers=2))
    assert [node["role"] for node in told["nodes"]] == ["control-plane", "worker", "worker"]


@pytest.mark.parametrize("text", ["two", "-1", ""])
def test_a_number_of_workers_is_refused_with_a_remedy(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_WORKERS", text)
    with pytest.raises(Failure, match="write a number of nodes"):
        Kind("local")
