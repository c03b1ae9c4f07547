"""When an image has to be built again, and what a build is told about the package index."""

from pathlib import Path

import pytest

from images import PROGRAMS, pip_settings, reference

FILES = [
    "Dockerfile", ".dockerignore", "pyproject.toml", "README.md",
    "requirements/build.txt", "requirements/operator.txt", "requirements/api.txt", "requirements/runner.txt",
    "core/cronwright/task.py", "operator/cronwright_operator/main.py", "api/cronwright_api/main.py",
    "runner/cronwright_runner/main.py", "cli/cronwright_cli/main.py", "docs/index.md",
]  # fmt: skip
ALL = set(PROGRAMS)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("before")
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "rebuilt"),
    [
        ("Dockerfile", ALL),
        (".dockerignore", ALL),
        ("pyproject.toml", ALL),
        ("requirements/build.txt", ALL),
        ("core/cronwright/task.py", ALL),
        ("core/cronwright/new.py", ALL),
        ("operator/cronwright_operator/main.py", {"operator"}),
        ("api/cronwright_api/main.py", {"api"}),
        ("runner/cronwright_runner/main.py", {"runner"}),
        ("requirements/runner.txt", {"runner"}),
        ("cli/cronwright_cli/main.py", set()),
        ("README.md", set()),
        ("docs/index.md", set()),
        ("core/cronwright/__pycache__/task.pyc", set()),
    ],
)
def test_a_change_rebuilds_exactly_the_images_it_goes_into(changed: str, rebuilt: set[str], checkout: Path) -> None:
    before = {program: reference(checkout, program, "base:1") for program in PROGRAMS}
    (checkout / changed).parent.mkdir(exist_ok=True)
    (checkout / changed).write_text("after")
    after = {program: reference(checkout, program, "base:1") for program in PROGRAMS}
    assert {program for program in PROGRAMS if before[program] != after[program]} == rebuilt


def test_another_base_is_another_image(checkout: Path) -> None:
    assert reference(checkout, "api", "base:1") != reference(checkout, "api", "base:2")


def test_a_reference_names_the_program(checkout: Path) -> None:
    name, _, tag = reference(checkout, "api", "base:1").partition(":")
    assert name == "cronwright/api"
    assert len(tag) == 12


@pytest.mark.parametrize(
    ("environment", "files", "expected"),
    [
        ({}, [], {}),
        ({}, ["[global]\nindex-url = https://a/simple\n"], {"PIP_INDEX_URL": "https://a/simple"}),
        (
            {},
            ["[global]\nindex-url = https://a/\n", "[global]\nindex-url = https://b/\n"],
            {"PIP_INDEX_URL": "https://b/"},
        ),
        (
            {"PIP_INDEX_URL": "https://c/"},
            ["[global]\nindex-url = https://a/\ntrusted-host = a\n"],
            {"PIP_INDEX_URL": "https://c/", "PIP_TRUSTED_HOST": "a"},
        ),
        (
            {},
            ["[install]\nextra-index-url =\n    https://a/\n    https://b/\n"],
            {"PIP_EXTRA_INDEX_URL": "https://a/ https://b/"},
        ),
        ({"PIP_FIND_LINKS": "/opt/wheels"}, ["[global]\nfind-links = /opt/wheels\n"], {}),
    ],
    ids=[
        "nothing is set",
        "a file",
        "the later file wins",
        "the environment wins",
        "several lines",
        "folders of this machine are left out",
    ],
)
def test_the_index_of_this_machine_is_passed_on(
    environment: dict[str, str], files: list[str], expected: dict[str, str], tmp_path: Path
) -> None:
    paths = []
    for number, text in enumerate(files):
        paths.append(tmp_path / f"{number}.conf")
        paths[-1].write_text(text)
    assert pip_settings(environment, [*paths, tmp_path / "missing.conf"]) == expected
