"""`timeline`: what ran, when, and how it ended; with `-f` as it happens."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from cronwright_cli import kubectl
from cronwright_cli.access import DEFAULT_URL, TOKEN_VARIABLE, URL_VARIABLE, Access, find_access
from cronwright_cli.errors import BadInput
from cronwright_cli.timeline.api import Wanted
from cronwright_cli.timeline.cells import Column, Setting, columns
from cronwright_cli.timeline.follow import follow, last_runs
from cronwright_cli.timeline.ledger import Ledger
from cronwright_cli.timeline.run import Run
from cronwright_cli.timeline.stream import Stream
from cronwright_cli.timeline.table import plain_lines, rich_table

POLL_SECONDS = 1.0
MOST_RUNS = 10_000
LINES_AROUND_TABLE = 6
"""Heading, caption, prompt and some air: what of a terminal's height is not for rows."""


class Format(StrEnum):
    """How runs are written."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"


def timeline(
    following: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on and show runs as they start and end.")
    ] = False,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Runs of this namespace; unset means kubectl's current one.")
    ] = None,
    all_namespaces: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="Runs of every namespace that the token may see.")
    ] = False,
    task: Annotated[
        str | None, typer.Option(help="Runs of this Task only, by its name or that of its resource.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Runs since so long ago only, such as 90s, 30m, 1h30m or 2d.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_RUNS, help="At most so many runs, the newest ones.")] = 50,
    output: Annotated[
        Format,
        typer.Option(
            "--output", "-o", help="table, wide (with attempt, action, user, who asked, pod, node and run) or json."
        ),
    ] = Format.TABLE,
    utc: Annotated[bool, typer.Option("--utc", help="Times in UTC; otherwise in this machine's zone.")] = False,
    url: Annotated[
        str | None,
        typer.Option(help=f"Where the API is; otherwise {URL_VARIABLE}, otherwise {DEFAULT_URL}."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help=f"A file with the bearer token; otherwise {TOKEN_VARIABLE}, otherwise the kubeconfig's token."
        ),
    ] = None,
) -> None:
    """Show the timeline: what ran, when it was due, how late it started, how long it took and how it ended.

    The newest run stands at the bottom. With -f it goes on until Ctrl-C: rows change in place on a terminal, and each
    change is a line of its own in a file or a pipe. --output json writes the API's own rows, one a line.
    """
    if namespace is not None and all_namespaces:
        raise typer.BadParameter("give --namespace or --all-namespaces, not both")
    if not all_namespaces and namespace is None:
        namespace = kubectl.current_namespace()
    began = datetime.now(UTC)
    wanted = Wanted(namespace, task, None if since is None else began - parse_duration(since))
    access = find_access(url, token_file)
    zone = UTC if utc else began.astimezone().tzinfo or UTC
    shown = columns(began.astimezone(zone).tzname() or "UTC", all_namespaces, output is Format.WIDE)
    if not following:
        ledger = Ledger()
        last_runs(access, wanted, limit, ledger)
        _print(ledger.latest(limit), output, shown, Setting(zone, began))
        return
    try:
        _follow(access, wanted, limit, output, shown, lambda: Setting(zone, datetime.now(UTC)))
    except KeyboardInterrupt:
        # The only way to end it, so it is no error.
        return


def parse_duration(text: str) -> timedelta:
    """Return the span of time that `text` says in d, h, m and s.

    Raises:
        BadInput: it says none.
    """
    match = re.fullmatch(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,7})m)?(?:(\d{1,8})s)?", text.strip())
    if match is None or not any(match.groups()):
        raise BadInput(f"--since is {text!r}; write a number with d, h, m or s, such as 30m or 1h30m")
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _print(runs: Sequence[Run], output: Format, shown: Sequence[Column], setting: Setting) -> None:
    console = Console()
    if output is Format.JSON:
        _print_json(runs)
    elif not runs:
        typer.echo("No runs yet.", err=True)
    elif console.is_terminal:
        console.print(rich_table(runs, shown, setting))
    else:
        typer.echo("\n".join(plain_lines(runs, shown, setting)))


def _print_json(runs: Sequence[Run]) -> None:
    for run in runs:
        typer.echo(json.dumps(run.attributes, ensure_ascii=False))
    sys.stdout.flush()


def _follow(
    access: Access,
    wanted: Wanted,
    limit: int,
    output: Format,
    shown: Sequence[Column],
    setting: Callable[[], Setting],
) -> None:
    ledger, console = Ledger(), Console()
    stream = Stream(access, wanted, POLL_SECONDS)
    stream.start()
    news_for_ever = follow(access, wanted, limit, ledger, stream.wait)
    if output is Format.JSON or not console.is_terminal:
        said = ""
        is_first = True
        for news in news_for_ever:
            if news.problem and news.problem != said:
                typer.echo(f"warning: {news.problem}; trying again", err=True)
            said = news.problem
            if output is Format.JSON:
                _print_json(news.changed)
            elif news.changed:
                typer.echo("\n".join(plain_lines(news.changed, shown, setting(), heading=is_first)))
                is_first = False
                sys.stdout.flush()
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for news in news_for_ever:
            room = max(1, console.height - LINES_AROUND_TABLE)
            caption = f"{news.problem}; trying again" if news.problem else "Following; Ctrl-C ends it."
            live.update(rich_table(ledger.latest(min(limit, room)), shown, setting(), caption), refresh=True)
