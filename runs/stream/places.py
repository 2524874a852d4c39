"""The places that this web process' streams hold: renewed and guarded together, given back when a stream ends."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from runs.services import places
from runs.stream.ending import end
from runs.stream.guard import Watched, lost_places
from runs.stream.threads import Threads

logger = logging.getLogger(__name__)
RENEW_SECONDS = 10.0
ACCESS_SECONDS = 3.0
"""So often one look tells which of all streams have lost their place, their person, or what they follow."""


class Place:
    """One stream's place. `is_lost` once access has ended or another stream replaced it; `on_loss` is called then."""

    __slots__ = ("is_lost", "on_loss", "pk", "watched")

    def __init__(self, pk: int, watched: Watched, on_loss: Callable[[], object]) -> None:
        self.pk, self.watched, self.on_loss = pk, watched, on_loss
        self.is_lost = False

    def lose(self) -> None:
        """Tells the stream, once."""
        if not self.is_lost:
            self.is_lost = True
            self.on_loss()


class Places:
    """All places of one event loop."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._held: dict[int, Place] = {}
        self._given_back: dict[int, asyncio.Future[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._going: set[asyncio.Task[None]] = set()
        self._is_giving_back = False

    @property
    def count(self) -> int:
        return len(self._held)

    def hold(self, place: Place, replaced: frozenset[int]) -> None:
        """Keeps a place that was taken; streams of this process that it replaces are told at once."""
        self._held[place.pk] = place
        for pk in replaced:
            if older := self._held.get(pk):
                older.lose()
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._repeat(self._renew, lambda: RENEW_SECONDS)),
                asyncio.create_task(self._repeat(self._look, lambda: ACCESS_SECONDS)),
            ]

    def free(self, pk: int) -> "asyncio.Future[None]":
        """Gives a place back, without a wait: the stream that held it may be on its way out. Done once it is free."""
        self._held.pop(pk, None)
        freed = self._given_back[pk] = asyncio.get_running_loop().create_future()
        if not self._is_giving_back:
            self._is_giving_back = True
            self._go(self._give_back())
        if not self._held:
            for task in self._tasks:
                self._go(end(task))
            self._tasks = []
        return freed

    async def close(self) -> None:
        """Waits until everything that was given back is free."""
        while self._going:
            await asyncio.wait(self._going)  # gather would not let the callbacks run that take out what is done

    def _go(self, work: "asyncio._CoroutineLike[None]") -> None:
        task = asyncio.create_task(work)
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _give_back(self) -> None:
        """Frees all that has come together since the last time by one statement. What fails lapses by itself."""
        try:
            while self._given_back:
                given_back, self._given_back = self._given_back, {}
                await self._logged(self._threads.run(places.free_places, set(given_back)))
                for freed in given_back.values():
                    if not freed.done():
                        freed.set_result(None)
        finally:
            self._is_giving_back = False

    async def _repeat(self, work: Callable[[], Awaitable[None]], pause_seconds: Callable[[], float]) -> None:
        while True:
            await asyncio.sleep(pause_seconds())
            await self._logged(work())

    async def _renew(self) -> None:
        await self._threads.run(places.renew_places, list(self._held))

    async def _look(self) -> None:
        watched = {pk: place.watched for pk, place in self._held.items()}
        for pk in await self._threads.run(lost_places, watched):
            if place := self._held.get(pk):
                place.lose()

    async def _logged(self, work: Awaitable[None]) -> None:
        """Awaits a question to the database; whatever fails is logged and asked again in its time."""
        try:
            await work
        except Exception:
            logger.exception("Places of streams could not be looked at or written.")
