"""The few threads in which streams ask the database: as many for a thousand streams as for one."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import Error, close_old_connections, connections

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """So many threads at most, each with a connection that it keeps (SQLite) or gives back to the pool after each use.

    With `keeps_connection` it is kept in any case, for what must never wait for the pool; an error of the database
    closes it.
    """

    def __init__(self, count: int, name: str, *, keeps_connection: bool = False) -> None:
        self._count, self._keeps_connection = count, keeps_connection
        self._executor = ThreadPoolExecutor(count, name)

    def start(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        """Begins the work in a thread, in a copy of the caller's context, which has the request's id for log lines."""
        work = partial(copy_context().run, self._work, partial(function, *arguments, **named))
        return asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def run(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """The same, to its end. Cancelled, the work goes on; only nobody waits for it."""
        return await self.start(function, *arguments, **named)

    def _work(self, function: Callable[[], T]) -> T:
        if self._keeps_connection:
            try:
                return function()
            except Error:
                connections.close_all()
                raise
        close_old_connections()
        try:
            return function()
        finally:
            close_old_connections()

    async def close(self) -> None:
        """Ends the threads, after what they have begun, and closes their connections."""
        meeting = threading.Barrier(self._count)  # so that each thread closes its own

        def leave() -> None:
            meeting.wait()
            connections.close_all()

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._executor, leave) for _ in range(self._count)))
        self._executor.shutdown(wait=False)
