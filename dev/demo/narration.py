"""What the demo says: what it is doing and why, the commands that it gives as a person would, and their output."""

import shlex
from collections.abc import Sequence

from rich.console import Console

console = Console(highlight=False)


def chapter(title: str, sentence: str = "") -> None:
    """Begin a part of the demo."""
    console.print()
    console.rule(f"[bold]{title}[/bold]", align="left", style="dim")
    if sentence:
        say(sentence)


def say(sentence: str) -> None:
    """Say a sentence."""
    console.print(sentence, markup=False, soft_wrap=True)


def show_command(*parts: Sequence[str]) -> None:
    """Show a command line as it is given; several parts are joined by pipes."""
    line = " | ".join(shlex.join(part) for part in parts)
    console.print(f"$ {line}", style="bold cyan", markup=False, soft_wrap=True)


def show_output(text: str) -> None:
    """Show what a command printed."""
    if text.strip():
        console.print(text.rstrip("\n"), markup=False, soft_wrap=True)


def verdict(is_good: bool, sentence: str) -> None:
    """Say whether an expectation was met."""
    symbol, style = ("✔", "green") if is_good else ("✘", "bold red")
    console.print(f"[{style}]{symbol}[/{style}] ", end="")
    console.print(sentence, markup=False, soft_wrap=True)
