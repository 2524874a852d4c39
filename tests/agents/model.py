"""The scripted model server in a thread of its own, so that tests that wait for nothing can use it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runs.execution.model_server.server import ModelServer


@contextmanager
def served() -> Iterator[ModelServer]:
    """A model server while the body runs."""
    server, loop, ready = ModelServer(), asyncio.new_event_loop(), threading.Event()
    stopped = asyncio.Event()

    async def serve() -> None:
        async with server:
            ready.set()
            await stopped.wait()

    def work() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            loop.close()

    thread = threading.Thread(target=work, name="model server", daemon=True)
    thread.start()
    assert ready.wait(20)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(20)
