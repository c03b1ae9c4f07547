"""Carries TCP connections from localhost to an address inside a cluster's network. A program of its own.

    forward.py PORT ADDRESS:PORT

Listens on 127.0.0.1 and, where there is IPv6, on ::1, so that `localhost` works whichever way it is resolved.
"""

import asyncio
import socket
import sys
from pathlib import Path

from processes import Program

CHUNK = 65536
SYSTEM_PYTHON = "/usr/bin/python3"


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies until the sender closes its half; the other direction goes on."""
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()  # one side is gone; closing lets the other direction end, too


async def serve(port: int, host: str, target: int) -> None:
    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, target)
        except OSError:
            writer.close()  # nothing listens there yet: the caller sees its connection end
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
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


def program(port: int, target: str) -> Program:
    """How this file is run beside a cluster: from `port` of localhost to `target`."""
    file = Path(__file__).resolve()
    # Not the caller's Python where there is another: each virtual environment would start it anew.
    python = SYSTEM_PYTHON if Path(SYSTEM_PYTHON).exists() else sys.executable
    return Program("forward", (python, str(file), str(port), target), inputs=(file.read_text(),))


def main() -> None:
    port, target = sys.argv[1:]
    host, _, target_port = target.rpartition(":")
    asyncio.run(serve(int(port), host, int(target_port)))


if __name__ == "__main__":
    main()
