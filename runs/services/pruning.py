"""Removes what runs at rest no longer need: work trees, after their work is safe under a ref, and outputs of commands.

Every step may be the last before a kill -9: the ref comes first, then the row, then the files, and whoever comes next
goes on from there.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from config.api.params import read
from projects.disk_use import used_bytes
from projects.git.errors import GitError
from projects.git.rescue import count_ignored, rescue
from projects.git.work_tree import WorkTree, remove_folder, remove_work_tree
from projects.leases import free
from projects.locks import LockNotFree, repository_lock, rest_lock
from projects.models import Project, Workspace
from projects.services.disk import Removal
from projects.workspaces import open_work_tree
from runs.events import Draft, append
from runs.models import CommandExecution, Run, RunAttempt
from runs.services.outputs import forget_unnamed

logger = logging.getLogger(__name__)
LOCK_WAIT_SECONDS = 10.0
WORK_TREE, OUTPUTS = "work tree", "outputs"


def due_work_trees(project: Project) -> QuerySet[RunAttempt]:
    """Attempts of runs at rest that nobody has moved, reviewed, committed, pushed, snapshotted or restored lately.

    Lately is `retention.worktree_days`.
    """
    days: int = read("retention.worktree_days")
    if not days:
        return RunAttempt.objects.none()
    since = timezone.now() - timedelta(days=days)
    over = Run.objects.filter(free(), project=project, status__in=Run.AT_REST, finished_at__lt=since)
    by_people = ("manual", "restore_checkpoint")
    kept_or_restored = Run.objects.filter(snapshots__kind__in=by_people, snapshots__created_at__gte=since)
    idle = over.exclude(reviews__created_at__gte=since).exclude(pk__in=kept_or_restored.values("pk"))
    attempts = RunAttempt.objects.filter(run__in=idle, workspace__isnull=False, pruned_at=None)
    touched = Q(committed_at__gte=since) | Q(pushed_at__gte=since)
    pushing = Q(push_status__in=[Run.PushStatus.QUEUED, Run.PushStatus.PUSHING])
    return attempts.exclude(touched).exclude(pushing).select_related("workspace__project", "run").order_by("pk")


def prune_work_trees(project: Project, *, is_dry: bool) -> Iterator[Removal]:
    """Removes those that are due, and what is left of those whose removal was cut short."""
    for attempt in due_work_trees(project):
        yield _look_at(attempt) if is_dry else _prune(attempt)
    cut_short = RunAttempt.objects.filter(run__project=project, pruned_at__isnull=False, workspace__isnull=False)
    for attempt in cut_short.select_related("workspace__project", "run").order_by("pk"):
        if _is_there(_workspace(attempt)):
            yield _look_at(attempt) if is_dry else _finish(attempt)


def _name(attempt: RunAttempt) -> str:
    return f"run {attempt.run_id}, attempt {attempt.number}"


def _workspace(attempt: RunAttempt) -> Workspace:
    if attempt.workspace is None:
        raise RuntimeError("only attempts with a work space are asked for")
    return attempt.workspace


def _is_there(workspace: Workspace) -> bool:
    return any(
        folder.exists() for folder in (workspace.work_tree_path, workspace.index_path, workspace.agent_home_path)
    )


def _look_at(attempt: RunAttempt) -> Removal:
    workspace = _workspace(attempt)
    size = used_bytes([workspace.folder])
    try:
        with rest_lock(workspace, wait_seconds=0):
            ignored = _ignored_files(open_work_tree(workspace))
    except LockNotFree:
        return _kept(attempt, "others are at work in it")
    except GitError as error:
        return _kept(attempt, error.message)
    rescued = attempt.rescue_ref or None
    return Removal(WORK_TREE, _name(attempt), workspace.project_id, size, rescued, ignored_files=ignored)


def _ignored_files(work_tree: WorkTree) -> int:
    return count_ignored(work_tree) if work_tree.is_ready else 0


def _prune(attempt: RunAttempt) -> Removal:
    try:
        with rest_lock(_workspace(attempt), wait_seconds=0):
            return _prune_held(attempt)
    except LockNotFree:
        return _kept(attempt, "others are at work in it")
    except GitError as error:
        return _kept(attempt, error.message)


def _prune_held(attempt: RunAttempt) -> Removal:
    """The caller holds the tree: no agent starts in it, nobody reads it."""
    work_tree, ref = open_work_tree(_workspace(attempt)), None
    ignored = _ignored_files(work_tree)
    if work_tree.is_ready:
        with repository_lock(_workspace(attempt).project, wait_seconds=LOCK_WAIT_SECONDS):
            ref = rescue(
                work_tree,
                name=f"run-{attempt.run_id}-{attempt.number}",
                branch=attempt.branch,
                pushed=attempt.commit if attempt.push_status == Run.PushStatus.PUSHED else None,
                message=f"Work tree of {_name(attempt)}, kept before it was removed",
            )
    if not _record(attempt, ref, ignored):
        return _kept(attempt, "the run has been taken up again")
    return replace(_remove(attempt), ignored_files=ignored)


def _kept(attempt: RunAttempt, reason: str) -> Removal:
    return Removal(WORK_TREE, _name(attempt), _workspace(attempt).project_id, kept_for=reason)


@transaction.atomic
def _record(attempt: RunAttempt, ref: str | None, ignored: int) -> bool:
    """From its commit on the tree counts as gone. False where the run has moved meanwhile."""
    run = Run.objects.select_for_update().get(pk=attempt.run_id)
    due = due_work_trees(_workspace(attempt).project).filter(pk=attempt.pk)
    if not due.exists():
        return False
    attempt.pruned_at, attempt.rescue_ref, attempt.rescue_dropped_at = timezone.now(), ref or "", None
    attempt.save(update_fields=["pruned_at", "rescue_ref", "rescue_dropped_at"])
    kept = f"its work is kept as {ref}" if ref else "it held nothing that is not in the repository"
    left = f", but for {ignored} ignored files" if ignored else ""
    data = {"attempt": attempt.number, "rescueRef": ref, "ignoredFiles": ignored}
    text = f"The work tree of attempt {attempt.number} was removed: {kept}{left}."
    append(run, [Draft("log", text, "notice", data=data)])
    return True


def _finish(attempt: RunAttempt) -> Removal:
    """Its row says that it is gone, and a kill has left files. A restore that made it anew has changed the row."""
    try:
        with rest_lock(_workspace(attempt), wait_seconds=0):
            if not RunAttempt.objects.filter(pk=attempt.pk, pruned_at__isnull=False).exists():
                return _kept(attempt, "it has been made anew")
            return _remove(attempt)
    except LockNotFree:
        return _kept(attempt, "others are at work in it")


def _remove(attempt: RunAttempt) -> Removal:
    """The folder itself stays, with the lock that others may wait for."""
    workspace = _workspace(attempt)
    size = used_bytes([workspace.folder])
    try:
        remove_work_tree(open_work_tree(workspace))
        remove_folder(workspace.agent_home_path)
    except GitError as error:
        logger.warning("The work tree of %s could not be removed wholly: %s", _name(attempt), error.message)
        return _kept(attempt, error.message)
    return Removal(WORK_TREE, _name(attempt), workspace.project_id, size, attempt.rescue_ref or None)


def prune_outputs(project: Project, *, is_dry: bool) -> Iterator[Removal]:
    """Whole outputs of commands of runs that ended `retention.output_days` ago; the rows stay, with the sizes."""
    days: int = read("retention.output_days")
    if not days:
        return
    over = Run.objects.filter(
        project=project, status__in=Run.AT_REST, finished_at__lt=timezone.now() - timedelta(days=days)
    )
    kept = CommandExecution.objects.filter(run__in=over).exclude(stdout="", stderr="")
    for run_id in kept.order_by("run").values_list("run", flat=True).distinct():
        commands = kept.filter(run=run_id)
        size = sum(command.stdout_bytes + command.stderr_bytes for command in commands)
        if not is_dry:
            for command in commands:
                _forget_outputs(command)
            forget_unnamed(Run.objects.get(pk=run_id))
        yield Removal(OUTPUTS, f"run {run_id}", project.pk, size)


def _forget_outputs(command: CommandExecution) -> None:
    """The files first: a row without its file says that nothing is kept, a file without a row nobody finds."""
    for file in (command.stdout, command.stderr):
        if file.name:
            with suppress(FileNotFoundError):
                file.storage.delete(file.name)
    CommandExecution.objects.filter(pk=command.pk).update(stdout="", stderr="")
