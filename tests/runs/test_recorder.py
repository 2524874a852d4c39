"""The recorder: what an agent was heard to do is in the table, whenever its turn ends."""

import asyncio
import json
import random
import time
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async

from projects import leases
from runs.execution.agents.updates import ToolStarted
from runs.execution.recorder import Recorder
from runs.models import AgentEvent, Run
from runs.redaction import Redactor
from runs.services import lifecycle


def claimed(run: Run) -> leases.Lease:
    """The run, running, with the lease of an executor."""
    Run.objects.filter(pk=run.pk).update(status="queued")
    lease = leases.claim(Run.objects.filter(status="queued"), run.pk)
    assert lease is not None
    lifecycle.move(run, "claim", lease=lease)
    return lease


def said(run: Run) -> list[str]:
    """What the log has of the agent's tools, in order."""
    events = AgentEvent.objects.filter(run=run, event_type="tool_started").order_by("id")
    return [json.loads("{" + event.body)["message"] for event in events]


def tool(title: str) -> ToolStarted:
    return ToolStarted(tool_call_id=title, title=title, kind="other", paths=())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("steps", range(6))
def test_a_batch_is_written_once_though_its_writer_is_cancelled_as_it_ends(
    run: Run, tmp_path: Path, steps: int
) -> None:
    lease = claimed(run)

    async def one_turn() -> None:
        recorder = Recorder(run, lease, tmp_path, lambda: None, redactor=Redactor({}))
        recorder.take(tool("once"))
        before = asyncio.all_tasks()
        flushing = asyncio.create_task(recorder.flush())
        while not (inner := asyncio.all_tasks() - before - {flushing}):  # noqa: ASYNC110 - the task has no event yet
            await asyncio.sleep(0)
        await asyncio.wait(inner)
        for _ in range(steps):
            await asyncio.sleep(0)
        flushing.cancel()
        await asyncio.gather(flushing, return_exceptions=True)
        await recorder.finish()

    async_to_sync(one_turn)()

    assert said(run) == ["once"]


@pytest.mark.django_db(transaction=True)
def test_no_update_is_lost_or_doubled_when_the_turn_ends_while_a_batch_is_written(run: Run, tmp_path: Path) -> None:
    lease = claimed(run)
    expected = []

    async def use_the_thread() -> None:
        while True:
            await sync_to_async(time.sleep)(0.005)

    async def one_turn(number: int) -> None:
        recorder = Recorder(run, lease, tmp_path, lambda: None, redactor=Redactor({}))
        writing = asyncio.create_task(recorder.run())
        others = [asyncio.create_task(use_the_thread()) for _ in range(3)]  # so that a batch has to queue for it
        for step in range(20):
            title = f"{number}.{step}"
            expected.append(title)
            recorder.take(tool(title))
            await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311 - no secret
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await recorder.finish()
        for other in others:
            other.cancel()

    for number in range(10):
        async_to_sync(one_turn)(number)

    assert said(run) == expected
