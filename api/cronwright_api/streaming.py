"""Server-sent events on the wire: frames, and a response that ends when its reader has gone or reads too slowly.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from cronwright_api.jsonapi.negotiation import EVENT_STREAM

SLOW_SECONDS = 10.0
"""How long a reader may leave what was sent to it unread, once the buffers between are full."""
HEARTBEAT = b":\n\n"
"""A comment: shows the reader, and what lies between, that the connection lives."""


def frame(data: bytes, identity: str = "", name: str = "") -> bytes:
    """Return an event; `data` has no line break, as JSON in one line has none."""
    head = (f"id: {identity}\n" if identity else "") + (f"event: {name}\n" if name else "")
    return head.encode() + b"data: " + data + b"\n\n"


def place(identity: str) -> bytes:
    """Return what sets the reader's last event id and tells it no event."""
    return f"id: {identity}\n\n".encode()


class EventStream(Response):
    """Sends `frames` as they come. `dropped` is called where the reader is too slow, and ends with it."""

    media_type = EVENT_STREAM

    def __init__(self, frames: AsyncGenerator[bytes, None], dropped: Callable[[], None]) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"})
        del self.headers["content-length"]
        self._frames, self._dropped = frames, dropped

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until there are no more frames or the reader has gone."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.ensure_future(self._send(send))
        going = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({sending, going}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, going):
                task.cancel()
            ended = await asyncio.gather(sending, going, return_exceptions=True)
        if isinstance(ended[0], Exception):
            raise ended[0]

    async def _send(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            async for chunk in frames:
                try:
                    await _within(send, {"type": "http.response.body", "body": chunk, "more_body": True})
                except TimeoutError:
                    self._dropped()
                    return
        await _within(send, {"type": "http.response.body", "body": b"", "more_body": False})


async def _within(send: Send, message: Message) -> None:
    async with asyncio.timeout(SLOW_SECONDS):
        await send(message)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
