"""What the stream's bench does with servers and readers: fan-out as fast as it goes, a steady rate, one reader."""

import asyncio
import random
import time
from dataclasses import dataclass, field

import numpy as np

from bench.stream_processes import Server
from bench.stream_readers import Crowd

BATCH_EVENTS = 200
WINDOW_EVENTS = 4 * BATCH_EVENTS
"""So far may the slowest reader be behind the writer: the socket is what is measured, not the table."""
LIVE_PER_SECOND = 200
LIVE_PAUSE_SECONDS = 0.04  # within what the executor gathers events for
DRAIN_SECONDS = 20.0


@dataclass
class Load:
    """What a server did: events delivered, of how many, its processor time, all times in seconds."""

    delivered: int = 0
    expected: int = 0
    processor_seconds: float = 0.0
    elapsed: float = 0.0
    delays_ms: list[float] = field(default_factory=list)

    @property
    def per_processor_second(self) -> float:
        return self.delivered / self.processor_seconds if self.processor_seconds else 0.0

    @property
    def per_second(self) -> float:
        return self.delivered / self.elapsed

    @property
    def processor_share(self) -> float:
        """Of one core, in hundredths."""
        return 100 * self.processor_seconds / self.elapsed

    def percentile(self, hundredth: int) -> float:
        """Milliseconds from commit to client."""
        return float(np.percentile(self.delays_ms, hundredth)) if self.delays_ms else float("nan")


class _Timed:
    """Adds what a server does while the body runs to its load."""

    def __init__(self, server: Server, crowd: Crowd, load: Load) -> None:
        self.server, self.crowd, self.load = server, crowd, load

    def __enter__(self) -> None:
        self.crowd.reset()
        self.used, self.begun_at = self.server.processor_seconds, time.monotonic()

    def __exit__(self, *error: object) -> None:
        self.load.elapsed += time.monotonic() - self.begun_at
        self.load.processor_seconds += self.server.processor_seconds - self.used
        self.load.delivered += self.crowd.delivered


async def saturate(server: Server, writer: Server, crowd: Crowd, seconds: float, load: Load) -> None:
    """Batches of 200 events as fast as the slowest reader takes them."""
    with _Timed(server, crowd, load):
        written, deadline = 0, time.monotonic() + seconds
        while time.monotonic() < deadline:
            await writer.commit(BATCH_EVENTS)
            written += BATCH_EVENTS
            if not await crowd.has(written - WINDOW_EVENTS, DRAIN_SECONDS):
                break
        await crowd.has(written, DRAIN_SECONDS)
    load.expected += written * len(crowd.readers)


async def keep_pace(
    server: Server, writer: Server, crowd: Crowd, seconds: float, load: Load, drain_seconds: float = DRAIN_SECONDS
) -> None:
    """200 events a second, gathered for 40 ms as the executor does."""
    events = round(LIVE_PER_SECOND * LIVE_PAUSE_SECONDS)
    commits: list[tuple[int, float]] = []
    with _Timed(server, crowd, load):
        begun_at = time.monotonic()
        for turn in range(round(seconds / LIVE_PAUSE_SECONDS)):
            await asyncio.sleep(begun_at + turn * LIVE_PAUSE_SECONDS - time.monotonic())
            if time.monotonic() > begun_at + seconds:
                break  # who cannot keep the pace is measured for as long as the others
            commits.append((events, await writer.commit(events)))
        await crowd.has(events * len(commits), drain_seconds)
    load.expected += events * len(commits) * len(crowd.readers)
    load.delays_ms.extend(crowd.delays_ms(commits))


async def tick(server: Server, writer: Server, crowd: Crowd, seconds: float, load: Load) -> None:
    """Single events at moments that no clock of the server's agrees with."""
    commits: list[tuple[int, float]] = []
    with _Timed(server, crowd, load):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            commits.append((1, await writer.commit(1)))
            await crowd.has(len(commits), DRAIN_SECONDS)
            await asyncio.sleep(random.uniform(0.005, 0.035))  # noqa: S311 - no secret
    load.expected += len(commits)
    load.delays_ms.extend(crowd.delays_ms(commits))
