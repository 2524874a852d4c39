"""Takes snapshots. First the ref, then its row: a kill between leaves an unused ref, never a row without one."""

import uuid

from django.db import transaction

from accounts.models import User
from projects.errors import ProjectNotReady
from projects.git.commits import save_snapshot
from projects.git.work_tree import WorkTree
from projects.leases import Lease
from projects.locks import repository_lock
from projects.models import Project
from projects.services.lifecycle import lock_writable, require_writable
from projects.workspaces import open_work_tree
from runs.errors import WorkspaceBusy
from runs.events import Draft, append
from runs.models import Run, RunAttempt
from snapshots.models import Snapshot
from snapshots.resting import project_tree, run_tree

_DESCRIPTIONS = {Snapshot.Kind.BEFORE_RUN: "before the run", Snapshot.Kind.AFTER_RUN: "after the run"}


def take_run_snapshot(attempt: RunAttempt, kind: Snapshot.Kind, lease: Lease) -> Snapshot | None:
    """A snapshot of the attempt's work tree and its event; None where the attempt has one of that kind already.

    No agent may be at work in the tree. Raises the GitError of a tree that cannot be recorded, and LeaseLost.
    """
    run, workspace = attempt.run, attempt.workspace
    earlier = Snapshot.objects.filter(run=run, attempt=attempt.number)
    if workspace is None or (kind == Snapshot.Kind.BEFORE_RUN and earlier.filter(kind=kind).exists()):
        return None
    snapshot = Snapshot(
        project=workspace.project, run=run, attempt=attempt.number, kind=kind, description=_DESCRIPTIONS[kind]
    )
    with repository_lock(workspace.project):
        _save_tree(snapshot, open_work_tree(workspace))
    with transaction.atomic():
        _record(snapshot, lease)
    return snapshot


def take_manual_snapshot(project: Project, run: Run | None, *, actor: User, description: str) -> Snapshot:
    """A person's snapshot of the run's present work tree, or of the project's own. Nothing may be at work in it."""
    require_writable(project)
    resting = project_tree(project) if run is None else run_tree(run, run.attempt)
    snapshot = Snapshot(
        project=project,
        run=run,
        attempt=None if run is None else run.attempt,
        kind=Snapshot.Kind.MANUAL,
        description=description,
        created_by=actor,
    )
    with resting.recording() as work_tree:
        _save_tree(snapshot, work_tree)
        try:
            with transaction.atomic():
                lock_writable(project)
                resting.require_still()
                _record(snapshot)
        except (WorkspaceBusy, ProjectNotReady):  # what was recorded may be half of one state and half of another
            work_tree.repository.delete_ref(snapshot.ref)
            raise
    return snapshot


def _save_tree(snapshot: Snapshot, work_tree: WorkTree) -> None:
    """Keeps the tree under a ref of its own, and in the row what was kept. The row itself is not written."""
    alike = Snapshot.objects.filter(project=snapshot.project, run=snapshot.run, attempt=snapshot.attempt)
    parent = alike.order_by("-id").first()
    snapshot.ref = f"{Snapshot.REF_PREFIX}{uuid.uuid4().hex}"
    where = "Project" if snapshot.run is None else f"Run {snapshot.run.pk}, attempt {snapshot.attempt}"
    saved = save_snapshot(
        work_tree,
        ref=snapshot.ref,
        message=f"{where}: {snapshot.description}",
        parent=parent.commit if parent else None,
    )
    snapshot.parent, snapshot.commit, snapshot.tree = parent, saved.commit, saved.tree
    snapshot.files_changed = saved.files_changed


def _record(snapshot: Snapshot, lease: Lease | None = None) -> None:
    """Writes the row and, for a run, its event; the caller's transaction holds both together."""
    snapshot.save()
    if snapshot.run is not None:
        data = {
            "snapshotId": snapshot.pk,
            "kind": snapshot.kind,
            "commit": snapshot.commit,
            "filesChanged": snapshot.files_changed,
        }
        append(snapshot.run, [Draft("snapshot_created", f"Snapshot {snapshot.description}.", data=data)], lease=lease)
