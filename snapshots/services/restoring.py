"""Restores a work tree: a checkpoint of what is there, then the snapshot's files.

Both rows commit before the first file is touched. Killed later, whoever comes next to the tree finishes it: another
restore, a run that sets out in it, the workers' recovery. What is to be written follows from the two recorded trees.
"""

import logging
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import User
from accounts.services import audit
from config.api.problems import NotFound
from projects.errors import ProjectNotReady
from projects.git.errors import DiskFull, GitError
from projects.git.restore import Plan, RestoreNotBegun, abandon, apply_plan, plan_restore, unrecorded_in_the_way
from projects.git.work_tree import WorkTree
from projects.locks import LockNotFree, repository_lock, rest_lock
from projects.models import Workspace
from projects.services.lifecycle import lock_writable, require_writable
from projects.workspaces import open_work_tree
from runs.errors import WorkspaceBusy
from runs.events import Draft
from runs.queries import conflict_members
from runs.services.recording import record_present_files
from snapshots.errors import WorkTreeNotRestorable
from snapshots.models import Restore, Snapshot
from snapshots.resting import RestingTree, restorable_tree, workspace_of
from snapshots.services.taking import record_snapshot, save_tree, tell

logger = logging.getLogger(__name__)
Status = Restore.Status


def restore_snapshot(snapshot: Snapshot, *, actor: User) -> Restore:
    """Makes the work tree equal to the snapshot. Nothing may be at work in it.

    409 `work-tree-not-restorable` where its files cannot be written; what became of the tree is in its `detail`.
    """
    require_writable(snapshot.project)
    resting = restorable_tree(snapshot)
    with resting.recording() as work_tree:
        if not Snapshot.objects.filter(pk=snapshot.pk).exists():  # it was just due to be removed
            raise NotFound
        _finish_earlier(resting.workspace, work_tree)
        restore = _begin(snapshot, resting, work_tree, actor)
        _carry_out(restore, work_tree)
    if restore.error is not None:
        members = {"checkpoint_id": restore.checkpoint_id, **_members(snapshot)}
        raise WorkTreeNotRestorable(restore.error["message"], reason=restore.error["code"], **members)
    return restore


def _members(snapshot: Snapshot) -> dict[str, Any]:
    owner = snapshot.project.error_members if snapshot.run is None else conflict_members(snapshot.run)
    return {"snapshot_id": snapshot.pk, **owner}


def _begin(snapshot: Snapshot, resting: RestingTree, work_tree: WorkTree, actor: User) -> Restore:
    checkpoint = Snapshot(
        project=snapshot.project,
        run=snapshot.run,
        attempt=snapshot.attempt,
        kind=Snapshot.Kind.RESTORE_CHECKPOINT,
        description="restore checkpoint",
        created_by=actor,
    )
    try:
        _keep_present(checkpoint, snapshot, work_tree)
        with transaction.atomic():
            lock_writable(snapshot.project)
            resting.require_still()
            record_snapshot(checkpoint)
            _count_as_there(snapshot)
            return Restore.objects.create(snapshot=snapshot, checkpoint=checkpoint, actor=actor)
    except (WorkspaceBusy, ProjectNotReady, WorkTreeNotRestorable):
        work_tree.repository.delete_ref(checkpoint.ref)
        raise


def _count_as_there(snapshot: Snapshot) -> None:
    """The tree is not pruned any more. Its agent's home went with it: another session begins in the tree."""
    if snapshot.run is not None and snapshot.attempt is not None:
        pruned = snapshot.run.attempts.filter(number=snapshot.attempt, pruned_at__isnull=False)
        pruned.update(pruned_at=None, session_id="", is_recap_due=True)


def _keep_present(checkpoint: Snapshot, wanted: Snapshot, work_tree: WorkTree) -> None:
    """What is there, and in any case all that will be overwritten: ignored and large files too."""
    save_tree(checkpoint, work_tree)
    try:
        in_the_way = unrecorded_in_the_way(work_tree, _plan(checkpoint, wanted, work_tree))
    except GitError as error:
        raise WorkTreeNotRestorable(error.message, reason=error.code, **_members(wanted)) from error
    if in_the_way:
        work_tree.repository.delete_ref(checkpoint.ref)
        save_tree(checkpoint, work_tree, also=in_the_way)


