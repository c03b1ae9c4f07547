"""Actions as someone else's package brings them, each with one way to end. The runner finds them by their dist-info."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import cast

from cronwright.instants import format_instant
from cronwright.jsontypes import JSON
from cronwright_runner.context import Context
from cronwright_runner.errors import ActionError, InvalidAttributes


def echo(context: Context) -> JSON:
    """Return what the context says."""
    context.logger.info("echoing for %s", context.task)
    return {
        "task": context.task,
        "namespace": context.namespace,
        "entity": context.entity,
        "attributes": context.attributes,
        "user": context.user,
        "scheduled_time": "" if context.scheduled_time is None else format_instant(context.scheduled_time),
        "deadline": format_instant(context.deadline),
        "attempt": context.attempt,
        "idempotency_key": context.idempotency_key,
        "connections": dict(context.connections),
    }


def digest(context: Context) -> JSON:
    """Return a digest of the attributes."""
    return {"sha256": sha256(json.dumps(context.attributes, sort_keys=True).encode()).hexdigest()}


def returns(context: Context) -> JSON:
    """Return the attribute `value`, or as many letters as `letters` says."""
    if "letters" in context.attributes:
        return "x" * cast(int, context.attributes["letters"])
    return context.attributes["value"]


def returns_set(context: Context) -> object:
    """Return something that JSON has no form for."""
    return {"rows": {1, 2, 3}}


def fails(context: Context) -> None:
    """Raise an error that nobody foresaw."""
    raise RuntimeError("the table is locked")


def fails_as_foreseen(context: Context) -> None:
    """Raise an error with a message for a person."""
    raise ActionError("the mailbox answers LOGIN with NO")


def fails_first(context: Context) -> JSON:
    """Fail until the attempt that the attribute `until` names."""
    if context.attempt < cast(int, context.attributes["until"]):
        raise ActionError(f"not at attempt {context.attempt}")
    return {"attempt": context.attempt}


def refuses_attributes(context: Context) -> None:
    """Take no attribute `rows` but a number."""
    raise InvalidAttributes("rows", context.attributes.get("rows"), "write a number")


def exits(context: Context) -> None:
    """End as a program does."""
    sys.exit(cast(int, context.attributes["code"]))


def vanishes(context: Context) -> None:
    """End the process without a word."""
    os._exit(3)


def dies_of(context: Context) -> None:
    """Send a signal to its own process."""
    os.kill(os.getpid(), signal.Signals[cast(str, context.attributes["signal"])])


def hangs(context: Context) -> None:
    """Wait for ever, and clean up when stopped."""
    Path(cast(str, context.attributes["started"])).touch()
    try:
        time.sleep(3600)
    finally:
        print("cleaned up", flush=True)


def hangs_deaf(context: Context) -> None:
    """Wait for ever, deaf to SIGTERM, with a child that is deaf, too."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sh", "-c", "trap '' TERM; while :; do sleep 3600; done"])
    _write(context, "pids", f"{os.getpid()} {child.pid}")
    time.sleep(3600)


def leaves_processes(context: Context) -> None:
    """Start a process in its group and one in a session of its own, and end."""
    here = subprocess.Popen(["sleep", "3600"])
    away = subprocess.Popen(["sleep", "3600"], start_new_session=True)
    _write(context, "pids", f"{here.pid} {away.pid}")


def sees_orphan_reaped(context: Context) -> JSON:
    """Make an orphan, end it, and wait until the runner, whose child it has become, has taken its exit status."""
    script = "sleep 3600 >/dev/null 2>&1 & echo $!"
    orphan = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    status = Path("/proc", orphan, "status").read_text(encoding="utf-8")
    os.kill(int(orphan), signal.SIGKILL)
    until = time.monotonic() + 20
    while Path("/proc", orphan).exists():
        if time.monotonic() > until:
            raise ActionError(f"process {orphan} is still a zombie")
    return {"child of the runner": f"PPid:\t{os.getppid()}\n" in status, "reaped": True}


def prints(context: Context) -> None:
    """Print what the attributes say on both outputs, without a buffer."""
    for text in cast(list[str], context.attributes.get("lines", [])):
        os.write(1, text.encode())
    os.write(2, cast(str, context.attributes.get("error", "")).encode())


def notes(context: Context) -> JSON:
    """Note when it starts for which time, in the file `notes`, take as many `seconds` as it says, and print a line."""
    at = datetime.now(UTC)
    tick = "" if context.scheduled_time is None else format_instant(context.scheduled_time)
    note = {"tick": tick, "attempt": context.attempt, "at": format_instant(at), "pid": os.getpid()}
    with Path(cast(str, context.attributes["notes"])).open("a", encoding="utf-8") as file:
        file.write(json.dumps(note) + "\n")
    if "seconds" in context.attributes:
        time.sleep(cast(float, context.attributes["seconds"]))
    print(f"noted {tick}", flush=True)
    return {"noted": tick}


def _write(context: Context, attribute: str, text: str) -> None:
    # By a rename, so that who waits for the file finds it whole
    path = Path(cast(str, context.attributes[attribute]))
    path.with_suffix(".new").write_text(text, encoding="utf-8")
    path.with_suffix(".new").rename(path)
