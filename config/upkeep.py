"""What grows is kept in bounds: projects are measured and pruned, finished tasks forgotten; by hand and every hour.

Each project is a task of its own, so that a clone need not wait for all of them.
"""

import time
from collections.abc import Iterator

from django.core.management import call_command
from django.db import DatabaseError, transaction
from django_tasks import task

from config.api.params import read
from docs_mgmt.services.due import queue_due_docs
from projects.models import Project
from projects.services import disk
from projects.services.disk import Removal
from projects.services.index_pruning import forget_unused_analyses, prune_index_files
from projects.services.index_queue import expect_fresh_index
from runs.services import expiry, pruning
from runs.services.attachments import prune_unused
from snapshots.services.collecting import prune_objects
from snapshots.services.pruning import prune_snapshots
from snapshots.services.restoring import finish_interrupted

TASKS_EVERY_SECONDS = 3600.0


def prune_project(project: Project, *, is_dry: bool = False, only_due: bool = False) -> Iterator[Removal]:
    """Removes what the retention params let go, one thing after another; with `is_dry` it only tells.

    Last come the objects of the repository that nothing names any more; with `only_due` when there is much to gain.
    """
    yield from pruning.prune_work_trees(project, is_dry=is_dry)
    yield from pruning.prune_outputs(project, is_dry=is_dry)
    yield from expiry.expire_events(project, is_dry=is_dry)
    yield from prune_snapshots(project, is_dry=is_dry)
    yield from prune_index_files(project, is_dry=is_dry)
    yield from prune_objects(project, is_dry=is_dry, only_due=only_due)


@task()
def keep_up(project_id: int) -> None:
    """Prunes and measures a project. Safe to run twice, and to be killed."""
    project = Project.objects.filter(pk=project_id).first()
    if project is None:
        return
    for _ in prune_project(project, only_due=True):
        pass
    expect_fresh_index(project)
    disk.measure(project)


@task()
def forget_unused_attachments() -> None:
    """Deletes uploads that no prompt has come to use within a day. Safe to run twice, and to be killed."""
    prune_unused()


@task()
def forget_finished_tasks() -> None:
    """Removes the rows of tasks that ended `retention.task_days` ago, by the command of the queue's own package.

    With them go analyses of contents that no index has asked for in a long time.
    """
    call_command("prune_db_task_results", queue_name="*", min_age_days=read("retention.task_days"), verbosity=0)
    forget_unused_analyses()


class Upkeep:
    """Called at a worker's heartbeat, it queues what is due, and finishes restores that were cut short."""

    def __init__(self) -> None:
        self._tasks_at = time.monotonic()

    def __call__(self) -> None:
        try:
            finish_interrupted()
            self._queue_due()
        except DatabaseError:  # the next heartbeat tries again
            return

    @transaction.atomic
    def _queue_due(self) -> None:
        queue_due_docs()
        for project_id in disk.take_due_upkeep():
            keep_up.enqueue(project_id)
        if time.monotonic() >= self._tasks_at:
            forget_finished_tasks.enqueue()
            forget_unused_attachments.enqueue()
            self._tasks_at = time.monotonic() + TASKS_EVERY_SECONDS
