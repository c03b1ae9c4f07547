"""Golden files of the CLI: with UPDATE_GOLDEN=1 in the environment they are rewritten, to be read in the diff."""

import os

import pytest


@pytest.fixture
def update_golden() -> bool:
    return os.environ.get("UPDATE_GOLDEN") == "1"
