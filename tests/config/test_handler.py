"""Requests share the interpreter by turns, and those that wait for something keep nobody else waiting."""

import asyncio
import threading

import pytest

from config.handler import BUSY_REQUESTS, ThreadedHandler

pytestmark = pytest.mark.plumbing


def test_requests_that_wait_let_others_through() -> None:
    handler, may_end = ThreadedHandler(), threading.Event()

    async def scene() -> None:
        waiting = [asyncio.create_task(handler._in_thread(may_end.wait)) for _ in range(3 * BUSY_REQUESTS)]
        try:
            assert await asyncio.wait_for(handler._in_thread(int, "7"), 30) == 7
        finally:
            may_end.set()
        assert all(await asyncio.gather(*waiting))

    asyncio.run(scene())


def test_a_turn_is_given_up_once() -> None:
    handler = ThreadedHandler()

    async def scene() -> None:
        for _ in range(3 * BUSY_REQUESTS):
            with pytest.raises(ZeroDivisionError):
                await handler._in_thread(divmod, 1, 0)
        assert handler._turns._value == BUSY_REQUESTS

    asyncio.run(scene())
