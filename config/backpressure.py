"""Backpressure: an application that sends faster than its client reads waits, instead of filling the server's memory.

Daphne hands every chunk to Twisted, which keeps what the network does not take: an output of 1 GB for a phone on a slow
network would lie in memory whole. Twisted tells a registered producer when its buffer is full and when it is empty
again (`IPushProducer`); here the application's `send` waits in between.
"""

import asyncio
from typing import Any

from daphne.server import Server  # first: it installs the reactor

from daphne.http_protocol import WebRequest  # isort: skip

PIECE_BYTES = 64 * 1024
STALLED_SECONDS = 60.0
"""A client that takes not even two pieces in so long is given up: it has vanished, or can come back for the rest."""


class Valve:
    """Closed while a connection's buffer is full. It is what Twisted calls a push producer."""

    def __init__(self) -> None:
        self._is_open = asyncio.Event()
        self._is_open.set()

    @property
    def is_open(self) -> bool:
        """Whether more can be sent now."""
        return self._is_open.is_set()

    async def passed(self) -> None:
        """Waits until it is open."""
        await self._is_open.wait()

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's names, here and below
        self._is_open.clear()

    def resumeProducing(self) -> None:  # noqa: N802
        self._is_open.set()

    def stopProducing(self) -> None:  # noqa: N802
        self._is_open.set()  # the client is gone: whoever waits goes on, and learns it


class PatientRequest(WebRequest):
    """A request whose answer is sent as fast as the client takes it."""

    valve: Valve

    def process(self) -> Any:
        self.valve = Valve()
        self.registerProducer(self.valve, True)
        if self.channel._waitingForTransport:  # noqa: SLF001 - by an earlier answer on this connection; told only once
            self.valve.pauseProducing()
        return super().process()

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

    async def handle_reply(self, protocol: PatientRequest, message: dict[str, Any]) -> None:
        """Hands on what an application sends, and comes back when the client can take more."""
        body: bytes = message.get("body", b"")
        last = max(0, len(body) - 1) // PIECE_BYTES * PIECE_BYTES
        for start in range(0, last, PIECE_BYTES):
            await self._reply({**message, "body": body[start : start + PIECE_BYTES], "more_body": True}, protocol)
        await self._reply({**message, "body": body[last:]} if last else message, protocol)

    async def _reply(self, message: dict[str, Any], protocol: PatientRequest) -> None:
        await super().handle_reply(protocol, message)
        if protocol.valve.is_open:
            return
        try:
            async with asyncio.timeout(STALLED_SECONDS):
                await protocol.valve.passed()
        except TimeoutError:
            if protocol.channel is not None:
                protocol.channel.forceAbortClient()
