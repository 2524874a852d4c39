"""Backpressure: an application that sends faster than its client reads waits, instead of filling the server's memory.

Daphne hands every chunk to Twisted, which keeps what the network does not take: an output of 1 GB for a phone on a slow
network would lie in memory whole. Twisted tells a registered producer when its buffer is full and when it is empty
again (`IPushProducer`); here the application's `send` waits in between.

What the network can take goes to it at once: by way of Twisted's buffer a piece costs three more calls of the system
and is copied, which for a stream with many readers is most of the work (docs/stream-measured.md).
"""

import asyncio
from functools import partial
from typing import Any

from daphne.server import Server  # first: it installs the reactor

from daphne.http_protocol import WebRequest  # isort: skip
from twisted.web.http_headers import Headers  # isort: skip

PIECE_BYTES = 64 * 1024
MOST_AT_ONCE_BYTES = 256 * 1024
SEND_NOW = "quarterdeck.send_now"
"""The ASGI extension by which an application sends without a wait: `PatientRequest.send_now`."""
SETTLE = "quarterdeck.settle"
"""The ASGI extension by which an answer that will last for long says that it has begun: `PatientRequest.settle`."""
STALLED_SECONDS = 60.0
"""A client that takes not even two pieces in so long is given up: it has vanished, or can come back for the rest."""


class Valve:
    """Closed while a connection's buffer is full. It is what Twisted calls a push producer."""

    def __init__(self) -> None:
        self._opening: asyncio.Event | None = None  # only while it is closed: most connections never need one

    @property
    def is_open(self) -> bool:
        """Whether more can be sent now."""
        return self._opening is None

    async def passed(self) -> None:
        """Waits until it is open."""
        if self._opening is not None:
            await self._opening.wait()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's names, here and below
        if self._opening is None:
            self._opening = asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        if self._opening is not None:
            self._opening.set()
            self._opening = None

    def stopProducing(self) -> None:  # noqa: N802
        self.resumeProducing()  # the client is gone: whoever waits goes on, and learns it


class Inbox:
    """What an application receives, one `get` at a time: daphne's `asyncio.Queue` takes 3 kB of each connection."""

    __slots__ = ("_messages", "_waiter")

    def __init__(self) -> None:
        self._messages: list[dict[str, Any]] = []
        self._waiter: asyncio.Future[None] | None = None

    def put_nowait(self, message: dict[str, Any]) -> None:
        """Adds a message, and wakes who waits for one."""
        self._messages.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> dict[str, Any]:
        """The oldest message, once there is one."""
        while not self._messages:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._messages.pop(0)


class PatientRequest(WebRequest):
    """A request whose answer is sent as fast as the client takes it."""

    valve: Valve
    channel: Any  # None once the connection is lost

    def process(self) -> Any:
        self.valve = Valve()
        self.registerProducer(self.valve, True)
        if self.channel._waitingForTransport:  # noqa: SLF001 - by an earlier answer on this connection; told only once
            self.valve.pauseProducing()
        return super().process()

    def send_now(self, chunk: bytes) -> bool:
        """Sends a further piece of a body that has begun, if nothing waits before it; False: it is to be sent as usual.

        The rest of what the network does not take is kept by Twisted, and nothing more is taken until that is sent.
        """
        if not chunk or len(chunk) > MOST_AT_ONCE_BYTES or not self._is_flowing():
            return False
        pieces = (b"%x\r\n" % len(chunk), chunk, b"\r\n") if self.chunked else (chunk,)  # RFC 9112, section 7.1
        connection: Any = self.channel.transport
        try:
            sent = connection.socket.sendmsg(pieces)
        except OSError:  # it is full, or broken, which Twisted finds out
            sent = 0
        self.sentLength += len(chunk)
        if sent < sum(map(len, pieces)):
            connection.write(b"".join(pieces)[sent:])
        return True

    def settle(self) -> None:
        """Forgets what only the beginning of an answer needs, for one that may last for hours: headers and body."""
        if not self.startedWriting:
            return
        self.requestHeaders = self.responseHeaders = Headers()
        self.clean_headers.clear()  # the scope's
        self.content = None
        for each in (self, self.channel):
            if each is not None:
                each.__dict__ = {**each.__dict__}  # of the size that is needed: a dictionary grows to thrice of it

    def _is_flowing(self) -> bool:
        """Whether the body has begun and all of it so far is with the network."""
        if self.finished or self.channel is None or not self.startedWriting or self.method == b"HEAD":
            return False
        connection: Any = self.channel.transport
        is_open = connection.connected and not connection.disconnecting and not connection.TLS
        return is_open and not connection._tempDataLen and not connection.dataBuffer  # noqa: SLF001 - nobody else tells

    def finish(self) -> None:
        if self.channel is not None:
            self.unregisterProducer()
        self.valve.stopProducing()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        self.valve.stopProducing()
        super().connectionLost(reason)


class PatientServer(Server):
    """Daphne, whose applications wait for their clients."""

    def create_application(self, protocol: PatientRequest, scope: dict[str, Any]) -> Inbox | None:
        """As daphne does it, but with a lighter queue; the application is told what else the connection can do."""
        if protocol not in self.connections:
            return None
        inbox = Inbox()
        scope["asgi"] = {"version": "3.0"}
        scope["extensions"] = {SEND_NOW: protocol.send_now, SETTLE: protocol.settle}
        answer = self.application(scope, inbox.get, partial(self.handle_reply, protocol))
        self.connections[protocol]["application_instance"] = asyncio.ensure_future(answer)
        return inbox

    async def handle_reply(self, protocol: PatientRequest, message: dict[str, Any]) -> None:
        """Hands on what an application sends, and comes back when the client can take more."""
        body: bytes = message.get("body", b"")
        if message.get("more_body") and protocol.send_now(body):
            await self._wait_for_client(protocol)
            return
        last = max(0, len(body) - 1) // PIECE_BYTES * PIECE_BYTES
        for start in range(0, last, PIECE_BYTES):
            await self._reply({**message, "body": body[start : start + PIECE_BYTES], "more_body": True}, protocol)
        await self._reply({**message, "body": body[last:]} if last else message, protocol)

    async def _reply(self, message: dict[str, Any], protocol: PatientRequest) -> None:
        await super().handle_reply(protocol, message)
        await self._wait_for_client(protocol)

    async def _wait_for_client(self, protocol: PatientRequest) -> None:
        if protocol.valve.is_open:
            return
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await protocol.valve.passed()
        except TimeoutError:
            if protocol.channel is not None:
                protocol.channel.forceAbortClient()
