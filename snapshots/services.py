"""Takes snapshots. First the ref, then its row: a kill between leaves an unused ref, never a row without one."""

import uuid

from django.db import transaction

from projects.git.commits import save_snapshot
from projects.leases import Lease
from projects.locks import repository_lock
from projects.workspaces import open_work_tree
from runs.events import Draft, append
from runs.models import RunAttempt
from snapshots.models import Snapshot

_DESCRIPTIONS = {Snapshot.Kind.BEFORE_RUN: "before the run", Snapshot.Kind.AFTER_RUN: "after the run"}


def take_run_snapshot(attempt: RunAttempt, kind: Snapshot.Kind, lease: Lease) -> Snapshot | None:
    """A snapshot of the attempt's work tree and its event; None where the attempt has one of that kind already.

    No agent may be at work in the tree. Raises the GitError of a tree that cannot be recorded, and LeaseLost.
    """
    run, workspace = attempt.run, attempt.workspace
    earlier = Snapshot.objects.filter(run=run, attempt=attempt.number)
    if workspace is None or (kind == Snapshot.Kind.BEFORE_RUN and earlier.filter(kind=kind).exists()):
        return None
    parent = earlier.order_by("-id").first()
    ref = f"{Snapshot.REF_PREFIX}{uuid.uuid4().hex}"
    with repository_lock(workspace.project):
        saved = save_snapshot(
            open_work_tree(workspace),
            ref=ref,
            message=f"Run {run.pk}, attempt {attempt.number}: {_DESCRIPTIONS[kind]}",
            parent=parent.commit if parent else None,
        )
    with transaction.atomic():
        snapshot = Snapshot.objects.create(
            project=workspace.project,
            run=run,
            attempt=attempt.number,
            kind=kind,
            description=_DESCRIPTIONS[kind],
            ref=ref,
            commit=saved.commit,
            tree=saved.tree,
            parent=parent,
            files_changed=saved.files_changed,
        )
        data = {"snapshotId": snapshot.pk, "kind": kind, "commit": saved.commit, "filesChanged": saved.files_changed}
        append(run, [Draft("snapshot_created", f"Snapshot {snapshot.description}.", data=data)], lease=lease)
    return snapshot
