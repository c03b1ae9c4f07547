"""A pod to run the real runner in, as a subprocess, and a real HTTP server as the timeline that it reports to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .loop_pod import LoopPod
from .pod import Pod
from .timeline import Timeline


@pytest.fixture
def timeline() -> Iterator[Timeline]:
    """A timeline that takes every event."""
    with Timeline() as started:
        yield started


@pytest.fixture
def pod(tmp_path: Path, timeline: Timeline) -> Iterator[Pod]:
    """A pod whose runner reports to `timeline`, not yet started; what runs in it at the end is killed."""
    with Pod(tmp_path, timeline.url) as made:
        yield made


@pytest.fixture
def loop_pod(tmp_path: Path, timeline: Timeline) -> Iterator[LoopPod]:
    """A pod of a loop's window that reports to `timeline`, not yet started; what runs in it at the end is killed."""
    with LoopPod(tmp_path, timeline.url) as made:
        yield made
