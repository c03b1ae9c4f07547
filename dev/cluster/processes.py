"""Programs that stay: started, found again and ended without ever trusting a process id that was written down.

Each carries two environment variables: the folder it was started for, and its name with a digest of how it was started.
/proc shows them for as long as it lives, they pass to its children (containerd's shims among them), and nobody else has
them. So a start that was killed half-way leaves nothing that can't be found, and an id that was given to another
process meanwhile is never taken for ours: a signal goes through a pidfd, opened before the variables are looked at.
"""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import cache

OWNER = "CRONWRIGHT_PROCESS_OF"
IDENTITY = "CRONWRIGHT_PROCESS"
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Program:
    """How one program is started. `inputs` are what it reads at its start: when they change, it is started anew."""

    name: str
    argv: tuple[str, ...]
    prefix: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()

    def identity(self) -> str:
        how = [*self.prefix, "--", *self.argv, "--", *(f"{k}={v}" for k, v in self.env), "--", *self.inputs]
        return f"{self.name}/{cache.digest(how)}"


def is_running(owner: Path, program: Program) -> bool:
    """Whether this very program, started in this very way, runs."""
    return any(identity == program.identity() for _, identity in _owned(owner))


def all_run(owner: Path, programs: Iterable[Program]) -> bool:
    """Whether every one of these programs, started in these very ways, runs."""
    found = {identity for _, identity in _owned(owner)}
    return all(program.identity() in found for program in programs)


def ensure(owner: Path, program: Program, log: Path) -> bool:
    """Starts the program unless it runs already; ends it first where it runs in another way. True if it was started."""
    if is_running(owner, program):
        return False
    end(owner, program.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as out:
        subprocess.Popen(
            [*program.prefix, *program.argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=owner,
            env={**_clean_environment(), **dict(program.env), OWNER: str(owner), IDENTITY: program.identity()},
        )
    return True


def end(owner: Path, name: str | None = None, patience: float = PATIENCE_SECONDS) -> int:
    """Ends the owner's program of that name and its children, or all of the owner's; returns how many there were."""

    def pids() -> set[int]:
        return {pid for pid, identity in _owned(owner) if name is None or _name(identity) == name}

    return _end_all(pids, patience)


def end_in_cgroup(cgroup: str, patience: float = 0.0) -> int:
    """Ends every process below a control group of ours: what ran in the pods of a cluster that is gone."""
    return _end_all(lambda: set(_in_cgroup(cgroup)), patience)


def running(owner: Path) -> dict[str, int]:
    """The owner's programs by name, each with its first process id."""
    found: dict[str, int] = {}
    for pid, identity in sorted(_owned(owner)):
        found.setdefault(_name(identity), pid)
    return found


def _end_all(pids: Callable[[], set[int]], patience: float) -> int:
    ended: set[int] = set()
    sent = signal.SIGTERM if patience > 0 else signal.SIGKILL
    deadline = time.monotonic() + patience
    while alive := pids():
        fresh = alive - ended
        late = time.monotonic() > deadline
        for pid in alive if late else fresh:
            with _handle(pid) as handle:
                if handle is not None and pid in pids():
                    # it may end by itself between the look and the signal
                    with suppress(ProcessLookupError):
                        signal.pidfd_send_signal(handle, signal.SIGKILL if late else sent)
        ended |= alive
        _wait_for_one(alive, 0.2)
    return len(ended)


def _wait_for_one(pids: set[int], seconds: float) -> None:
    """Returns as soon as one of the processes has ended, or after `seconds`."""
    for pid in pids:
        with _handle(pid) as handle:
            if handle is not None:
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                poll.poll(seconds * 1000)
        return


@contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _owned(owner: Path) -> Iterator[tuple[int, str]]:
    marker = f"{OWNER}={owner}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        variables = _read(folder / "environ").split(b"\0")
        if marker in variables and not _is_dead(folder):
            for variable in variables:
                if variable.startswith(f"{IDENTITY}=".encode()):
                    yield int(folder.name), variable.decode().partition("=")[2]


def _in_cgroup(cgroup: str) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            lines = _read(folder / "cgroup").decode(errors="replace").splitlines()
            groups = [line.split(":", 2)[2] for line in lines if line.count(":") >= 2]
            if any(group == cgroup or group.startswith(cgroup + "/") for group in groups) and not _is_dead(folder):
                yield int(folder.name)


def _is_dead(folder: Path) -> bool:
    # A process that has ended but wasn't waited for by its parent (state Z) can't be ended any further.
    state = _read(folder / "stat").rpartition(b")")[2].split()
    return not state or state[0] in (b"Z", b"X")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # it ended while we looked, or is somebody else's


def _name(identity: str) -> str:
    return identity.rpartition("/")[0]


def _clean_environment() -> Mapping[str, str]:
    # A daemon keeps nothing of the shell it happened to be started from but what programs need to find their way.
    kept = ("PATH", "HOME", "LANG", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
    return {name: value for name, value in os.environ.items() if name.upper() in kept}
