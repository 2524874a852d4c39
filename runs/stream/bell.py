"""Tells one task that there is something to do: `asyncio.Event` for one who waits, at a tenth of its memory."""

import asyncio


class Bell:
    """Rung once or many times, it is heard once."""

    __slots__ = ("_is_rung", "_waiter")

    def __init__(self) -> None:
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_awaited(self) -> bool:
        """Whether somebody listens, and has not been woken yet."""
        return self._waiter is not None and not self._waiter.done()

    def ring(self) -> None:
        """Wakes who listens, now or at the next time."""
        self._is_rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def heard(self) -> None:
        """Waits until it has been rung since the last time. For one task only."""
        if not self._is_rung:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._is_rung = False
