"""The life of a run: created, edited, started, tried again, ended. Every status change goes through `move`."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from projects.errors import ProjectNotReady
from projects.leases import Lease
from projects.models import Project
from projects.services.disk import require_room
from projects.services.lifecycle import lock_writable, require_writable
from runs import tasks
from runs.errors import AgentNotEnabled, RunNotEditable
from runs.events import Draft, LeaseLost, append
from runs.known_secrets import redactor_of
from runs.models import Run, RunMessage
from runs.queries import conflict_members
from runs.services.attachments import take
from runs.services.counting import count
from runs.services.permissions import expire_permissions
from runs.storable import storable
from runs.transitions import MOVES
from settings_params.availability import is_enabled


@transaction.atomic
def move(run: Run, action: str, *, lease: Lease | None = None, message: str = "", **changes: Any) -> None:
    """Makes one legal status change and logs it, or raises the move's problem. Safe against races.

    With a lease the move is the executor's: LeaseLost when the run is no longer its own.
    """
    rule = MOVES[action]
    rows = Run.objects.filter(pk=run.pk, status__in=rule.sources)
    if lease is not None:
        rows = rows.filter(lease_generation=lease.generation)
    former = rows.select_for_update().values_list("status", flat=True).first()
    stamp = {rule.stamps: timezone.now()} if rule.stamps else {}
    if former is None or not rows.update(status=rule.to, **{**stamp, **changes}):
        if lease is not None:
            raise LeaseLost(run.pk)
        run.refresh_from_db()
        raise rule.error(f"Run #{run.pk} is {run.status}.", **conflict_members(run))
    run.refresh_from_db()
    append(run, [Draft(rule.event, message or f"Run is {rule.to}.", rule.severity, data={"status": rule.to})])
    count(run.project_id, {former: -1, rule.to: 1})


@transaction.atomic
def create_run(
    project: Project, *, actor: User, start: bool = False, attachment_ids: Sequence[int] = (), **fields: Any
) -> Run:
    """A draft, and with `start` queued in the same transaction."""
    lock_writable(project)
    fields.setdefault("selected_agent", project.selected_agent)
    fields.setdefault("selected_model", project.selected_model)
    fields.setdefault("rag_enabled", project.rag_enabled)
    fields.setdefault("safe_mode", project.safe_mode)
    run = Run.objects.create(project=project, created_by=actor, **fields)
    if attachment_ids:
        run.attached = take(attachment_ids, run, None, actor=actor)
        run.save(update_fields=["attached"])
    append(run, [Draft("run_created", run.title)])
    count(project.pk, {run.status: 1})
    if start:
        start_run(run, actor=actor)
    return run


@transaction.atomic
def start_run(run: Run, *, actor: User) -> None:
    """Queues the run; the task commits with the status."""
    project = hold_project(run)
    require_clone(project, run)
    require_room(project)
    require_agent(run, "start")
    move(run, "start", message=f"Started by {actor.get_short_name()}.")
    tasks.execute_run.enqueue(run.pk)


def hold_project(run: Run) -> Project:
    """Takes the project's lock, which keeps it from being archived meanwhile."""
    return Project.objects.select_for_update(no_key=True).get(pk=run.project_id)


def require_agent(run: Run, action: str) -> None:
    """409 `agent-not-enabled` where an operator has taken the agent out of use since the draft named it.

    A run that the move does not fit in any case is left for the move to refuse.
    """
    if run.status in MOVES[action].sources and not is_enabled(run.selected_agent):
        raise AgentNotEnabled(
            f"The agent {run.selected_agent} is not enabled. An operator enables it (PUT /api/settings/providers/"
            f"{run.selected_agent}), or the run is made anew with another one.",
            **conflict_members(run),
        )


def require_clone(project: Project, run: Run) -> None:
    """409 `project-not-ready` unless there is a clone to work with."""
    if project.status not in (Project.Status.READY, Project.Status.PULLING):
        raise ProjectNotReady(
            f"The project is {project.status}: a run needs its clone.", run_id=run.pk, **project.error_members
        )


@transaction.atomic
def retry_run(run: Run, *, actor: User) -> None:
    """Queues a failed run for a new attempt, with a branch and a work tree of its own; those of the old one stay.

    Messages that no agent has read yet go along.
    """
    project = hold_project(run)
    require_clone(project, run)
    require_room(project)
    require_agent(run, "retry")
    fresh = {"error": None, "started_at": None, "paused_at": None, "finished_at": None, **set_going()}
    move(run, "retry", message=f"Tried again by {actor.get_short_name()}.", attempt=F("attempt") + 1, **fresh)
    expire_permissions(run)
    run.messages.filter(status__in=RunMessage.OPEN).update(
        status=RunMessage.Status.PENDING, attempt=run.attempt, delivered_at=None
    )
    tasks.execute_run.enqueue(run.pk)


def set_going() -> dict[str, Any]:
    """The fields of a run that a person sets going: its time limit and its lost workers count from here."""
    return {"limit_from": None, "lost_workers": 0}


@transaction.atomic
def edit_draft(run: Run, *, actor: User, attachment_ids: Sequence[int] | None = None, **fields: Any) -> None:
    """Changes a run that has not been started. Attachments that it has no more can be used by another."""
    _lock_draft(run)
    if attachment_ids is not None:
        fields["attached"] = take(attachment_ids, run, None, actor=actor)
    for name, value in fields.items():
        setattr(run, name, value)
    run.save(update_fields=list(fields))


@transaction.atomic
def delete_draft(run: Run) -> None:
    """Deletes a run that has not been started."""
    _lock_draft(run)
    count(run.project_id, {Run.Status.DRAFT: -1})
    run.delete()


def _lock_draft(run: Run) -> None:
    require_writable(hold_project(run))
    if not Run.objects.select_for_update().filter(pk=run.pk, status=Run.Status.DRAFT).exists():
        run.refresh_from_db()
        raise RunNotEditable(f"Run #{run.pk} is {run.status}.", **conflict_members(run))


@transaction.atomic
def cancel_run(run: Run, *, actor: User) -> None:
    """Ends the run for good. A running agent is killed by its executor, which sees the status change."""
    require_writable(hold_project(run))
    move(run, "cancel", message=f"Cancelled by {actor.get_short_name()}.")
    expire_permissions(run)
    run.messages.filter(status__in=RunMessage.OPEN).update(status=RunMessage.Status.DROPPED)


@transaction.atomic
def complete_run(run: Run, lease: Lease) -> bool:
    """Ends the run as done and frees it; False, and nothing written, while a message waits to be read.

    The run's row is locked first, as by who sends a message: one that arrives at this moment is read, or queues the
    run again.
    """
    if not lease.held().filter(status=Run.Status.RUNNING).select_for_update().exists():
        raise LeaseLost(run.pk)
    if run.messages.filter(status__in=RunMessage.OPEN).exists():
        return False
    expire_permissions(run)
    move(run, "complete", lease=lease, message="The run is done.", lease_expires_at=None, lease_owner="")
    return True


@transaction.atomic
def fail_run(run: Run, code: str, message: str, *, lease: Lease | None = None) -> None:
    """Ends the run as failed, with a reason that a person can act on."""
    error = {"code": code, "message": redactor_of(run).text(storable(message))}
    move(run, "fail", lease=lease, message=message, error=error, lease_expires_at=None, lease_owner="")
    expire_permissions(run)
