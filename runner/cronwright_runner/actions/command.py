"""The action `command`: a program in the runner's image, started without a shell.

Reads the attributes, starts the program and says how it ended. What it prints goes to the pod's log by itself.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from cronwright.instants import format_instant
from cronwright.jsontypes import JSON, JSONObject
from cronwright_runner.attempt import signal_name
from cronwright_runner.attributes import Attributes
from cronwright_runner.context import Context
from cronwright_runner.errors import ActionError, InvalidAttributes, Stopped

IMPORTED_WHEN_RUN = ("subprocess",)
_OURS = "CRONWRIGHT_"
"""The prefix of the runner's own variables: a command gets those that describe its run, and none of the settings."""
_ARGV_REMEDY = 'write a list of strings such as ["tar", "-czf", "/backup/db.tgz", "/data"]'


class Command(NamedTuple):
    """A program with its arguments, what it finds in its environment beside the pod's, and where it works."""

    argv: Sequence[str]
    env: Mapping[str, str]
    working_dir: str | None


def run(context: Context) -> JSON:
    """Run a program of this image, without a shell."""
    command = read_command(context.attributes)
    # Here and not above, since the action has started by now
    import subprocess

    if command.working_dir is not None and not Path(command.working_dir).is_dir():
        raise ActionError(
            f"there is no directory {command.working_dir} to work in; "
            "make it in the image, or mount it by the Task's template"
        )
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            command.argv,
            env=environment(context, command, os.environ),
            cwd=command.working_dir,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        raise ActionError(
            f"there is no program {command.argv[0]} in this image; PATH is {os.environ.get('PATH', 'empty')}"
        ) from error
    except OSError as error:
        raise ActionError(f"{command.argv[0]} can't be started: {error.strerror}") from error
    try:
        exit_code = process.wait()
    except Stopped:
        # The program is in our process group, so it was told to end, too, and has until SIGKILL to do it in order
        process.wait()
        return None
    if exit_code < 0:
        raise ActionError(f"{command.argv[0]} was killed by {signal_name(-exit_code)}")
    if exit_code > 0:
        raise ActionError(f"{command.argv[0]} ended with exit code {exit_code}")
    return {"exitCode": 0, "elapsedMs": round((time.monotonic() - started) * 1000)}


def read_command(attributes: JSONObject) -> Command:
    """Return the command in `attributes`.

    Raises:
        InvalidAttributes: one of them is wrong.
    """
    fields = Attributes(attributes, "command", "env", "workingDir")
    argv = fields.required("command", _ARGV_REMEDY)
    if isinstance(argv, str):
        raise InvalidAttributes(
            "command", argv, f"no shell reads it, so write its words as a list, or {json.dumps(['sh', '-c', argv])}"
        )
    if not isinstance(argv, Sequence) or not argv:
        raise InvalidAttributes("command", argv, _ARGV_REMEDY)
    for index, word in enumerate(argv):
        if not isinstance(word, str):
            raise InvalidAttributes(f"command[{index}]", word, "write each argument as a string, in quotes")
        if "\x00" in word:
            raise InvalidAttributes(
                f"command[{index}]", word, "leave out the NUL character, which no argument can hold"
            )
    if not argv[0]:
        raise InvalidAttributes("command[0]", argv[0], "write the program's name or path")
    env = fields.texts("env", 'write an object of strings such as {"LANG": "C.UTF-8"}')
    for name, value in env.items():
        if not name or "=" in name or "\x00" in name:
            raise InvalidAttributes("env", name, "name a variable with letters, digits and _")
        if name.startswith(_OURS):
            raise InvalidAttributes(f"env.{name}", value, f"choose a name that doesn't begin with {_OURS}")
        if "\x00" in value:
            raise InvalidAttributes(f"env.{name}", value, "leave out the NUL character, which no variable can hold")
    working_dir = fields.text("workingDir", "write a path such as /data")
    if working_dir is not None and not working_dir.startswith("/"):
        raise InvalidAttributes("workingDir", working_dir, "write an absolute path, which begins with /")
    return Command(cast(Sequence[str], argv), env, working_dir)


def environment(context: Context, command: Command, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the program's environment: the pod's without the settings, what describes the run, and the command's."""
    about = {
        "TASK": context.task,
        "NAMESPACE": context.namespace,
        "ENTITY": context.entity,
        "RUN_ID": context.idempotency_key,
        "ATTEMPT": str(context.attempt),
        "SCHEDULED_TIME": "" if context.scheduled_time is None else format_instant(context.scheduled_time),
        "DEADLINE": format_instant(context.deadline),
        "AS_USER": context.user or "",
    }
    return (
        {name: value for name, value in inherited.items() if not name.startswith(_OURS)}
        | {_OURS + name: value for name, value in about.items()}
        | dict(command.env)
    )
