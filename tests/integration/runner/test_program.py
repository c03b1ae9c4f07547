"""The console script for people who look into an image."""

import os
import subprocess

from .pod import EXTENSION, RUNNER


def runner(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the console script with `arguments`, with the example actions installed."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(EXTENSION)}
    return subprocess.run([RUNNER, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_actions_are_listed_with_their_summaries() -> None:
    lines = runner("actions").stdout.splitlines()

    assert "http                   Send one HTTP request and check the answer's status." in lines
    assert "echo                   Return what the context says." in lines


def test_actions_that_cannot_be_used_are_listed_with_the_reason() -> None:
    lines = runner("actions").stdout.splitlines()

    assert any(
        line.startswith("http ") and line.endswith("(example-actions: never used: the name is a built-in action's)")
        for line in lines
    )
    assert any(
        line.startswith("needs_missing_library ")
        and line.endswith("(example-actions: can't be imported: No module named 'a_library_that_nobody_has')")
        for line in lines
    )


def test_version_and_help() -> None:
    assert runner("--version").stdout.startswith("cronwright-runner 0.")
    assert "execute the run that this pod was made for" in runner("--help").stdout


def test_a_wrong_argument_is_refused() -> None:
    refused = runner("run")

    assert refused.returncode == 2
    assert "invalid choice: 'run'" in refused.stderr
