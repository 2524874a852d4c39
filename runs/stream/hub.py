"""The hub: one tailer a web process. It reads new rows once, frames them once, hands the same bytes to every reader."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import Error, close_old_connections, connections

from runs.commits import add_waker, remove_waker
from runs.stream import log
from runs.stream.ending import end
from runs.stream.frames import Batch, make_batch
from runs.stream.log import Topic
from runs.stream.places import Places
from runs.stream.wakeups import watch_commits

logger = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 5.0
QUEUE_BATCHES = 64


class Reader:
    """One stream's bounded queue. Over its bound it is emptied and `is_behind`: then the table serves the stream."""

    def __init__(self) -> None:
        self.batches: deque[Batch] = deque()
        self.is_behind = False
        self.news = asyncio.Event()

    def offer(self, batch: Batch) -> None:
        """Takes a batch, or gives up on the queue. Never waits: a slow reader slows nobody."""
        if len(self.batches) >= QUEUE_BATCHES:
            self.batches.clear()
            self.is_behind = True
        elif not self.is_behind:
            self.batches.append(batch)
        self.news.set()


class _Followed:
    """A topic that somebody reads, and how far it has been handed out."""

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.readers: set[Reader] = set()


class Hub:
    """All the topics that this process's streams follow. Lives in one event loop."""

    def __init__(self) -> None:
        self._followed: dict[Topic, _Followed] = {}
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._executor = ThreadPoolExecutor(1, "event-log")
        self.places = Places()

    @property
    def reader_count(self) -> int:
        return sum(len(followed.readers) for followed in self._followed.values())

    async def read(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Runs a read of the log in the hub's own thread, which keeps its own connection."""

        def guarded() -> Any:
            close_old_connections()
            return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._executor, guarded)

    async def subscribe(self, topic: Topic) -> Reader:
        """A reader that gets every row committed from now on. Earlier rows are the caller's to read from the table."""
        if topic not in self._followed:
            cursor = await self.read(log.last_id, topic)
            self._followed.setdefault(topic, _Followed(cursor))
        reader = Reader()
        self._followed[topic].readers.add(reader)
        if not self._tasks:
            add_waker(self._wake_from_thread)
            self._tasks = [asyncio.create_task(watch_commits(self.wake)), asyncio.create_task(self._tail())]
        return reader

    def unsubscribe(self, topic: Topic, reader: Reader) -> None:
        """Forgets the reader, and the topic with its last one. Nobody left: the tailer rests."""
        followed = self._followed.get(topic)
        if followed is not None:
            followed.readers.discard(reader)
            if not followed.readers:
                del self._followed[topic]
        if not self._followed:
            self._rest()

    def _rest(self) -> None:
        remove_waker(self._wake_from_thread)
        for task in self._tasks:
            ending = asyncio.create_task(end(task))
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
        self._tasks = []

    async def close(self) -> None:
        """Ends the tailer and gives its connection back; the next stream of this event loop gets a new hub."""
        _hubs.pop(asyncio.get_running_loop(), None)
        self._rest()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self.places.close()
        await self.read(connections.close_all)
        self._executor.shutdown(wait=False)

    def wake(self) -> None:
        """Something may have been committed."""
        self._woken.set()

    def _wake_from_thread(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            self._loop.call_soon_threadsafe(self.wake)

    async def _tail(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            try:
                for topic, followed in list(self._followed.items()):
                    await self._hand_out(topic, followed)
            except Error:
                logger.exception("The event log could not be read; trying again.")

    async def _hand_out(self, topic: Topic, followed: _Followed) -> None:
        while rows := await self.read(log.read_after, topic, followed.cursor):
            batch = make_batch(rows)
            followed.cursor = batch.last_id
            for reader in followed.readers:
                reader.offer(batch)


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def running_hub() -> Hub:
    """The hub of the running event loop; a server has one."""
    loop = asyncio.get_running_loop()
    for closed in [each for each in _hubs if each.is_closed()]:
        del _hubs[closed]
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
