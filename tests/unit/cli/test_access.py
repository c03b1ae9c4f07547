"""Which address and which token a command uses."""

from pathlib import Path

import pytest

from cronwright_cli.access import find_access
from cronwright_cli.errors import BadInput


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CRONWRIGHT_URL", raising=False)
    monkeypatch.delenv("CRONWRIGHT_TOKEN", raising=False)


def test_the_option_beats_the_environment_and_that_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_TOKEN", "t")
    assert find_access(None, None).url == "http://localhost:6336"
    monkeypatch.setenv("CRONWRIGHT_URL", "https://cronwright.example.com/")
    assert find_access(None, None).url == "https://cronwright.example.com"
    assert find_access("http://127.0.0.1:1", None).url == "http://127.0.0.1:1"


def test_a_token_file_beats_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_TOKEN", "from-environment")
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert find_access(None, file).token == "from-file"
    assert find_access(None, None).token == "from-environment"


def test_the_token_stays_out_of_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_TOKEN", "secret")
    assert "secret" not in repr(find_access(None, None))


@pytest.mark.parametrize("url", ["localhost:6336", "ftp://localhost", "http://", "http://a?b", "http://a#b"])
def test_no_address(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_TOKEN", "t")
    with pytest.raises(BadInput, match=r"the API's address is .*; write one such as http://localhost:6336"):
        find_access(url, None)


@pytest.mark.parametrize("token", ["", "  ", "two words", "two\nlines", "schlüssel"])
def test_no_token(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_TOKEN", token)
    with pytest.raises(BadInput, match="CRONWRIGHT_TOKEN holds no bearer token"):
        find_access(None, None)


@pytest.mark.parametrize(
    "url", ["http://cronwright.example.com", "http://10.0.0.1:6336", "http://localhost.example.com"]
)
def test_the_kubeconfigs_token_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(BadInput, match="plain HTTP to another machine, where your kubeconfig's token is not sent"):
        find_access(url, None)
