"""Work trees at rest. Git reads by path: a tree that an agent is moving in is neither one state nor safe to read."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from config.api.params import read
from projects import leases
from projects.errors import ProjectNotReady
from projects.git.errors import GitError
from projects.git.trees import Selection
from projects.git.work_tree import WorkTree
from projects.locks import LockNotFree, repository_lock, rest_lock
from projects.models import Project, Workspace
from projects.workspaces import OWN_WORKSPACE, lay_out_work_tree, open_work_tree
from runs.errors import WorkspaceBusy
from runs.models import Run
from runs.queries import conflict_members
from snapshots.errors import WorkTreeMissing, WorkTreeNotRecordable
from snapshots.models import Snapshot

LOCK_WAIT_SECONDS = 10.0
MEBIBYTE = 1024**2
_IDLE_PROJECT = frozenset({Project.Status.READY, Project.Status.ERROR, Project.Status.ARCHIVED})
_QUIET_PROJECT = leases.free() & Q(status__in=_IDLE_PROJECT)
# The agent of a paused run may be there: its executor lends the tree's lock only while it holds the agent still.
_QUIET_RUN = leases.free() & Q(status__in=Run.AT_REST) | Q(status=Run.Status.PAUSED)


@dataclass(frozen=True)
class RestingTree:
    """A work tree that nothing was at work in when it was looked at; `owner` is the row whose lease guards it.

    `may_be_gone`: one that is not there is laid out anew when it is to be recorded.
    """

    workspace: Workspace
    owner: Project | Run
    may_be_gone: bool = False

    @property
    def work_tree(self) -> WorkTree:
        """The folder and its indexes."""
        return open_work_tree(self.workspace)

    def require_still(self) -> None:
        """409 `workspace-busy` if anything has begun to work in it since. In a transaction: holds it off until its end.

        Whoever works in the tree has claimed the row before, and every claim makes its generation grow.
        """
        kind, quiet = (Run, _QUIET_RUN) if isinstance(self.owner, Run) else (Project, _QUIET_PROJECT)
        rows = kind._default_manager.select_for_update(no_key=True).filter(quiet)
        if not rows.filter(pk=self.owner.pk, lease_generation=self.owner.lease_generation).exists():
            self.owner.refresh_from_db()
            raise _busy(self.owner)

    @contextmanager
    def recording(self) -> Iterator[WorkTree]:
        """The tree for git to read, under both locks; what git cannot do with it is a 409.

        An agent that sets out meanwhile waits for the tree's lock. A request waits only so long for what others
        do in the repository, as to lay out a large work tree.
        """
        wait = {"wait_seconds": LOCK_WAIT_SECONDS}
        try:
            with rest_lock(self.workspace, **wait), repository_lock(self.workspace.project, **wait):
                require_still_now(self)
                is_gone = self.may_be_gone and not self.work_tree.is_ready
                yield lay_out_work_tree(self.workspace) if is_gone else self.work_tree
        except LockNotFree:
            detail = "Others are at work in the repository or use the tree: try again when that is over."
            raise WorkspaceBusy(detail, **_members(self.owner)) from None
        except GitError as error:
            raise WorkTreeNotRecordable(error.message, reason=error.code, **_members(self.owner)) from error


def project_tree(project: Project) -> RestingTree:
    """The project's own work tree, or a 409."""
    if project.status not in _IDLE_PROJECT:
        raise ProjectNotReady(f"The project is {project.status}.", **project.error_members)
    return _resting(project, project.workspaces.filter(name=OWN_WORKSPACE).first())


def run_tree(run: Run, attempt: int) -> RestingTree:
    """The work tree of one attempt of the run, or a 409."""
    _require_quiet(run)
    return _resting(run, _workspace_of(run, attempt))


def restorable_tree(snapshot: Snapshot) -> RestingTree:
    """The work tree that the snapshot was taken from; one that is gone is made anew. Or a 409."""
    owner, workspace = snapshot.run or snapshot.project, workspace_of(snapshot)
    if isinstance(owner, Run):
        _require_quiet(owner)
    elif owner.status not in _IDLE_PROJECT:
        raise ProjectNotReady(f"The project is {owner.status}.", **owner.error_members)
    if workspace is None:
        raise WorkTreeMissing("Nothing was ever checked out for it.", **_members(owner))
    return RestingTree(workspace, owner, may_be_gone=True)


def workspace_of(snapshot: Snapshot) -> Workspace | None:
    """Where the snapshot was taken, whatever is there now."""
    if snapshot.run is None or snapshot.attempt is None:
        return snapshot.project.workspaces.filter(name=OWN_WORKSPACE).first()
    return _workspace_of(snapshot.run, snapshot.attempt)


def _workspace_of(run: Run, attempt: int) -> Workspace | None:
    row = run.attempts.filter(number=attempt).select_related("workspace__project").first()
    return None if row is None else row.workspace


def _require_quiet(run: Run) -> None:
    has_moving_agent = run.has_agent and run.status != Run.Status.PAUSED
    if has_moving_agent or run.status in (Run.Status.QUEUED, Run.Status.RUNNING):
        raise _busy(run)


def _resting(owner: Project | Run, workspace: Workspace | None) -> RestingTree:
    if workspace is None or not open_work_tree(workspace).is_ready:
        raise WorkTreeMissing("Nothing has been checked out for it, or it is gone.", **_members(owner))
    return RestingTree(workspace, owner)


def _busy(owner: Project | Run) -> WorkspaceBusy:
    name = f"Run #{owner.pk}" if isinstance(owner, Run) else "The project"
    return WorkspaceBusy(f"{name} is {owner.status} and at work in its tree.", **_members(owner))


def _members(owner: Project | Run) -> dict[str, object]:
    return conflict_members(owner) if isinstance(owner, Run) else owner.error_members


def recorded_part(also: Collection[bytes] = ()) -> Selection:
    """What of a work tree counts: no large files, by the param `snapshots.max_file_mb`, but in any case `also`."""
    return Selection(read("snapshots.max_file_mb") * MEBIBYTE, also)


@transaction.atomic
def require_still_now(resting: RestingTree) -> None:
    """`require_still` for those who write nothing afterwards."""
    resting.require_still()
