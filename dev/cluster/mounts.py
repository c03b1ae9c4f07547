"""Finds and undoes what is mounted below a folder of ours."""

import os
from pathlib import Path

import commands


def below(folder: Path, mountinfo: str) -> list[Path]:
    """The mount points in or below `folder`, the innermost first, from the text of /proc/self/mountinfo."""
    points = [Path(_unescaped(line.split()[4])) for line in mountinfo.splitlines() if line]
    # Several mounts on one point are listed, and undone, once each; later ones lie on top of earlier ones.
    return [point for point in reversed(points) if point.is_relative_to(folder)]


def unmount_below(folder: Path) -> None:
    """Unmounts everything in or below `folder`; what is busy goes as soon as nobody uses it."""
    real = Path(os.path.realpath(folder))
    for point in below(real, Path("/proc/self/mountinfo").read_text()):
        if not commands.succeeds(["umount", point]):
            commands.run(["umount", "--lazy", point])


def _unescaped(field: str) -> str:
    # proc(5): space, tab, newline and backslash are written as three octal digits.
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
