"""The life of a run: created, edited, started, cancelled, ended. Every status change goes through `move`."""

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from projects.errors import ProjectNotReady
from projects.leases import Lease
from projects.models import Project
from runs import tasks
from runs.errors import RunNotEditable
from runs.events import Draft, LeaseLost, append
from runs.models import Run
from runs.services.permissions import expire_permissions
from runs.transitions import MOVES, allowed_actions


def conflict_members(run: Run) -> dict[str, Any]:
    """What every conflict of a run tells: which run, its status, and what it allows."""
    return {**run.problem_members, "allowed_actions": allowed_actions(run.status)}


@transaction.atomic
def move(run: Run, action: str, *, lease: Lease | None = None, message: str = "", **changes: Any) -> None:
    """Makes one legal status change and logs it, or raises the move's problem. Safe against races.

    With a lease the move is the executor's: LeaseLost when the run is no longer its own.
    """
    rule = MOVES[action]
    rows = Run.objects.filter(pk=run.pk, status__in=rule.sources)
    if lease is not None:
        rows = rows.filter(lease_generation=lease.generation)
    if not rows.update(status=rule.to, **{rule.stamps: timezone.now(), **changes}):
        if lease is not None:
            raise LeaseLost(run.pk)
        run.refresh_from_db()
        raise rule.error(f"Run #{run.pk} is {run.status}.", **conflict_members(run))
    run.refresh_from_db()
    append(run, [Draft(rule.event, message or f"Run is {rule.to}.", rule.severity, data={"status": rule.to})])


@transaction.atomic
def create_run(project: Project, *, actor: User, start: bool = False, **fields: Any) -> Run:
    """A draft, and with `start` queued in the same transaction."""
    if project.status == Project.Status.ARCHIVED:
        raise ProjectNotReady("The project is archived.", **project.error_members)
    fields.setdefault("selected_agent", project.selected_agent)
    fields.setdefault("selected_model", project.selected_model)
    fields.setdefault("rag_enabled", project.rag_enabled)
    fields.setdefault("safe_mode", project.safe_mode)
    run = Run.objects.create(project=project, created_by=actor, **fields)
    append(run, [Draft("run_created", run.title)])
    if start:
        start_run(run, actor=actor)
    return run


@transaction.atomic
def start_run(run: Run, *, actor: User) -> None:
    """Queues the run; the task commits with the status. The project's lock keeps it from being archived meanwhile."""
    project = Project.objects.select_for_update(no_key=True).get(pk=run.project_id)
    if project.status not in (Project.Status.READY, Project.Status.PULLING):
        raise ProjectNotReady(
            f"The project is {project.status}: a run needs its clone.", run_id=run.pk, **project.error_members
        )
    move(run, "start", message=f"Started by {actor.get_short_name()}.")
    tasks.execute_run.enqueue(run.pk)


@transaction.atomic
def edit_draft(run: Run, **fields: Any) -> None:
    """Changes a run that has not been started."""
    _lock_draft(run)
    for name, value in fields.items():
        setattr(run, name, value)
    run.save(update_fields=list(fields))


@transaction.atomic
def delete_draft(run: Run) -> None:
    """Deletes a run that has not been started."""
    _lock_draft(run)
    run.delete()


def _lock_draft(run: Run) -> None:
    if not Run.objects.select_for_update().filter(pk=run.pk, status=Run.Status.DRAFT).exists():
        run.refresh_from_db()
        raise RunNotEditable(f"Run #{run.pk} is {run.status}.", **conflict_members(run))


@transaction.atomic
def cancel_run(run: Run, *, actor: User) -> None:
    """Ends the run for good. A running agent is killed by its executor, which sees the status change."""
    move(run, "cancel", message=f"Cancelled by {actor.get_short_name()}.")
    expire_permissions(run)


@transaction.atomic
def requeue_run(run: Run, lease: Lease | None, reason: str) -> None:
    """Gives a running run back to the queue: its worker is gone or going. The attempt stays the same.

    The generation grows: a worker that was only slow must not renew the lease of a run that waits for another one.
    """
    freed = {"lease_generation": F("lease_generation") + 1, "lease_expires_at": None, "lease_owner": ""}
    move(run, "recover", lease=lease, message=reason, **freed)
    tasks.execute_run.enqueue(run.pk)


def fail_run(run: Run, code: str, message: str, *, lease: Lease | None = None) -> None:
    """Ends the run as failed, with a reason that a person can act on."""
    error = {"code": code, "message": message}
    move(run, "fail", lease=lease, message=message, error=error, lease_expires_at=None, lease_owner="")
