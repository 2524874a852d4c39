"""The course of one stream: replay from the table, then live from the hub, and back to the table when behind."""

import asyncio
from collections.abc import Awaitable, Callable

from runs.stream import log
from runs.stream.asking import Wishes
from runs.stream.frames import Batch, position
from runs.stream.hub import Hub, Reader
from runs.stream.log import Topic

PING_SECONDS = 15.0
PROGRESS_SECONDS = 1.0
"""So long a filtered replay may find nothing before it tells how far it has read."""


class Course:
    """Sends a person what they want of a topic. Up to its cursor everything has been sent or left out."""

    __slots__ = (
        *("_cursor", "_heard_at", "_hub", "_is_ping_due", "_loop", "_send", "_send_now", "_topic", "_user_id"),
        *("_wants_all", "_wishes"),
    )

    def __init__(
        self,
        hub: Hub,
        topic: Topic,
        user_id: int,
        wishes: Wishes,
        cursor: int,
        send: Callable[[bytes], Awaitable[None]],
        send_now: Callable[[bytes], bool],
    ) -> None:
        self._hub, self._topic, self._user_id, self._wishes = hub, topic, user_id, wishes
        self._cursor, self._send, self._send_now = cursor, send, send_now
        self._wants_all = wishes.wanted.is_open
        self._loop = asyncio.get_running_loop()
        self._heard_at = self._loop.time()
        self._is_ping_due = False

    async def run(self, newest: int) -> None:
        """Streams until it is cancelled or, without `follow`, everything has been sent.

        First the reader is there, then the table is read: what is committed between comes by one or by both ways.
        """
        reader = self._hub.subscribe(self._topic, newest, self._send_at_once)
        try:
            await self._replay()
            if self._wishes.is_followed:
                await self._live(reader)
        finally:
            self._hub.unsubscribe(self._topic, reader)

    async def _replay(self) -> None:
        """Sends what the table has after the cursor."""
        run_id, wanted = self._topic.run_id, self._wishes.wanted
        if run_id is None or self._wants_all:
            while news := await self._hub.replays.run(log.read_batch, self._topic, self._cursor):
                await self._send_batch(news.batch)
                await self._tell_progress()
            return
        while page := await self._hub.replays.run(log.read_wanted, run_id, self._cursor, wanted):
            self._cursor = page.reached
            if page.frames:
                await self._say(b"".join(frame.wire for frame in page.frames))
            await self._tell_progress()

    async def _live(self, reader: Reader) -> None:
        def ping() -> None:
            self._is_ping_due = True
            reader.news.ring()

        alarm = self._loop.call_later(PING_SECONDS, ping)
        try:
            while True:
                await self._drain(reader)
                if self._is_ping_due:
                    self._is_ping_due = False
                    alarm = self._loop.call_later(PING_SECONDS, ping)
                    await self._say(position(self._cursor))
                await reader.news.heard()
        finally:
            alarm.cancel()

    async def _drain(self, reader: Reader) -> None:
        """Sends what waits in the queue. One that was emptied counts again first, then the table is read."""
        while reader.is_behind or reader.batches:
            if reader.is_behind:
                reader.empty()
                reader.is_behind = False
                await self._replay()
            elif batch := reader.take():
                await self._send_batch(batch)

    def _send_at_once(self, batch: Batch) -> bool:
        """Sends the batch if all of it is wanted and the client's connection has room; else it has to be queued."""
        is_whole = self._wants_all and batch.first_id > self._cursor and batch.audience is None
        if not is_whole or not self._send_now(batch.wire):
            return False
        self._cursor = batch.last_id
        return True

    async def _send_batch(self, batch: Batch) -> None:
        """The batch's bytes as they are where the reader wants all of them, else those of the rows it wants."""
        before, self._cursor = self._cursor, max(self._cursor, batch.last_id)
        if batch.audience is None and self._wants_all and batch.first_id > before:
            await self._say(batch.wire)
            return
        numbers = [number for number, frame in enumerate(batch.frames) if frame.event_id > before]
        if not self._wants_all:
            numbers = [number for number in numbers if self._wishes.wanted.admits(batch.frames[number])]
        if audience := batch.audience:
            numbers = [number for number in numbers if audience.has(self._user_id, batch.frames[number].project_id)]
        if numbers:
            await self._say(batch.wire if len(numbers) == len(batch.frames) else batch.bytes_of(numbers))

    async def _tell_progress(self) -> None:
        if self._loop.time() - self._heard_at >= PROGRESS_SECONDS:
            await self._say(position(self._cursor))

    async def _say(self, wire: bytes) -> None:
        await self._send(wire)
        self._heard_at = self._loop.time()
