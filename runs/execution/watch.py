"""Watches over a run while its agent works: a lost lease, a cancel, a pause, this worker's end, the time limit."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from config.api.params import read
from projects.leases import Lease
from runs.execution.brake import Brake
from runs.execution.errors import RunCannotGoOn, RunInterrupted
from runs.execution.patience import patiently
from runs.models import Run
from runs.workers import stopping

LOOK_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class _State:
    """What the run's row says now."""

    status: str
    limit_from: datetime
    paused_at: datetime


async def watch_run(lease: Lease, brake: Brake) -> None:
    """Returns never; raises RunInterrupted or RunCannotGoOn when the agent must be ended. A pause holds it still.

    While the database is away the run goes on as it was; when it stays away, its error is raised.
    """
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    limit_minutes: int = await patiently(read, "runs.time_limit_minutes")
    detach_minutes: int = await patiently(read, "runs.pause_detach_after_minutes")

    def wake() -> None:
        loop.call_soon_threadsafe(woken.set)

    stop_listening = stopping.listen(wake)
    try:
        while True:
            if stopping.is_requested():
                raise RunInterrupted("stopping")
            state = await patiently(_look, lease)
            _check_limits(state, limit_minutes, detach_minutes)
            await brake.set_paused(state.status == Run.Status.PAUSED)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await woken.wait()
    finally:
        stop_listening()


def _look(lease: Lease) -> _State:
    row = lease.held().values_list("status", "limit_from", "paused_at").first()
    if row is None:
        raise RunInterrupted("lost")
    status, limit_from, paused_at = row
    now = timezone.now()
    return _State(status, limit_from or now, paused_at or now)


def _check_limits(state: _State, limit_minutes: int, detach_minutes: int) -> None:
    """A pause does not count for the time limit; a long one ends the agent, so that another run gets its worker."""
    if state.status == Run.Status.PAUSED:
        if timezone.now() - state.paused_at >= timedelta(minutes=detach_minutes):
            raise RunInterrupted("paused")
    elif state.status != Run.Status.RUNNING:
        raise RunInterrupted("cancelled" if state.status == Run.Status.CANCELLED else "lost")
    elif timezone.now() - state.limit_from >= timedelta(minutes=limit_minutes):
        raise RunCannotGoOn("time-limit", f"The run took longer than {limit_minutes} minutes and was ended.")
