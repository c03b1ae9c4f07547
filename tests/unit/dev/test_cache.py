"""Names, digests and files in one piece."""

import json
import os
import pwd
from pathlib import Path

import pytest

import cache
from progress import Failure


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"CRONWRIGHT_CACHE": "/var/cw", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/var/cw"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/cronwright"),
        ({"HOME": "/h"}, "/h/.cache/cronwright"),
    ],
    ids=["its own variable wins", "then the desktop's", "then the home folder"],
)
def test_the_cache_lies_where_the_caller_says(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CRONWRIGHT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache.root() == Path(expected)


def test_clusters_of_two_caches_never_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for folder in ("one", "two"):
        monkeypatch.setenv("CRONWRIGHT_CACHE", str(tmp_path / folder))
        names.add(cache.name_on_this_machine("cronwright-local"))
    monkeypatch.delenv("CRONWRIGHT_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", pwd.getpwuid(os.geteuid()).pw_dir)
    assert cache.name_on_this_machine("cronwright-local") == "cronwright-local"
    assert len({*names, "cronwright-local"}) == 3


@pytest.mark.parametrize("name", ["local", "trial-2", "a", "x" * 20])
def test_a_cluster_name_can_be(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_CLUSTER", name)
    assert cache.cluster_name() == name


@pytest.mark.parametrize("name", ["", "Local", "-a", "a-", "a_b", "a/b", "x" * 21])
def test_a_cluster_name_is_refused_with_a_remedy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRONWRIGHT_CLUSTER", name)
    with pytest.raises(Failure, match="lower-case letters"):
        cache.cluster_name()


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (["a", "b"], ["a", "b"], True),
        (["ab"], ["a", "b"], False),
        (["a", "b"], ["b", "a"], False),
        (["a"], [b"a"], True),
    ],
    ids=["the same parts", "other borders", "another order", "text is its UTF-8"],
)
def test_a_digest_tells_parts_apart(one: list[str], other: list[str], alike: bool) -> None:
    assert (cache.digest(one) == cache.digest(other)) is alike


def test_a_digest_of_files_sees_path_content_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("1")
    seen = {cache.digest_of_files(tmp_path, [file])}
    file.write_text("2")
    seen.add(cache.digest_of_files(tmp_path, [file]))
    file.chmod(0o755)
    seen.add(cache.digest_of_files(tmp_path, [file]))
    renamed = file.rename(tmp_path / "b.py")
    seen.add(cache.digest_of_files(tmp_path, [renamed]))
    assert len(seen) == 4


def test_a_digest_of_files_is_the_same_in_another_checkout(tmp_path: Path) -> None:
    digests = set()
    for checkout in (tmp_path / "one", tmp_path / "two"):
        (checkout / "core").mkdir(parents=True)
        (checkout / "core" / "a.py").write_text("1")
        digests.add(cache.digest_of_files(checkout, [checkout / "core" / "a.py"]))
    assert len(digests) == 1


class Interrupted(Exception):
    """Stands for a Ctrl-C in the middle of a step."""


def test_an_interrupted_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(Interrupted), cache.folder_in_the_making(tmp_path / "kube") as made:
        (made / "half").write_text("")
        raise Interrupted
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_its_place_whole_and_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / ".kube.abandoned").mkdir()
    with cache.folder_in_the_making(tmp_path / "kube") as made:
        (made / "program").write_text("")
        assert not (tmp_path / "kube").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["kube"]
    assert (tmp_path / "kube" / "program").exists()


def test_a_file_is_replaced_in_one_piece(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "settings.json"
    cache.write_json(target, {"port": 1}, mode=0o600)
    cache.write_json(target, {"port": 2}, mode=0o600)
    assert json.loads(target.read_text()) == {"port": 2}
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target.parent.iterdir()] == ["settings.json"]


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_broken_settings_file_says_what_to_do(text: str, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(text)
    with pytest.raises(Failure, match="delete it"):
        cache.read_json(tmp_path / "settings.json")
