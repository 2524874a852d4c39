"""A long run's stream from its first event on: how soon it begins, how fast it is, and what it takes of memory."""

import asyncio
import time
from dataclasses import dataclass

from bench.stream_commits import DATA, MESSAGE
from bench.stream_processes import Server
from bench.stream_readers import Crowd

LOOK_SECONDS = 0.02
REPLAY_SECONDS = 120.0


@dataclass
class Replayed:
    """Seconds to the first event, events a second from first to last, and of a loop over the same table's pages;
    growth of the server's private memory meanwhile."""

    first_seconds: float
    per_second: float
    table_per_second: float
    grown_mb: float


def lengthen(run: int, events: int) -> None:
    """Gives the run so many events."""
    from bench import rows
    from runs.events import Draft, append
    from runs.models import Run

    append(Run.objects.get(pk=run), [Draft("agent_message", MESSAGE, data=DATA)])
    rows.add_events(run, events - 1)


def read_table(run: int) -> float:
    """Events a second of what a stream cannot do without: the pages of the table, framed."""
    from runs.stream import log

    topic, cursor, events, begun_at = log.Topic(run), 0, 0, time.perf_counter()
    while news := log.read_batch(topic, cursor):
        cursor = news.batch.last_id
        events += len(news.batch.frames)
    return events / (time.perf_counter() - begun_at)


async def replay(server: Server, run: int, events: int, headers: str) -> Replayed:
    """One reader that wants everything; this process reads the table first and last, and the better time counts."""
    table = [await asyncio.to_thread(read_table, run)]
    crowd = Crowd()
    before, begun_at = server.private_kb, time.monotonic()
    most = before
    await crowd.open(server.port, 1, f"/api/runs/{run}/events/stream?follow=false", headers)
    deadline = begun_at + REPLAY_SECONDS
    while crowd.delivered < events and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_SECONDS)
        most = max(most, server.private_kb)
    ((reader,), arrivals) = crowd.readers, crowd.readers[0].arrivals
    table.append(await asyncio.to_thread(read_table, run))
    crowd.close()
    if reader.received != events:
        raise SystemExit(f"bench: {reader.received} of {events} events came")
    pace = events / (arrivals[-1][1] - arrivals[0][1])
    return Replayed(arrivals[0][1] - begun_at, pace, max(table), (most - before) / 1024)
