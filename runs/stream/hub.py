"""The hub: one tailer a web process. It reads new rows once, frames them once, hands the same bytes to every reader."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from runs.commits import add_waker, remove_waker
from runs.stream import log
from runs.stream.bell import Bell
from runs.stream.ending import end
from runs.stream.frames import Batch
from runs.stream.log import Topic
from runs.stream.places import Places
from runs.stream.threads import Threads
from runs.stream.wakeups import watch_commits

logger = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 5.0
AGAIN_SECONDS = 1.0
QUEUE_BATCHES = 64
QUEUE_BYTES = 1024 * 1024
REST_SECONDS_A_READER, MOST_REST_SECONDS = 0.000_1, 0.025
"""The tailer rests after each hand-out, the longer the more readers it has: what is committed meanwhile goes to them
together, as each reader costs more than its bytes. For one reader that is a tenth of a millisecond."""
READERS_AT_ONCE = 64
"""So many are handed a batch before others in the event loop have their turn."""


class Reader:
    """One stream's bounded queue. Over its bound it is emptied and `is_behind`: then the table serves the stream."""

    __slots__ = ("_send_at_once", "batches", "is_behind", "news", "size_bytes", "times_behind")

    def __init__(self, send_at_once: Callable[[Batch], bool]) -> None:
        self.batches: list[Batch] = []
        self.size_bytes = 0
        self.is_behind = False
        self.times_behind = 0
        self.news = Bell()
        self._send_at_once = send_at_once

    def offer(self, batch: Batch) -> None:
        """Takes a batch, or gives up on the queue. Never waits: a slow reader slows nobody."""
        if self.news.is_awaited and self._send_at_once(batch):
            return  # nobody has to be woken, which costs more than the bytes
        if not self.is_behind:
            self.batches.append(batch)
            self.size_bytes += len(batch.wire)
            is_too_long = self.size_bytes > QUEUE_BYTES and len(self.batches) > 1
            if is_too_long or len(self.batches) > QUEUE_BATCHES:
                self.is_behind = True
                self.times_behind += 1
                self.empty()
        self.news.ring()

    def take(self) -> Batch | None:
        """The oldest batch; None when there is none."""
        if not self.batches:
            return None
        batch = self.batches.pop(0)
        self.size_bytes -= len(batch.wire)
        return batch

    def empty(self) -> None:
        """Forgets what is waiting: the table has it."""
        self.batches.clear()
        self.size_bytes = 0


class Figures(NamedTuple):
    """How many streams have a place, how many readers wait in the hub, and how often one has fallen behind."""

    streams: int
    readers: int
    times_behind: int


class _Followed:
    """A topic that somebody reads, and how far it has been handed out."""

    def __init__(self, cursor: int) -> None:
        self.cursor = cursor
        self.readers: set[Reader] = set()


class Hub:
    """All the topics that this process's streams follow. Lives in one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._followed: dict[Topic, _Followed] = {}
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._times_behind = 0
        self._tail_thread = Threads(1, "event-log", keeps_connection=True)
        self.replays = Threads(2, "replay")  # of their own: a long replay must not hold up who is live
        self.doors = Threads(3, "stream-door")
        self._guard_thread = Threads(1, "stream-guard")  # of its own: whoever waits to be let in holds up no look
        self.places = Places(self._guard_thread)

    @property
    def reader_count(self) -> int:
        return sum(len(followed.readers) for followed in tuple(self._followed.values()))

    @property
    def figures(self) -> Figures:
        """May be asked from any thread."""
        return Figures(self.places.count, self.reader_count, self._times_behind)

    def subscribe(self, topic: Topic, newest: int, send_at_once: Callable[[Batch], bool]) -> Reader:
        """A reader that gets every row after the id `newest`, which was the topic's last before this call or earlier.

        Rows up to those that were committed before this call are the caller's to read from the table; some of them may
        come here too.
        """
        reader = Reader(send_at_once)
        self._followed.setdefault(topic, _Followed(newest)).readers.add(reader)
        if not self._tasks:
            add_waker(self._wake_from_thread)
            self._tasks = [asyncio.create_task(self._keep_up(work)) for work in (self._watch, self._tail)]
        self.wake()  # what was committed since `newest` was read has waked nobody
        return reader

    def unsubscribe(self, topic: Topic, reader: Reader) -> None:
        """Forgets the reader, and the topic with its last one. Nobody left: the tailer rests."""
        self._times_behind += reader.times_behind
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
        """Ends the tailer and gives its connections back; the next stream of this event loop gets a new hub."""
        _hubs.pop(asyncio.get_running_loop(), None)
        self._rest()
        await asyncio.gather(*self._ending, return_exceptions=True)
        await self.doors.close()  # first: whoever is still being let in gives the place back
        await self.places.close()
        for threads in (self._tail_thread, self._guard_thread, self.replays):
            await threads.close()

    def wake(self) -> None:
        """Something may have been committed."""
        self._woken.set()

    def _wake_from_thread(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            self._loop.call_soon_threadsafe(self.wake)

    async def _keep_up(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does a work that has no end; one that breaks is logged and begun again, with a look at the table."""
        while True:
            try:
                await work()
            except Exception:
                logger.exception("Events could not be handed out; trying again.")
            await asyncio.sleep(AGAIN_SECONDS)
            self.wake()

    async def _watch(self) -> None:
        await watch_commits(self.wake)

    async def _tail(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._woken.wait()
            self._woken.clear()
            cursors = {topic: followed.cursor for topic, followed in self._followed.items()}
            while cursors:
                cursors = await self._hand_out(cursors)

    async def _hand_out(self, cursors: Mapping[Topic, int]) -> dict[Topic, int]:
        """Reads and gives every reader its news; the topics that have more, with their cursors."""
        more, served = {}, 0
        for topic, batch, is_more in await self._tail_thread.run(log.read_news, cursors):
            followed = self._followed.get(topic)
            if followed is None or followed.cursor != cursors[topic]:
                continue  # its last reader has left meanwhile, and perhaps another one has come
            for reader in tuple(followed.readers):  # some may leave meanwhile; who comes reads this batch in the table
                reader.offer(batch)
                served += 1
                if served % READERS_AT_ONCE == 0:
                    await asyncio.sleep(0)
            # Not before: should a reader fail, the batch comes again, and those who have had it know it by its ids.
            followed.cursor = batch.last_id
            if is_more:
                more[topic] = batch.last_id
        if served:
            await asyncio.sleep(min(MOST_REST_SECONDS, served * REST_SECONDS_A_READER))
        return more


_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


def running_hub() -> Hub:
    """The hub of the running event loop; a server has one."""
    loop = asyncio.get_running_loop()
    for closed in [each for each in _hubs if each.is_closed()]:
        del _hubs[closed]
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def figures() -> Figures:
    """Of all hubs of this process; from any thread."""
    counted = [hub.figures for hub in tuple(_hubs.values())]
    return Figures(*(sum(column) for column in zip((0, 0, 0), *counted, strict=True)))
