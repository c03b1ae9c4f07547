"""What a benchmark hands back, and how it is shown: as a table in the terminal and in docs/performance.md."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number beside its goal. `met` is None where there is no goal: the number explains another."""

    name: str
    measured: str
    goal: str = ""
    met: bool | None = None


Row = tuple[str, str, str, str]
HEADING: tuple[Row, Row] = (("figure", "measured", "goal", "met"), ("---", "---", "---", "---"))


def table(figures: Sequence[Figure]) -> str:
    """Return `figures` as a Markdown table."""
    return _table([_row(figure) for figure in figures])


def write(document: Path, machine: str, figures: Sequence[Figure]) -> None:
    """Put the figures between the marks of `document`; the words around them stay."""
    _put(document, machine, [_row(figure) for figure in figures])


def write_over(document: Path, machine: str, figures: Sequence[Figure]) -> None:
    """Put the figures where `document` has rows of their names, and the others at its table's end; other rows stay."""
    _, _, made = _parts(document)
    lines = [line for line in made.splitlines() if line.startswith("|")][len(HEADING) :]
    rows = {cells[0]: cells for cells in map(_cells, lines)}
    _put(document, machine, list((rows | {figure.name: _row(figure) for figure in figures}).values()))


def _put(document: Path, machine: str, rows: Sequence[Row]) -> None:
    before, after, _ = _parts(document)
    document.write_text(f"{before}{BEGIN}\nMachine: {machine}.\n\n{_table(rows)}\n{END}{after}")


def _parts(document: Path) -> tuple[str, str, str]:
    """Return what stands before the marks, behind them and between them."""
    before, _, rest = document.read_text().partition(BEGIN)
    between, _, after = rest.partition(END)
    return before, after, between


def _table(rows: Sequence[Row]) -> str:
    lines = [*HEADING, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width, "-" if cell == "---" else " ") for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def _row(figure: Figure) -> Row:
    verdict = "" if figure.met is None else "yes" if figure.met else "**no**"
    return figure.name, figure.measured, figure.goal, verdict


def _cells(line: str) -> Row:
    name, measured, goal, met = (cell.strip() for cell in line.strip("|").split("|"))
    return name, measured, goal, met
