"""The places that this web process' streams hold: taken, renewed together, and given back as soon as a stream ends."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from channels.db import database_sync_to_async
from django.db import Error, connections

from runs.services import places
from runs.stream.access import Visitor
from runs.stream.ending import end

logger = logging.getLogger(__name__)
RENEW_SECONDS = 10.0


class Place:
    """One stream's place. `is_lost` once another stream of this process has replaced it; `on_loss` is called then."""

    def __init__(self, pk: int) -> None:
        self.pk = pk
        self.is_lost = False
        self.on_loss: Callable[[], None] = lambda: None

    async def is_held(self) -> bool:
        """Whether the place is still this stream's; asks the database, as another process may have replaced it."""
        return not self.is_lost and bool(await database_sync_to_async(places.is_place_held)(self.pk))


class Places:
    """All places of one event loop."""

    def __init__(self) -> None:
        self._held: dict[int, Place] = {}
        self._renewing: asyncio.Task[None] | None = None
        self._going: set[asyncio.Task[None]] = set()

    async def take(self, visitor: Visitor, path: str, client: str) -> Place:
        """A place, or 429; streams of this process that it replaces are told at once."""
        taken = await database_sync_to_async(places.take_place)(visitor.user, visitor.token, path=path, client=client)
        place = self._held[taken.pk] = Place(taken.pk)
        for pk in taken.replaced:
            if (older := self._held.get(pk)) is not None:
                older.is_lost = True
                older.on_loss()
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
        return place

    def free(self, place: Place) -> None:
        """Gives the place back, without a wait: the stream that held it may be on its way out."""
        del self._held[place.pk]
        self._go(asyncio.create_task(_alone(places.free_place, place.pk)))
        if not self._held and self._renewing is not None:
            self._go(asyncio.create_task(end(self._renewing)))
            self._renewing = None

    async def close(self) -> None:
        """Waits until everything that was given back is free."""
        await asyncio.gather(*self._going)

    def _go(self, task: "asyncio.Task[None]") -> None:
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await _alone(places.renew_places, list(self._held))


async def _alone(function: Callable[..., None], argument: Any) -> None:
    """Runs a write in a thread with a connection of its own. Failed, it is logged: what is not renewed lapses."""

    def write() -> None:
        try:
            function(argument)
        finally:
            connections.close_all()

    try:
        await asyncio.to_thread(write)
    except Error:
        logger.exception("Places of streams could not be written.")
