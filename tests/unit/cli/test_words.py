"""The table of a Task's words covers the resource, and a name becomes one resource name."""

from pathlib import Path

import pytest
import yaml

from cronwright.words import BY_DAPTIN, BY_JSON_API, BY_RESOURCE, FIELDS, resource_name

CRD = Path(__file__).parents[3] / "crds/task.yaml"


def test_the_table_has_every_field_of_the_resource() -> None:
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert set(BY_RESOURCE) == set(schema["properties"]["spec"]["properties"])


def test_no_word_means_two_fields() -> None:
    assert len(BY_RESOURCE) == len(BY_JSON_API) == len(FIELDS)
    assert len(BY_DAPTIN) == len([field for field in FIELDS if field.daptin])


def test_json_api_has_the_resources_words_in_snake_case() -> None:
    for field in FIELDS:
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in field.resource)
        assert field.json_api == snake


NAMES = {
    "daily-report": "daily-report",
    "daily_report": "daily-report",
    "Daily.Report": "daily-report",
    "7": "7",
    "a__b": "a--b",
    "x" * 52: "x" * 52,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_becomes(name: str) -> None:
    assert resource_name(name) == NAMES[name]


@pytest.mark.parametrize("name", ["", "_a", "a_", "a.", "-a", "a b", "a/b", "é", "x" * 53, "a\n"])
def test_no_name_of_a_task(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a Task; write at most 52 letters"):
        resource_name(name)
