"""Takes snapshots. First the ref, then its row: a kill between leaves an unused ref, never a row without one."""

import uuid
from collections.abc import Collection

from django.db import transaction

from accounts.models import User
from config.one_commit import one_commit
from projects.errors import ProjectNotReady
from projects.git.commits import save_snapshot
from projects.git.work_tree import WorkTree
from projects.leases import Lease
from projects.locks import repository_lock
from projects.models import Project
from projects.services.lifecycle import lock_writable, require_writable
from projects.workspaces import open_work_tree
from runs.errors import WorkspaceBusy
from runs.events import Draft, append, append_for_project
from runs.models import Run, RunAttempt, RunMessage
from snapshots.models import Snapshot
from snapshots.resting import project_tree, recorded_part, run_tree

_DESCRIPTIONS = {Snapshot.Kind.BEFORE_RUN: "before the run", Snapshot.Kind.AFTER_RUN: "after the run"}


def take_checkpoint(attempt: RunAttempt, message: RunMessage, lease: Lease) -> Snapshot | None:
    """The work tree before the agent is given a follow-up. One that is given again, after a kill, has it already."""
    return take_run_snapshot(attempt, Snapshot.Kind.CHECKPOINT, lease, f"before message {message.pk}")


def take_run_snapshot(attempt: RunAttempt, kind: Snapshot.Kind, lease: Lease, description: str = "") -> Snapshot | None:
    """A snapshot of the attempt's work tree and its event; None where the attempt has that one already.

    No agent may be at work in the tree. Raises the GitError of a tree that cannot be recorded, and LeaseLost.
    """
    run, workspace = attempt.run, attempt.workspace
    text = description or _DESCRIPTIONS[kind]
    if workspace is None or (kind != Snapshot.Kind.AFTER_RUN and _has(attempt, kind, text)):
        return None
    snapshot = Snapshot(project=workspace.project, run=run, attempt=attempt.number, kind=kind, description=text)
    with repository_lock(workspace.project):
        save_tree(snapshot, open_work_tree(workspace))
    with one_commit():
        record_snapshot(snapshot, lease)
    return snapshot


def _has(attempt: RunAttempt, kind: Snapshot.Kind, description: str) -> bool:
    taken = Snapshot.objects.filter(run=attempt.run, attempt=attempt.number, kind=kind)
    return taken.filter(description=description).exists()


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
        save_tree(snapshot, work_tree)
        try:
            with transaction.atomic():
                lock_writable(project)
                resting.require_still()
                record_snapshot(snapshot)
        except (WorkspaceBusy, ProjectNotReady):  # what was recorded may be half of one state and half of another
            work_tree.repository.delete_ref(snapshot.ref)
            raise
    return snapshot


def save_tree(snapshot: Snapshot, work_tree: WorkTree, *, also: Collection[bytes] = ()) -> None:
    """Keeps the tree under a ref of its own, and in the row what was kept. The row itself is not written.

    Of `also` everything is kept, ignored and large files too.
    """
    alike = Snapshot.objects.filter(project=snapshot.project, run=snapshot.run, attempt=snapshot.attempt)
    parent = alike.order_by("-id").first()
    snapshot.ref = f"{Snapshot.REF_PREFIX}{uuid.uuid4().hex}"
    where = "Project" if snapshot.run is None else f"Run {snapshot.run.pk}, attempt {snapshot.attempt}"
    saved = save_snapshot(
        work_tree,
        ref=snapshot.ref,
        message=f"{where}: {snapshot.description}",
        parent=parent.commit if parent else None,
        selection=recorded_part(also),
    )
    snapshot.parent, snapshot.commit, snapshot.tree = parent, saved.commit, saved.tree
    snapshot.files_changed, snapshot.left_out = saved.files_changed, saved.left_out


def record_snapshot(snapshot: Snapshot, lease: Lease | None = None) -> None:
    """Writes the row and its event; the caller's transaction holds both together."""
    snapshot.save()
    data = {
        "snapshotId": snapshot.pk,
        "kind": snapshot.kind,
        "commit": snapshot.commit,
        "filesChanged": snapshot.files_changed,
    }
    tell(snapshot, Draft("snapshot_created", f"Snapshot {snapshot.description}.", data=data), lease)


def tell(snapshot: Snapshot, draft: Draft, lease: Lease | None = None) -> None:
    """Into the log of the run that the tree belongs to; of the project's own tree the user stream is told."""
    if snapshot.run is None:
        append_for_project(snapshot.project, draft)
    else:
        append(snapshot.run, [draft], lease=lease)
