"""Holds an agent's processes still: for a pause, for looks at its files, and for both at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.tree_hold import TreeHold


class Brake:
    """The one who stops and continues a process tree; it goes on when nobody wants it still any more.

    A pause lends the work tree to others, so nobody looks at files while one is wanted.
    """

    def __init__(self, process: SandboxedProcess, tree: TreeHold) -> None:
        self._process, self._tree = process, tree
        self._look = asyncio.Lock()
        self._lock = asyncio.Lock()
        self._holders = 0
        self._is_paused = False
        self._is_open = False
        self._may_go = asyncio.Event()
        self._may_go.set()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """While the body runs nothing of the agent moves, and nobody else is in its tree. Waits for a pause's end."""
        async with self._looking():
            await self._hold()
            try:
                yield
            finally:
                await self._let_go()

    @asynccontextmanager
    async def _looking(self) -> AsyncIterator[None]:
        while True:
            await self._may_go.wait()
            async with self._look:
                if self._may_go.is_set():
                    yield
                    return

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
        elif not self._is_paused:
            self._may_go.set()
        if self._is_open and is_wanted != self._is_paused:
            await (self._pause() if is_wanted else self._go_on())

    async def _pause(self) -> None:
        await self._hold()
        self._is_paused = True
        async with self._look:  # a look at the files that was under way comes to its end first
            self._tree.release()

    async def _go_on(self) -> None:
        """Not yet while others are at work in the tree: the next look tries again."""
        if await asyncio.to_thread(self._tree.take, 0):
            self._is_paused = False
            self._may_go.set()
            await self._let_go()

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