def _plan(present: Snapshot, wanted: Snapshot, work_tree: WorkTree) -> Plan:
    keep = frozenset(file.path for file in wanted.left_out)
    return plan_restore(work_tree.repository, present.tree, wanted.tree, keep=keep)


def _carry_out(restore: Restore, work_tree: WorkTree) -> None:
    """To its end, whatever of it was done before. The caller holds the tree's lock and the repository's."""
    try:
        apply_plan(work_tree, _plan(restore.checkpoint, restore.snapshot, work_tree))
    except (DiskFull, RestoreNotBegun) as error:
        _give_up(restore, error.code, error.message)
    except GitError as error:
        message = _put_back(restore, work_tree)
        _give_up(restore, error.code, f"{error.message} {message}")
    else:
        _record_files(restore, work_tree)
        _record_end(restore)


def _put_back(restore: Restore, work_tree: WorkTree) -> str:
    """The checkpoint's files again, where the restore had to stop on its way; says what became of the tree."""
    try:
        apply_plan(work_tree, plan_restore(work_tree.repository, restore.snapshot.tree, restore.checkpoint.tree))
    except GitError:
        logger.exception("Restore %s stopped on its way and could not be undone.", restore.pk)
        abandon(work_tree)
        return "Some files are restored and some are not: free the way and restore the checkpoint or the snapshot."
    return "Everything was put back as it was."


def _record_files(restore: Restore, work_tree: WorkTree) -> None:
    """The run's changed files are those of the restored tree."""
    snapshot = restore.snapshot
    if snapshot.run is None or snapshot.attempt is None:
        return
    attempt = snapshot.run.attempts.select_related("run").get(number=snapshot.attempt)
    try:
        record_present_files(attempt, None, work_tree)
    except GitError as error:
        logger.warning("The files of run %s could not be recorded: %s", snapshot.run.pk, error.message)


@transaction.atomic
def _record_end(restore: Restore) -> None:
    if not _end(restore, Status.DONE):
        return
    snapshot = restore.snapshot
    data = {"snapshotId": snapshot.pk, "checkpointId": restore.checkpoint_id, "commit": snapshot.commit}
    audit(restore.actor, "snapshot_restored", snapshot_id=snapshot.pk, checkpoint_id=restore.checkpoint_id)
    tell(snapshot, Draft("snapshot_restored", f"Restored snapshot #{snapshot.pk}.", "notice", data=data))


def _give_up(restore: Restore, code: str, message: str) -> None:
    restore.error = {"code": code, "message": message}
    _end(restore, Status.FAILED)


def _end(restore: Restore, status: Restore.Status) -> bool:
    restore.status, restore.finished_at = status, timezone.now()
    values = {"status": status, "error": restore.error, "finished_at": restore.finished_at}
    return bool(Restore.objects.filter(pk=restore.pk, status=Status.UNDER_WAY).update(**values))


def finish_in(workspace: Workspace) -> None:
    """Finishes a restore of this tree that was cut short. The caller holds the tree's lock."""
    if _unfinished_in(workspace):
        with repository_lock(workspace.project):
            _finish_earlier(workspace, open_work_tree(workspace))


def _finish_earlier(workspace: Workspace, work_tree: WorkTree) -> None:
    for restore in _unfinished_in(workspace):
        logger.warning("Restore %s was cut short; it is finished now.", restore.pk)
        _carry_out(restore, work_tree)


def _unfinished_in(workspace: Workspace) -> list[Restore]:
    rows = _unfinished().filter(checkpoint__project=workspace.project).order_by("pk")
    return [restore for restore in rows if workspace_of(restore.checkpoint) == workspace]


def _unfinished() -> QuerySet[Restore]:
    related = (f"{side}__{name}" for side in ("snapshot", "checkpoint") for name in ("project", "run"))
    return Restore.objects.filter(status=Status.UNDER_WAY).select_related("actor", *related)


def finish_interrupted() -> int:
    """Finishes what processes that were killed have left; how many. One that is being carried out is left alone."""
    finished = 0
    for restore in _unfinished():
        workspace = workspace_of(restore.checkpoint)
        if workspace is None:
            _give_up(restore, "work-tree-missing", "The work tree is gone.")
            continue
        try:
            with rest_lock(workspace, wait_seconds=0):
                finish_in(workspace)
                finished += 1
        except LockNotFree:
            continue
        except Exception:
            logger.exception("Restore %s could not be finished; the next look tries again.", restore.pk)
    return finished
