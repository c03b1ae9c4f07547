"""What `cronwright-runner` answers to people who look into an image: help, version, the actions."""

import argparse
from collections.abc import Sequence
from importlib.metadata import version

from cronwright_runner.listing import listed


def answer(arguments: Sequence[str]) -> int:
    """Answer `arguments` on standard output and return the exit code.

    Raises:
        SystemExit: for --help, --version and arguments that are wrong, as argparse does.
    """
    parser = argparse.ArgumentParser(
        prog="cronwright-runner",
        description="Without a command: execute the run that this pod was made for, as its downward-API files say.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('cronwright')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser("actions", help="list the actions that this image knows")
    parser.parse_args(arguments)
    actions = listed()
    width = max(len(action.name) for action in actions)
    for action in actions:
        print(
            f"{action.name:<{width}}  {action.summary}"
            + (f" ({action.distribution}: {action.note})" if action.note else "")
        )
    return 0
