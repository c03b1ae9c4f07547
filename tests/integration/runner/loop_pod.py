"""The pod of a loop's window: ticker and runner as two real processes that share a directory, and what befalls them."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from cronwright.instants import format_seconds
from cronwright.jsontypes import JSONObject
from cronwright.plan.windows import Ownership, windows_of
from cronwright.retry import Retry
from cronwright.run.document import Loop, RunDocument, dump_document
from cronwright.run.end import EndRequest, dump_end
from cronwright.run.ids import job_name
from cronwright.run.merging import Merged
from cronwright.run.termination import load_undelivered

from .pod import EXTENSION, JOB_UID, PATIENCE_SECONDS, TASK_UID

HOUR = 3600

DOCUMENT = RunDocument(
    namespace="shop",
    resource_name="poll",
    uid=TASK_UID,
    name="poll",
    label="Poll the queue",
    plan="loop",
    schedule="@every 1s",
    time_zone="Etc/UTC",
    action_name="notes",
    entity_name="queue",
    attributes={},
    as_user_email="ada@example.com",
    starting_deadline_seconds=60,
    timeout_seconds=30,
    retry=Retry(),
    loop=Loop(HOUR, "Forbid"),
)


class Program:
    """One of the two programs, whose output goes to files; it may be started again when it has ended."""

    def __init__(self, name: str, directory: Path, environment: dict[str, str]) -> None:
        self.name = name
        self._directory = directory / name
        self._directory.mkdir()
        self._environment = {
            **environment,
            "CRONWRIGHT_TERMINATION_PATH": str(self._directory / "termination-log"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Start it."""
        program = Path(sys.executable).with_name(f"cronwright-{self.name}")
        with self._file("stdout").open("ab") as stdout, self._file("stderr").open("ab") as stderr:
            self._process = subprocess.Popen(
                [program], env={**self._environment, **environment}, stdout=stdout, stderr=stderr
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def ended(self) -> bool:
        """Return whether it has ended."""
        return self._process is None or self._process.poll() is not None

    def wait(self) -> int:
        """Wait until it has ended and return its exit code."""
        assert self._process is not None
        return self._process.wait(PATIENCE_SECONDS)

    def stop(self) -> int:
        """End it as the kubelet does, by SIGTERM, and return its exit code."""
        self.send(signal.SIGTERM)
        return self.wait()

    def children(self) -> list[int]:
        """Return its child processes."""
        listing = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in listing.read_text(encoding="ascii").split()]

    @property
    def stdout(self) -> str:
        """What it has printed."""
        return self._file("stdout").read_text(encoding="utf-8")

    @property
    def stderr(self) -> str:
        """What it has printed on standard error."""
        return self._file("stderr").read_text(encoding="utf-8")

    @property
    def termination(self) -> str:
        """The termination message that it has left."""
        path = self._directory / "termination-log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _file(self, name: str) -> Path:
        return self._directory / name


class LoopPod:
    """A pod for a window of a loop, by default an hour's that has begun with the plan, a moment ago."""

    def __init__(self, directory: Path, api_url: str | None) -> None:
        self.directory = directory
        self.document = DOCUMENT
        self.plan_start = datetime.now(UTC).replace(microsecond=0)
        (directory / "shared").mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(EXTENSION),
            "POD_NAME": "poll-29000000-abcde",
            "POD_UID": "0c2f2a9e-7f2a-4d63-9a44-3f7f0d8c0001",
            "NODE_NAME": "node-1",
            "CRONWRIGHT_DOCUMENT_PATH": str(directory / "task"),
            "CRONWRIGHT_JOB_NAME_PATH": str(directory / "job-name"),
            "CRONWRIGHT_JOB_UID_PATH": str(directory / "job-uid"),
            "CRONWRIGHT_SCHEDULED_TIME_PATH": str(directory / "scheduled-time"),
            "CRONWRIGHT_TOKEN_PATH": str(directory / "token"),
            "CRONWRIGHT_LOOP_START_PATH": str(directory / "loop-start"),
            "CRONWRIGHT_END_PATH": str(directory / "end"),
            "CRONWRIGHT_LOOP_DIRECTORY": str(directory / "shared"),
        }
        if api_url is not None:
            environment["CRONWRIGHT_API_URL"] = api_url
        self.ticker, self.runner = Program("ticker", directory, environment), Program("runner", directory, environment)
        self.write("job-uid", JOB_UID)
        self.write("token", "a-projected-token\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in (self.runner, self.ticker):
            if not program.ended():
                program.kill()

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

    def allows(self) -> Self:
        """Let runs overlap."""
        self.document = self.document._replace(loop=Loop(self._length, "Allow"))
        return self

    @property
    def _length(self) -> int:
        assert self.document.loop is not None
        return self.document.loop.window_seconds

    @property
    def opened(self) -> datetime:
        """When the window opened."""
        return windows_of(self.document.uid, self._length).opened_at_or_before(self.plan_start)

    @property
    def owned(self) -> Ownership:
        """The ticks of the pod."""
        return windows_of(self.document.uid, self._length).owned(self.opened, self.plan_start)

    def ends_soon(self) -> Self:
        """Choose the Task's uid and the length of its windows so that one ends in between 3 and 20 seconds.

        The uid says at which minutes windows open, the length how long after that they end.
        """
        now = datetime.now(UTC)
        loop = self.document.loop
        assert loop is not None
        for length, number in product((60, 120, 180, 240), range(1, 50)):
            uid = str(UUID(int=number))
            windows = windows_of(uid, length)
            opened = windows.opened_at_or_before(now)
            for opening in (opened, opened - timedelta(seconds=length)):
                start = opening + timedelta(seconds=1)
                if timedelta(seconds=3) < windows.owned(opening, start).end - now <= timedelta(seconds=20):
                    self.plan_start = start
                    self.document = self.document._replace(uid=uid, loop=loop._replace(window_seconds=length))
                    return self
        raise AssertionError("each quarter of a minute is the end of some window")

    def start_ticker(self) -> None:
        """Start the ticker."""
        self.write_files()
        self.ticker.start()

    def write_files(self) -> None:
        """Write the files as the kubelet does."""
        if not (self.directory / "task").exists():
            attributes = {"notes": self.path("notes"), **self.document.attributes}
            if self.document.action_name == "notes":
                self.document = self.document._replace(attributes=attributes)
            self.write("task", dump_document(self.document))
            if not (self.directory / "job-name").exists():
                self.write("job-name", job_name(self.document.resource_name, self.opened))
            self.write("loop-start", format_seconds(self.plan_start))

    def start(self) -> Self:
        """Start both."""
        self.start_ticker()
        self.runner.start()
        return self

    def ask_to_end(self, request: EndRequest) -> None:
        """Write the request to end, as a new file in the place of the one before, which is how the kubelet does it."""
        self.write("end~", dump_end(request))
        (self.directory / "end~").rename(self.directory / "end")

    def end(self) -> int:
        """Wait for the runner's end, end the ticker as the kubelet then does, and return the runner's exit code."""
        code = self.runner.wait()
        assert self.ticker.stop() == 0
        return code

    def undelivered(self) -> list[Merged]:
        """Return what the ticker has left in its termination message."""
        return load_undelivered(self.ticker.termination)

    def notes(self) -> list[dict[str, Any]]:
        """Return what the runs of the action `notes` have noted."""
        path = self.directory / "notes"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
