"""What is done for workers that died: their tasks are delivered again, their leases end, their runs are queued again.

A worker is dead when its process is gone (same host) or when it has given no sign of life for a lease's time (another
host). Any worker may do this at any time, several at once too: every step is one conditional UPDATE.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django_tasks.base import Task, TaskResultStatus
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from accounts.services import audit
from config.api.owners import is_owner_gone
from projects.index_models import ProjectIndex
from projects.leases import LEASE, Lease, free
from projects.models import Project
from projects.tasks import clone_project, index_project, pull_project
from runs.errors import TaskNotFailed
from runs.events import LeaseLost
from runs.models import Run, RunAttempt, WorkerProcess
from runs.services import pausing
from runs.tasks import execute_run, push_run

logger = logging.getLogger(__name__)
FORGOTTEN_AT_ONCE = 20


def recover_the_dead() -> dict[str, int]:
    """Looks once for dead workers and ownerless runs, recovers what they left, and counts what it found."""
    dead = [worker for worker in WorkerProcess.objects.all() if _is_dead(worker)]
    for worker in dead:
        _bury(worker)
    _redeliver_orphans()
    return {
        "dead_workers": len(dead),
        "requeued_runs": requeue_ownerless_runs(),
        "redelivered_runs": deliver_forgotten_runs(),
        "redelivered_work": deliver_forgotten_work(),
    }


def _is_dead(worker: WorkerProcess) -> bool:
    gone = is_owner_gone(worker.name)
    return timezone.now() - worker.last_seen_at > LEASE if gone is None else gone


def _bury(worker: WorkerProcess) -> None:
    logger.warning("Worker %s is gone; its work is delivered again.", worker.name)
    free_work_of(worker.name)
    worker.delete()


def free_work_of(owner: str) -> None:
    """Ends the leases that an owner held who is dead, or does nothing, and makes its tasks ready again."""
    for model in (Project, ProjectIndex, Run):
        model._default_manager.filter(lease_owner=owner).update(lease_expires_at=Now())
    for row in DBTaskResult.objects.running():
        if row.worker_ids and row.worker_ids[-1] == owner:
            DBTaskResult.objects.filter(pk=row.pk, status=TaskResultStatus.RUNNING, worker_ids=row.worker_ids).update(
                status=TaskResultStatus.READY, started_at=None
            )


def _redeliver_orphans() -> None:
    """Tasks of workers that died before their first sign of life, or whose burial was cut short."""
    known = set(WorkerProcess.objects.values_list("name", flat=True))
    for owner in {row.worker_ids[-1] for row in DBTaskResult.objects.running() if row.worker_ids} - known:
        if is_owner_gone(owner):
            free_work_of(owner)


@transaction.atomic
def redeliver(task: DBTaskResult, *, actor: User) -> None:  # type: ignore[type-arg] # its parameters crash mypy
    """Makes a failed task ready again, as an operator wishes: what it finds to do now, it does."""
    failed = DBTaskResult.objects.filter(pk=task.pk, status=TaskResultStatus.FAILED)
    if not failed.update(status=TaskResultStatus.READY, started_at=None, finished_at=None):
        raise TaskNotFailed(f"It is {task.status.lower()}; only failed tasks are delivered again by hand.")
    audit(actor, "task_redelivered", task=task.task_path, arguments=task.args_kwargs)


def requeue_ownerless_runs() -> int:
    """No run stays `running` without a living lease; how many did."""
    ownerless = list(Run.objects.filter(free(), status=Run.Status.RUNNING))
    for run in ownerless:
        requeue_lost_run(run)
    return len(ownerless)


def requeue_lost_run(run: Run) -> None:
    """Queues a run again (or fails it) as it was seen: one that somebody else has claimed meanwhile stays theirs."""
    seen = Lease(Run, run.pk, run.lease_generation)
    try:
        pausing.take_from_lost_worker(run, seen)
    except LeaseLost:
        logger.info("Run %s was recovered by somebody else.", run.pk)


def deliver_forgotten_runs() -> int:
    """A queued run whose task has ended without claiming it (the database was away just then) gets another one."""
    waiting = Run.objects.filter(free(), status=Run.Status.QUEUED, queued_at__lt=timezone.now() - LEASE)
    return _deliver(execute_run, waiting.order_by("queued_at"))


def deliver_forgotten_work() -> int:
    """The same for clones, pulls, indexes, pushes, and for cancelled runs whose worker died before it recorded them."""
    status = Project.Status
    forgotten = Project.objects.filter(free(), updated_at__lt=timezone.now() - LEASE)
    pushes = RunAttempt.objects.filter(push_status__in=[Run.PushStatus.QUEUED, Run.PushStatus.PUSHING])
    cancelled = Run.objects.filter(free(), status=Run.Status.CANCELLED).exclude(lease_owner="")
    indexes = ProjectIndex.objects.filter(free(), status__in=ProjectIndex.UNDER_WAY)
    indexes = indexes.filter(updated_at__lt=timezone.now() - LEASE)
    return (
        _deliver(clone_project, forgotten.filter(status__in=[status.PENDING, status.CLONING]))
        + _deliver(pull_project, forgotten.filter(status=status.PULLING))
        + _deliver(push_run, pushes)
        + _deliver(index_project, indexes, key="project_id")
        + _deliver(execute_run, cancelled.filter(finished_at__lt=timezone.now() - LEASE))
    )


def _deliver(task: Task[[int], None], rows: QuerySet[Any], *, key: str = "pk") -> int:
    """Enqueues the task for those rows (the first few) that have no unfinished one; for how many."""
    delivered = 0
    for pk in rows.values_list(key, flat=True)[:FORGOTTEN_AT_ONCE]:
        unfinished = DBTaskResult.objects.filter(
            status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING],
            task_path=task.module_path,
            args_kwargs={"args": [pk], "kwargs": {}},
        )
        if not unfinished.exists():
            logger.warning("%s %s was left without a task; it is delivered again.", rows.model.__name__, pk)
            task.enqueue(pk)
            delivered += 1
    return delivered
