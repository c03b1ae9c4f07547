"""A pod as the runner sees it: environment, downward-API files, termination message; the runner is a real process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSONObject
from cronwright.run.document import RunDocument, dump_document
from cronwright.run.ids import job_name
from cronwright.run.termination import Termination, load_termination
from cronwright.task import Retry

RUNNER = Path(sys.executable).with_name("cronwright-runner")
EXTENSION = Path(__file__).with_name("extension")
TASK_UID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
JOB_UID = "2b4f6c1e-54f3-4f0e-8d0e-9d1c6c2a7f11"
PATIENCE_SECONDS = 60
"""For a runner that should have ended by itself; a failing test says so instead of hanging."""

DOCUMENT = RunDocument(
    namespace="shop",
    resource_name="mail-sync",
    uid=TASK_UID,
    name="mail_sync",
    label="Sync the mail",
    plan="cron",
    schedule="* * * * *",
    time_zone="Etc/UTC",
    action_name="echo",
    entity_name="mailbox",
    attributes={},
    as_user_email="ada@example.com",
    starting_deadline_seconds=120,
    timeout_seconds=30,
    retry=Retry(),
)


@dataclass(frozen=True)
class Ended:
    """What a runner left: `seconds` is how long it ran, `termination` its message, parsed, or None where it is none."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    termination: Termination | None
    termination_text: str


class Pod:
    """A pod for one run, by default of a per-minute Task in this very minute."""

    def __init__(self, directory: Path, api_url: str | None) -> None:
        self.directory = directory
        self.document = DOCUMENT
        self.this_minute = datetime.now(UTC).replace(second=0, microsecond=0)
        self.write("job-name", job_name("mail-sync", self.this_minute))
        self.write("job-uid", JOB_UID)
        self.write("token", "a-projected-token\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(EXTENSION),
            "POD_NAME": "mail-sync-29000000-abcde",
            "POD_UID": "0c2f2a9e-7f2a-4d63-9a44-3f7f0d8c0001",
            "NODE_NAME": "node-1",
            "CRONWRIGHT_DOCUMENT_PATH": str(directory / "task"),
            "CRONWRIGHT_JOB_NAME_PATH": str(directory / "job-name"),
            "CRONWRIGHT_JOB_UID_PATH": str(directory / "job-uid"),
            "CRONWRIGHT_SCHEDULED_TIME_PATH": str(directory / "scheduled-time"),
            "CRONWRIGHT_TOKEN_PATH": str(directory / "token"),
            "CRONWRIGHT_TERMINATION_PATH": str(directory / "termination-log"),
        }
        if api_url is not None:
            self.environment["CRONWRIGHT_API_URL"] = api_url
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def write(self, name: str, text: str) -> None:
        """Write a file of the pod."""
        (self.directory / name).write_text(text, encoding="utf-8")

    def path(self, name: str) -> str:
        """Return the path of a file of the pod, for attributes."""
        return str(self.directory / name)

    def runs(self, action: str, attributes: JSONObject | None = None, **fields: Any) -> Self:
        """Set what the Task runs, and other `fields` of the run document."""
        self.document = self.document._replace(action_name=action, attributes=attributes or {}, **fields)
        return self

    def late(self, by: timedelta) -> None:
        """Make it the Job of a fire time that is long past."""
        self.write("job-name", job_name("mail-sync", self.this_minute - by))

    def asked_for(self, time: datetime) -> None:
        """Make it a Job that a person asked for, for the scheduled time `time`."""
        self.write("scheduled-time", format_seconds(time))

    def start(self) -> Self:
        """Start the runner."""
        if not (self.directory / "task").exists():
            self.write("task", dump_document(self.document))
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [RUNNER], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def terminate(self) -> None:
        """Send SIGTERM, as the kubelet does to PID 1."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def end(self) -> Ended:
        """Wait until the runner has ended and return what it left."""
        assert self._process is not None
        stdout, stderr = self._process.communicate(timeout=PATIENCE_SECONDS)
        message = self.directory / "termination-log"
        text = message.read_text(encoding="utf-8") if message.exists() else ""
        seconds = time.monotonic() - self._started
        return Ended(self._process.returncode, stdout, stderr, seconds, load_termination(text), text)

    def run(self) -> Ended:
        """Start the runner, wait for its end and return what it left."""
        return self.start().end()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as `condition` holds; fail with `what` where it never does."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"never seen: {what}"
        time.sleep(0.01)
