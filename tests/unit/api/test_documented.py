"""docs/api.md names every setting with its default, every metric, every operator and every route."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from cronwright.timeline.query import OPERATOR_WORDS
from cronwright_api.app import ROUTERS
from cronwright_api.metrics import Metrics
from cronwright_api.settings import Settings

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_is_documented_with_its_default(name: str) -> None:
    row = re.search(rf"^\| `CRONWRIGHT_{name.upper()}` \| (.*?) \| (.+) \|$", PAGE, re.MULTILINE)
    assert row is not None, f"docs/api.md lacks a row for CRONWRIGHT_{name.upper()}"
    default = Settings.model_fields[name].default
    assert default is not PydanticUndefined
    assert row.group(1) == (
        "none" if default == "" else f"`{default:.0f}`" if isinstance(default, float) else f"`{default}`"
    )


def test_a_documented_setting_is_one() -> None:
    documented = {name.lower() for name in re.findall(r"`CRONWRIGHT_([A-Z_]+)`", PAGE)}
    assert documented == set(Settings.model_fields)


def test_every_metric_is_documented() -> None:
    families = {family.name for family in Metrics().registry.collect() if family.name.startswith("cronwright_")}
    documented = {name.removesuffix("_total") for name in re.findall(r"^\| `(cronwright_\w+)` \|", PAGE, re.MULTILINE)}
    assert documented == families


@pytest.mark.parametrize("word", OPERATOR_WORDS)
def test_an_operator_is_documented(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_every_route_is_documented() -> None:
    paths = {re.sub(r"\{.*\}", "ID", route.path) for router in ROUTERS for route in router.routes}  # type: ignore[attr-defined]
    assert not [path for path in paths if not path.startswith("/docs/") and path not in PAGE]
