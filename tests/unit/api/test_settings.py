"""Settings: what the environment says, and what it may not say."""

import pytest
from pydantic import ValidationError

from cronwright_api.settings import Settings


def test_without_an_environment_the_defaults_stand() -> None:
    settings = Settings()
    assert (settings.database_url, settings.listen_port) == ("sqlite:////var/lib/cronwright/timeline.db", 6336)


def test_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_RETENTION_ROWS", "5")
    monkeypatch.setenv("CRONWRIGHT_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    settings = Settings()
    assert (settings.retention_rows, [str(network) for network in settings.trusted_networks]) == (
        5,
        ["10.0.0.0/8", "fd00::/8"],
    )


@pytest.mark.parametrize(
    ("served", "default", "scopes", "first"),
    [
        ("", "default", ("",), "default"),
        ("", "team", ("",), "team"),
        ("a, b,a", "default", ("a", "b"), "a"),
        ("a,b", "b", ("a", "b"), "b"),
    ],
)
def test_what_is_served_and_where_tasks_go(served: str, default: str, scopes: tuple[str, ...], first: str) -> None:
    settings = Settings.model_validate({"watch_namespaces": served, "default_namespace": default})
    assert (settings.scopes, settings.first_namespace) == (scopes, first)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("watch_namespaces", "Team"),
        ("default_namespace", "../x"),
        ("database_url", "oracle://x"),
        ("listen_port", -1),
        ("retention_rows", 0),
        ("trusted_proxies", "everyone"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({name: value})
