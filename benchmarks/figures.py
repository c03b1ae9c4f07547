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


def table(figures: Sequence[Figure]) -> str:
    """Return `figures` as a Markdown table."""
    rows = [("figure", "measured", "goal", "met"), ("---", "---", "---", "---")]
    rows += [(figure.name, figure.measured, figure.goal, _verdict(figure)) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width, "-" if cell == "---" else " ") for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )


def write(document: Path, machine: str, figures: Sequence[Figure]) -> None:
    """Put the figures between the marks of `document`; the words around them stay."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\nMachine: {machine}.\n\n{table(figures)}\n{END}{after}")


def _verdict(figure: Figure) -> str:
    return "" if figure.met is None else "yes" if figure.met else "**no**"
