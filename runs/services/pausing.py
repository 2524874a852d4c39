"""Pause and resume, and what becomes of a run whose worker goes: running it is queued, paused it stays paused."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from projects.leases import Lease, free
from projects.services.lifecycle import require_writable
from runs import tasks
from runs.events import Draft, LeaseLost, append
from runs.models import Permission, Run
from runs.services.lifecycle import fail_run, hold_project, move

MAX_LOST_WORKERS = 5


@transaction.atomic
def pause_run(run: Run, *, actor: User) -> None:
    """Has the agent held still; its executor sees the status change and stops the agent's processes."""
    require_writable(hold_project(run))
    move(run, "pause", message=f"Paused by {actor.get_short_name()}.")


@transaction.atomic
def resume_run(run: Run, *, actor: User, message: str = "") -> bool:
    """Lets the agent go on where it is held (True); where its process was given up, or lost, queues the run (False)."""
    require_writable(hold_project(run))
    paused_at = Run.objects.select_for_update().values_list("paused_at", flat=True).get(pk=run.pk)
    is_held = not Run.objects.filter(free(), pk=run.pk).exists()
    message = message or f"Resumed by {actor.get_short_name()}."
    if is_held:
        move(run, "resume", message=message)
    else:
        move(run, "requeue", message=message, lost_workers=0, **_freed())
        tasks.execute_run.enqueue(run.pk)
    if paused_at is not None:
        _forgive(run, timezone.now() - paused_at)
    return is_held


def _forgive(run: Run, pause: timedelta) -> None:
    """A pause counts neither for the run's time limit nor for the questions that wait."""
    Run.objects.filter(pk=run.pk).update(limit_from=F("limit_from") + pause)
    run.permissions.filter(status=Permission.Status.PENDING).update(expires_at=F("expires_at") + pause)


def _freed() -> dict[str, Any]:
    """Nobody's run. The generation grows: a worker that was only slow must not renew the lease of a waiting run."""
    return {"lease_generation": F("lease_generation") + 1, "lease_expires_at": None, "lease_owner": ""}


@transaction.atomic
def give_back_run(run: Run, lease: Lease, reason: str) -> bool:
    """Gives the run up when no agent is left of it: running it is queued for another worker, paused it stays paused.

    False when it was cancelled or has ended: it is for the caller to wind up. LeaseLost when it is somebody else's.
    """
    found = lease.held().select_for_update().first()
    if found is None:
        raise LeaseLost(run.pk)
    if found.status == Run.Status.RUNNING:
        requeue_run(run, lease, f"{reason} Another one goes on.")
    elif found.status == Run.Status.PAUSED:
        text = f"{reason} The agent was ended; a resume starts it again where it was."
        append(run, [Draft("log", text)], lease=lease)
        lease.held().update(**_freed())
    else:
        return False
    return True


@transaction.atomic
def requeue_run(run: Run, lease: Lease, reason: str) -> None:
    """Gives a running run back to the queue: its worker is gone or going. The attempt stays the same."""
    move(run, "recover", lease=lease, message=reason, **_freed())
    tasks.execute_run.enqueue(run.pk)


@transaction.atomic
def take_from_lost_worker(run: Run, seen: Lease) -> None:
    """Queues a run whose worker died; one that has lost as many workers as that fails: it may be what kills them."""
    if run.lost_workers >= MAX_LOST_WORKERS:
        message = f"{run.lost_workers + 1} workers were lost with this run: the operator must look at the server's log."
        fail_run(run, "worker-lost", message, lease=seen)
    else:
        requeue_run(run, seen, "The worker was lost; another one goes on.")
        Run.objects.filter(pk=run.pk).update(lost_workers=F("lost_workers") + 1)
