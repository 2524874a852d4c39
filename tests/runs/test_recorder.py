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
from runs.services import lifecycle


@pytest.mark.django_db(transaction=True)
def test_no_update_is_lost_or_doubled_when_the_turn_ends_while_a_batch_is_written(run: Run, tmp_path: Path) -> None:
    Run.objects.filter(pk=run.pk).update(status="queued")
    lease = leases.claim(Run.objects.filter(status="queued"), run.pk)
    assert lease is not None
    lifecycle.move(run, "claim", lease=lease)
    expected = []

    async def use_the_thread() -> None:
        while True:
            await sync_to_async(time.sleep)(0.005)

    async def one_turn(number: int) -> None:
        recorder = Recorder(run, lease, tmp_path, lambda: None)
        writing = asyncio.create_task(recorder.run())
        others = [asyncio.create_task(use_the_thread()) for _ in range(3)]  # so that a batch has to queue for it
        for step in range(20):
            title = f"{number}.{step}"
            expected.append(title)
            recorder.take(ToolStarted(tool_call_id=title, title=title, kind="other", paths=()))
            await asyncio.sleep(random.uniform(0, 0.01))  # noqa: S311 - no secret
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await recorder.finish()
        for other in others:
            other.cancel()

    for number in range(10):
        async_to_sync(one_turn)(number)

    events = AgentEvent.objects.filter(run=run, event_type="tool_started").order_by("id")
    assert [json.loads("{" + event.body)["message"] for event in events] == expected
