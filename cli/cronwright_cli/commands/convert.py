"""`convert daptin`: a Daptin schema's tasks as Task manifests on stdout, and what changed on stderr."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cronwright_cli import manifests
from cronwright_cli.daptin import notes
from cronwright_cli.daptin.convert import convert
from cronwright_cli.daptin.schema import read_schema
from cronwright_cli.errors import BadInput

app = typer.Typer(help="Make Task manifests of tasks that you have elsewhere.", no_args_is_help=True)


class Format(StrEnum):
    """How manifests are written."""

    YAML = "yaml"
    JSON = "json"


@app.callback()
def _convert() -> None:
    """Keeps `daptin` a command of its own, so that others can stand beside it."""


@app.command("daptin")
def daptin(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A Daptin schema file (YAML, JSON or TOML), or - for stdin.")
    ],
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="metadata.namespace of the Tasks; unset leaves it to kubectl."),
    ] = None,
    time_zone: Annotated[
        str | None,
        typer.Option(
            help="The time zone of Daptin's server, such as Europe/Berlin: cron lines and presets keep to it."
        ),
    ] = None,
    output: Annotated[Format, typer.Option("--output", "-o", help="How the manifests are written.")] = Format.YAML,
    keep_going: Annotated[
        bool,
        typer.Option(
            "--keep-going", help="Write the Tasks that can be converted though others can't; the exit code stays 1."
        ),
    ] = False,
) -> None:
    """Convert the Tasks section of a Daptin schema: kubectl cronwright convert daptin schema.yaml | kubectl apply -f -

    Manifests go to stdout. On stderr stands a note for each property that changes or can't be kept. If a task can't be
    converted, the sentence says why, nothing is written, and the exit code is 1.
    """
    conversion = convert(read_schema(*_read(file)), namespace, time_zone)
    for line in notes.tell(conversion.notes, list(conversion.manifests)):
        typer.echo(f"note: {line}", err=True)
    if conversion.manifests and (keep_going or not conversion.refusals):
        write = manifests.to_yaml if output is Format.YAML else manifests.to_json
        typer.echo(write(list(conversion.manifests.values())), nl=False)
    if conversion.refusals:
        raise BadInput("\n".join(str(refusal) for refusal in conversion.refusals))


def _read(file: str) -> tuple[str, str]:
    """The text of `file`, and what to call it."""
    name = "the input" if file == "-" else file
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig"), name
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is no UTF-8 text at byte {error.start}; save it as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{name} can't be read: {error.strerror}; name a file that is there, or - for stdin") from error
