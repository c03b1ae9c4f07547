"""Runs other programs and turns their failure into a sentence with the end of what they printed.

Only programs that end by themselves; those that stay are started in `processes`.
"""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from progress import Failure

TAIL_LINES = 15
HOPELESS_SECONDS = 1.0


def run(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    nice: bool = False,
) -> str:
    """Runs a program to its end and returns what it printed on stdout ("" when it went to `log`).

    `env` is added to this process' environment; `timeout` is in seconds; `nice` is for long work on a shared machine.
    Raises Failure with the last lines of the program's output when it fails, is missing or takes too long.
    """
    command = [str(part) for part in argv]
    if nice:
        command = ["nice", "-n", "5", *command]
    shown = _shown(argv)
    try:
        if log is None:
            done = subprocess.run(
                command,
                env=_environment(env),
                cwd=cwd,
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
            output, printed = done.stdout, done.stderr or done.stdout
        else:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("w") as out:
                done = subprocess.run(
                    command,
                    env=_environment(env),
                    cwd=cwd,
                    input=stdin,
                    stdin=subprocess.DEVNULL if stdin is None else None,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    text=True,
                    timeout=timeout,
                )
            output, printed = "", log.read_text(errors="replace")
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} is not on this machine: install it, or put it on the PATH.") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"`{shown}` took more than {timeout:.0f} s and was ended.") from error
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in printed.strip().splitlines()[-TAIL_LINES:])
        where = f" (all of it: {log})" if log else ""
        raise Failure(f"`{shown}` ended with code {done.returncode}{where}:\n{tail}")
    return output


def succeeds(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, timeout: float = 30) -> bool:
    """Whether a program is there, ends within `timeout` seconds and says yes; for questions, not for work."""
    try:
        done = subprocess.run(
            [str(part) for part in argv],
            env=_environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def wait_until(
    true: Callable[[], bool],
    what: str,
    seconds: float,
    log: Path | None = None,
    hopeless: Callable[[], bool] = lambda: False,
) -> None:
    """Asks every tenth of a second. Raises Failure, with the end of `log`, after `seconds` or once it is hopeless.

    Hopeless is what was so at every look for a whole second: /proc shows no environment of a process while it executes
    another program, so a single look can miss one that lives.
    """
    deadline = time.monotonic() + seconds
    last_hope = time.monotonic()
    while not true():
        now = time.monotonic()
        if not hopeless():
            last_hope = now
        given_up = now - last_hope > HOPELESS_SECONDS
        if given_up or now > deadline:
            tail = ""
            if log is not None and log.exists():
                lines = log.read_text(errors="replace").strip().splitlines()[-TAIL_LINES:]
                tail = f" The end of {log}:\n" + "\n".join(f"    {line}" for line in lines)
            waited = f"Waited for {what}, and it ended" if given_up else f"Waited {seconds:.0f} s for {what}, in vain"
            raise Failure(f"{waited}.{tail}")
        time.sleep(0.1)


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _shown(argv: Sequence[str | Path]) -> str:
    text = " ".join(str(part) for part in argv)
    return text if len(text) <= 160 else text[:157] + "..."
