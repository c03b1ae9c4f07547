"""A PostgreSQL server of the tests' own: Debian's programs, a folder and a port that nobody else has, and no root."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

PROGRAMS = Path("/usr/lib/postgresql")
USER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package makes this user."""
PASSWORD = "no-secret-but-looked-for-in-logs"
START_SECONDS = 60
"""Far more than a start takes, for a machine that does much else."""

_QUICK = ("fsync=off", "full_page_writes=off", "shared_buffers=32MB")
"""Not for who wants to keep anything through the end of the machine."""


class Postgres:
    """A server in a temporary folder. Use as a context. With `durable` it writes as an installed one does."""

    def __init__(self, *, durable: bool = False) -> None:
        self._programs = _programs()
        self._user = USER if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="cronwright-postgres-"))
        if self._user:
            shutil.chown(self._folder, self._user)
        self._data = self._folder / "data"
        self._log = self._folder / "log"
        self._settings = () if durable else _QUICK
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if self._user:
            shutil.chown(secret, self._user)
        self._run(
            "initdb",
            "--no-sync",
            "--auth=scram-sha-256",
            f"--username={USER}",
            f"--pwfile={secret}",
            # A collation that minds no case at first, so that what depends on it is found
            "--locale=C.UTF-8",
            "--locale-provider=icu",
            "--icu-locale=en",
            "--encoding=UTF8",
            str(self._data),
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self._folder),
            "logging_collector": "off",
        } | dict(setting.split("=") for setting in self._settings)
        arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", str(self._data), *arguments],
                stdout=log,
                stderr=log,
                **self._as_user(),
            )
        deadline = time.monotonic() + START_SECONDS
        ready = [str(self._programs / "pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)  # the poll of a condition; nothing depends on its length

    def stop(self, *, at_once: bool = False) -> None:
        """Stop: end its clients' sessions in order, or with `at_once` as a crash does, for which the next start looks
        through its log."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(timeout=START_SECONDS)
            self._process = None

    def database(self, name: str | None = None, like: str = "template0") -> str:
        """Make a database, a copy of that named `like`, which nobody may use meanwhile; return its address."""
        name = name or f"t{uuid4().hex}"
        self.program("psql", "--command", f"CREATE DATABASE {name} TEMPLATE {like}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """Delete the database at `url`, and end who is still there."""
        self.program("psql", "--command", f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def url(self, name: str) -> str:
        """Return the address of a database."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def program(self, name: str, *arguments: str) -> str:
        """Run one of PostgreSQL's programs against the server, and return what it prints."""
        where = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": USER, "PGPASSWORD": PASSWORD}
        options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"] if name == "psql" else []
        done = subprocess.run(
            [str(self._programs / name), *options, *arguments],
            env=os.environ | where,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / name), *arguments], capture_output=True, text=True, check=False, **self._as_user()
        )
        assert done.returncode == 0, done.stderr

    def _as_user(self) -> dict[str, Any]:
        as_user = {"user": self._user, "group": self._user, "extra_groups": []} if self._user else {}
        return as_user | {"cwd": self._folder}


def _programs() -> Path:
    if not _installed():
        _install()
    return _installed()[-1]


def _installed() -> Sequence[Path]:
    return sorted((found.parent for found in PROGRAMS.glob("*/bin/initdb")), key=lambda found: int(found.parent.name))


def _install() -> None:
    # As the cluster installs what it needs of the distribution, by a module of its own folder
    cluster = Path(__file__).parents[2] / "dev" / "cluster"
    wanted = f"import host; host.ensure_packages({{{str(PROGRAMS / '*')!r}: 'postgresql'}})"
    subprocess.run(
        [sys.executable, "-c", wanted], cwd=cluster, env=os.environ | {"PYTHONPATH": str(cluster)}, check=True
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
