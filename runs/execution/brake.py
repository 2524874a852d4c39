"""Holds an agent's processes still: for a pause, for looks at its files, and for both at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runs.execution.sandbox.running import SandboxedProcess


class Brake:
    """The one who stops and continues a process tree; it goes on when nobody wants it still any more."""

    def __init__(self, process: SandboxedProcess) -> None:
        self._process = process
        self._lock = asyncio.Lock()
        self._holders = 0
        self._is_paused = False
        self._is_open = False
        self._may_go = asyncio.Event()
        self._may_go.set()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Nothing of the agent moves while the body runs."""
        await self._hold()
        try:
            yield
        finally:
            await self._let_go()

    @property
    def is_paused(self) -> bool:
        """Whether a pause holds the processes still."""
        return self._is_paused

    async def set_paused(self, is_wanted: bool) -> None:
        """Called at every look at the run. An agent that has not opened its session yet is let finish with that.

        It has only so long for that, and before its prompt it does nothing: a pause keeps the prompt back.
        """
        if is_wanted:
            self._may_go.clear()
        else:
            self._may_go.set()
        if self._is_open and is_wanted != self._is_paused:
            self._is_paused = is_wanted
            await (self._hold() if is_wanted else self._let_go())

    async def may_prompt(self) -> None:
        """Returns when no pause is wanted. From now on the session is open, and a pause stops the processes."""
        self._is_open = True
        await self._may_go.wait()

    async def _hold(self) -> None:
        async with self._lock:
            self._holders += 1
            if self._holders == 1:
                await self._process.suspend()

    async def _let_go(self) -> None:
        async with self._lock:
            self._holders -= 1
            if self._holders == 0:
                await self._process.resume()
