"""A database that is locked or away for a moment ends no run; one that stays away does."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connection

from runs.execution import patience
from runs.execution.brake import Brake
from runs.execution.errors import RunInterrupted
from runs.execution.patience import patiently
from runs.execution.questions import wait_for_answer
from runs.execution.watch import watch_run
from runs.models import Permission, Run
from tests.runs.test_catch_up import ask
from tests.runs.test_recorder import claimed
from tests.runs.test_recorder_flood import impatient, locked

__all__ = ["impatient"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def away(times: int) -> Iterator[Callable[[], int]]:
    """So many statements fail as they do on a lost connection; gives how many are left."""
    left = [times]

    def refuse(execute: Callable[..., Any], *arguments: Any) -> Any:
        if left[0] > 0:
            left[0] -= 1
            raise OperationalError("the connection is lost")
        return execute(*arguments)

    with connection.execute_wrapper(refuse):
        yield lambda: left[0]


def watched(run: Run) -> str:
    """Why a watch on the run ended, when it was cancelled while the database was away for three statements."""
    lease = claimed(run)
    brake = Brake(cast("Any", None), cast("Any", None))  # without a session there is nothing to stop

    async def watch(left: Callable[[], int]) -> None:
        watching = asyncio.create_task(watch_run(lease, brake))
        while left() and not watching.done():  # noqa: ASYNC110 - a statement has no event
            await asyncio.sleep(0.01)
        if watching.done():
            return await watching
        await Run.objects.filter(pk=run.pk).aupdate(status="cancelled")
        return await watching

    with pytest.raises(RunInterrupted) as caught, away(3) as left:
        async_to_sync(watch)(left)
    return caught.value.reason


def test_the_watch_on_a_run_goes_on_afterwards_and_tells_once(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=patience.__name__):
        assert watched(run) == "cancelled"
    assert len([record for record in caplog.records if record.name == patience.__name__]) == 1


def test_a_database_that_stays_away_ends_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.0)
    with pytest.raises(OperationalError):
        watched(run)


def test_an_answer_is_waited_for_all_the_same(run: Run) -> None:
    question = ask(run)

    async def wait(left: Callable[[], int]) -> None:
        waiting = asyncio.create_task(wait_for_answer(question))
        while left() and not waiting.done():  # noqa: ASYNC110 - a statement has no event
            await asyncio.sleep(0.01)
        await Permission.objects.filter(pk=question.pk).aupdate(status="allowed")
        await waiting

    with away(2) as left:
        async_to_sync(wait)(left)
    assert question.status == "allowed"


@pytest.mark.usefixtures("impatient")
def test_what_is_written_while_the_row_is_locked_is_written_afterwards(run: Run) -> None:
    tries = []

    def write() -> int:
        tries.append(1)
        return Run.objects.filter(pk=run.pk).update(title="Written")

    async def wait() -> int:
        with locked(run) as is_over:
            writing = asyncio.create_task(patiently(write))
            while not tries:  # noqa: ASYNC110 - a statement has no event
                await asyncio.sleep(0.01)
            await sync_to_async(is_over.set)()  # after the first try, which had the same thread
        return await writing

    assert (async_to_sync(wait)(), len(tries) > 1) == (1, True)
