"""A program: many listeners of the timeline's stream, each a plain connection. It reads a token from its input, says
when all are listening, and at last prints how long each event took to each of them.
"""

import argparse
import asyncio
import json
import re
import sys
import time

AT_ONCE = 20
"""Connections that begin at once: a crowd at the door is not what is measured."""
LONGEST_SECONDS = 120.0

_SENT = re.compile(rb'"title":\s*"sent at (\d+)"')


async def main() -> None:
    """Listen until each listener has heard each event."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "listeners", "events"):
        parser.add_argument(name, type=int)
    arguments = parser.parse_args()
    token = sys.stdin.readline().strip()
    begun, latencies = asyncio.Queue[None](), list[float]()
    door = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for _ in range(arguments.listeners):
            group.create_task(_listen(arguments.port, token, arguments.events, door, begun, latencies))
        for _ in range(arguments.listeners):
            await begun.get()
        print("listening", flush=True)
    json.dump({"latencies_ms": latencies}, sys.stdout)


async def _listen(
    port: int, token: str, events: int, door: asyncio.Semaphore, begun: "asyncio.Queue[None]", latencies: list[float]
) -> None:
    async with door:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        asked = f"GET /api/timeline/stream HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(asked.encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise RuntimeError(head.decode())
        # The first frame tells where the stream begins
        await reader.readuntil(b"\n\n")
        begun.put_nowait(None)
    heard = 0
    async with asyncio.timeout(LONGEST_SECONDS):
        while heard < events:
            frame = await reader.readuntil(b"\n\n")
            now = time.time_ns()
            for sent in _SENT.findall(frame):
                latencies.append((now - int(sent)) / 1e6)
                heard += 1
    writer.close()


if __name__ == "__main__":
    asyncio.run(main())
