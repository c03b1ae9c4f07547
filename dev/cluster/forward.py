"""Carries TCP connections from localhost to the API in a cluster, over plain HTTP. A program of its own.

    forward.py PORT KUBECTL KUBECONFIG CONTEXT

As docs/install.md tells people to: `kubectl port-forward` to the port of the pod's loopback interface, whatever the
chart says of TLS. kubectl serves one pod and ends with it, so it is started again here, and connections wait for that.

Listens on 127.0.0.1 and, where there is IPv6, on ::1, so that `localhost` works whichever way it is resolved.
"""

import asyncio
import ctypes
import re
import signal
import socket
import sys
import time
from pathlib import Path

from processes import Program

CHUNK = 65536
SYSTEM_PYTHON = "/usr/bin/python3"

NAMESPACE, API, API_PORT = "cronwright-system", "deployment/cronwright-api", 6337
WAIT_SECONDS = 10.0  # how long a connection waits for an API that starts; then its caller sees it end
PAUSE_SECONDS = 0.3
ANSWER_SECONDS = 5.0
FRESH_SECONDS = 1.0  # for so long after an answer the tunnel is taken to lead to a pod that lives
QUESTION = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
PR_SET_PDEATHSIG = 1  # prctl(2)


class Tunnel:
    """A `kubectl port-forward`, started when the first connection asks for it, and again when its pod is gone."""

    def __init__(self, kubectl: list[str]) -> None:
        self._command = [*kubectl, f"--namespace={NAMESPACE}", "port-forward", "--address=127.0.0.1",
                         f"--pod-running-timeout={WAIT_SECONDS:.0f}s", API, f":{API_PORT}"]  # fmt: skip
        self._process: asyncio.subprocess.Process | None = None
        self._port = 0
        self._answered = 0.0
        self._lock = asyncio.Lock()

    async def port(self) -> int | None:
        """A port of 127.0.0.1 behind which the API answers, as soon as there is one; None where there is none."""
        deadline = time.monotonic() + WAIT_SECONDS
        async with self._lock:
            while time.monotonic() - self._answered > FRESH_SECONDS:
                if self._process is None or self._process.returncode is not None:
                    await self._start()
                if self._port and await _answers(self._port):
                    self.answered()
                    break
                await self._end()
                if time.monotonic() > deadline:
                    return None
                await asyncio.sleep(PAUSE_SECONDS)
        return self._port

    def answered(self) -> None:
        """Takes note that something came through it."""
        self._answered = time.monotonic()

    async def _start(self) -> None:
        self._port = 0
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            preexec_fn=_die_with_parent,
        )
        assert self._process.stdout is not None
        said = (await self._process.stdout.readline()).decode()
        if found := re.match(r"Forwarding from 127\.0\.0\.1:(\d+) ", said):
            self._port = int(found[1])
            # It says a line for each connection, and would wait for somebody to read it
            self._reading = asyncio.create_task(_forget(self._process.stdout))

    async def _end(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            self._process = None


async def _answers(port: int) -> bool:
    """Whether an API is behind the tunnel; asked for nothing that matters, since a lost question is asked again."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(QUESTION)
                return (await reader.read(5)).startswith(b"HTTP")
            finally:
                writer.close()
    except (TimeoutError, OSError):
        return False


async def _forget(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK):
        pass


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tunnel: Tunnel | None = None) -> None:
    """Copies until the sender closes its half; the other direction goes on."""
    try:
        while data := await reader.read(CHUNK):
            if tunnel is not None:
                tunnel.answered()
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()  # one side is gone; closing lets the other direction end, too


async def serve(port: int, kubectl: list[str]) -> None:
    tunnel = Tunnel(kubectl)

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = await tunnel.port()
        if target is None:
            writer.close()  # no API is there yet: the caller sees its connection end
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer, tunnel))
        for each in (writer, far_writer):
            each.close()

    servers = []
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            servers.append(await asyncio.start_server(connection, address, port, family=family))
        except OSError as error:
            if family == socket.AF_INET:
                raise
            print(f"no IPv6 on localhost ({error}); 127.0.0.1 is enough", file=sys.stderr)
    await asyncio.gather(*(server.serve_forever() for server in servers))


def program(port: int, kubectl: Path, kubeconfig: Path, context: str) -> Program:
    """How this file is run beside a cluster: from `port` of localhost to its API."""
    file = Path(__file__).resolve()
    # Not the caller's Python where there is another: each virtual environment would start it anew.
    python = SYSTEM_PYTHON if Path(SYSTEM_PYTHON).exists() else sys.executable
    arguments = (str(port), str(kubectl), str(kubeconfig), context)
    return Program("forward", (python, str(file), *arguments), inputs=(file.read_text(),))


def main() -> None:
    port, kubectl, kubeconfig, context = sys.argv[1:]
    asyncio.run(serve(int(port), [kubectl, f"--kubeconfig={kubeconfig}", f"--context={context}"]))


if __name__ == "__main__":
    main()
