"""Tasks end for certain, whatever they do with a cancellation."""

import asyncio

import pytest

from runs.stream import ending

pytestmark = pytest.mark.plumbing


async def test_a_task_that_swallows_a_cancellation_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN_SECONDS", 0.01)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                swallowed += 1

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await ending.end(task)
    assert (task.done(), swallowed) == (True, 3)


async def test_an_error_of_the_task_is_not_that_of_who_ends_it() -> None:
    async def failing() -> None:
        raise ValueError("its own")

    task = asyncio.create_task(failing())
    await asyncio.sleep(0)
    await ending.end(task)

    with pytest.raises(ValueError, match="its own"):
        task.result()
