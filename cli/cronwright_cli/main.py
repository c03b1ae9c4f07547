"""The program `kubectl-cronwright`: its commands, its version, and errors as one sentence with an exit code.

Installed on the PATH it is also the kubectl plugin `kubectl cronwright`. What a command does is in `commands`.
"""

import os
import sys
from typing import Annotated

import typer

from cronwright_cli.commands import convert, timeline
from cronwright_cli.errors import CliError

app = typer.Typer(
    name="kubectl-cronwright",
    help="Cronwright on the command line: convert tasks that you have, and see what ran, when and how it ended.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(convert.app, name="convert")
app.command("timeline")(timeline.timeline)


def _print_version(wanted: bool) -> None:
    if wanted:
        # Takes longer to import than the rest of a `convert`
        from importlib.metadata import version

        typer.echo(f"kubectl-cronwright {version('cronwright')}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the program; exit code 1 for what went wrong, 2 for a command line that can't be understood."""
    try:
        app()
    except CliError as error:
        for line in str(error).splitlines():
            typer.echo(f"error: {line}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader, such as head, has had enough; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
