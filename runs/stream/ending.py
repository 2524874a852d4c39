"""Ends tasks for certain. On Python 3.11 `asyncio.wait_for`, which libraries use, can swallow one cancellation
when what it waits for comes true at the same moment (cpython issue 86296): the task would go on for ever.
"""

import asyncio

AGAIN_SECONDS = 0.5


async def end(task: asyncio.Task[None]) -> None:
    """Cancels the task until it has ended. Its own error, if it has one, is not raised here."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=AGAIN_SECONDS)
