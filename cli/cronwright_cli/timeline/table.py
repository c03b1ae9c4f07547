"""The timeline as a table: coloured and as wide as the terminal, or as plain aligned lines for a file or a pipe."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from cronwright_cli.timeline.cells import Column, Setting, look_of
from cronwright_cli.timeline.run import Run

_GAP = 2
"""Spaces between columns."""


def rich_table(runs: Sequence[Run], columns: Sequence[Column], setting: Setting, caption: str = "") -> Table:
    """Return `runs` in their order as a table of rich; long messages wrap, other cells are never cut."""
    table = Table(box=box.SIMPLE_HEAD, caption=caption or None, caption_justify="left", pad_edge=False, expand=True)
    for column in columns:
        is_message = column.heading == "MESSAGE"
        table.add_column(
            column.heading,
            justify="right" if column.is_number else "left",
            no_wrap=not is_message,
            overflow="fold" if is_message else "ellipsis",
            ratio=1 if is_message else None,
        )
    for run in runs:
        table.add_row(*(_cell(run, column, setting) for column in columns))
    return table


def _cell(run: Run, column: Column, setting: Setting) -> Text:
    text = column.text(run, setting)
    look = look_of(run)
    if column.heading == "OUTCOME":
        return Text(f"{look.symbol} {text}", style=look.style)
    if column.heading == "REASON":
        return Text(text, style=look.style)
    return Text(text, style="dim" if column.heading in ("TRIGGER", "SCHEDULED") else "")


def plain_lines(runs: Sequence[Run], columns: Sequence[Column], setting: Setting, heading: bool = True) -> list[str]:
    """Return `runs` as lines with aligned columns; a longer cell pushes the rest of its line, and nothing is cut."""
    rows = [[_plain(run, column, setting) for column in columns] for run in runs]
    widths = [
        max([column.width, len(column.heading), *(len(row[index]) for row in rows)])
        for index, column in enumerate(columns)
    ]
    if heading:
        rows.insert(0, [column.heading for column in columns])
    return [_line(row, columns, widths) for row in rows]


def _plain(run: Run, column: Column, setting: Setting) -> str:
    text = column.text(run, setting)
    return f"{look_of(run).ascii} {text}" if column.heading == "OUTCOME" else text or "-"


def _line(row: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    cells = (
        text.rjust(width) if column.is_number else text.ljust(width)
        for text, column, width in zip(row, columns, widths, strict=True)
    )
    return (" " * _GAP).join(cells).rstrip()
