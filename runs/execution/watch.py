"""Watches over a run while its agent works: a lost lease, a cancellation, this worker's end, the time limit."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.utils import timezone

from config.api.params import read
from projects.leases import Lease
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.models import Run
from runs.workers import stopping

LOOK_EVERY_SECONDS = 0.2


async def watch_run(run: Run, lease: Lease) -> None:
    """Returns never; raises RunInterrupted or RunCannotGoOn when the agent must be ended."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    minutes: int = await sync_to_async(read)("runs.time_limit_minutes")
    ends_at = (run.started_at or timezone.now()) + timedelta(minutes=minutes)

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    stop_listening = stopping.listen(wake)
    try:
        while True:
            if stopping.is_requested():
                raise RunInterrupted("stopping")
            _check(await sync_to_async(_status)(lease))
            if timezone.now() >= ends_at:
                raise RunCannotGoOn("time-limit", f"The run took longer than {minutes} minutes and was ended.")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await woken.wait()
    finally:
        stop_listening()


def _status(lease: Lease) -> str | None:
    """The run's status, None when it is not ours any more."""
    status: str | None = lease.held().values_list("status", flat=True).first()
    return status


def _check(status: str | None) -> None:
    if status == Run.Status.CANCELLED:
        raise RunInterrupted("cancelled")
    if status != Run.Status.RUNNING:
        raise RunInterrupted("lost")
