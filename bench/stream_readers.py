"""Many readers of one stream in this process, as cheap as they can be: events are counted, not parsed.

They live in the bench's own process, so that what they cost is not the server's. Every one has to get every event, in
order, as the tests prove; here it is enough to count them.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.stream_commits import MARK

BUFFER = bytearray(256 * 1024)
"""One for all: what is received is looked at before the next one receives."""
OPEN_AT_ONCE = 4
OPEN_SECONDS = 120.0
POLL_SECONDS = 0.001


class Reader(asyncio.BufferedProtocol):
    """One connection: how many events it has got, and when the last of them came."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._head = b""
        self.received = 0
        self.arrivals: list[tuple[int, float]] = []
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self._request)

    def get_buffer(self, sizehint: int) -> bytearray:
        return BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        if not self.opened.done():
            self._open(bytes(BUFFER[:nbytes]))
        if events := BUFFER.count(MARK, 0, nbytes):
            self.received += events
            self.arrivals.append((self.received, time.monotonic()))

    def _open(self, received: bytes) -> None:
        self._head += received
        if not self._head.startswith(b"HTTP/1.1 200") and len(self._head) > len(b"HTTP/1.1 200"):
            self.opened.set_exception(SystemExit(f"bench: a stream was refused: {self._head.decode()}"))
        elif b"\r\n\r\n" in self._head and not self._head.endswith(b"\r\n\r\n"):
            self.opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(SystemExit("bench: a server closed a stream before it began"))


class Crowd:
    """Readers of the same stream."""

    def __init__(self) -> None:
        self.readers: list[Reader] = []

    async def open(self, port: int, readers: int, path: str, headers: str) -> None:
        """So many more; they are there once each has got the beginning of its stream."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
        limit = asyncio.Semaphore(OPEN_AT_ONCE)

        async def one() -> None:
            async with limit, asyncio.timeout(OPEN_SECONDS):
                loop = asyncio.get_running_loop()
                _, reader = await loop.create_connection(lambda: Reader(request), "127.0.0.1", port)
                await reader.opened
                self.readers.append(reader)

        await asyncio.gather(*(one() for _ in range(readers)))

    def close(self) -> None:
        for reader in self.readers:
            reader.transport.close()

    def reset(self) -> None:
        """Counts from here."""
        for reader in self.readers:
            reader.received = 0
            reader.arrivals.clear()

    @property
    def delivered(self) -> int:
        return sum(reader.received for reader in self.readers)

    @property
    def slowest(self) -> int:
        return min(reader.received for reader in self.readers)

    async def has(self, events: int, seconds: float) -> bool:
        """Waits until each has so many; whether they came in time."""
        deadline = time.monotonic() + seconds
        while self.slowest < events:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(POLL_SECONDS)
        return True

    def delays_ms(self, commits: Sequence[tuple[int, float]]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        """From commit to arrival, of every event at every reader; commits are events and the moment, in order."""
        committed_at = np.repeat([at for _, at in commits], [events for events, _ in commits])
        found = []
        for reader in self.readers:
            counts = np.array([0, *(count for count, _ in reader.arrivals)])
            arrived_at = np.repeat([at for _, at in reader.arrivals], np.diff(counts))
            both = min(len(arrived_at), len(committed_at))
            found.append((arrived_at[:both] - committed_at[:both]) * 1000)
        return np.concatenate(found)
