"""Work trees at rest. Git reads by path: a tree that an agent is moving in is neither one state nor safe to read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from projects import leases
from projects.errors import ProjectNotReady
from projects.git.errors import GitError
from projects.git.work_tree import WorkTree
from projects.locks import LockNotFree, repository_lock, rest_lock
from projects.models import Project, Workspace
from projects.workspaces import OWN_WORKSPACE, open_work_tree
from runs.errors import WorkspaceBusy
from runs.models import Run
from runs.queries import conflict_members
from snapshots.errors import WorkTreeMissing, WorkTreeNotRecordable

LOCK_WAIT_SECONDS = 10.0
_QUIET_RUN = frozenset({*Run.AT_REST, Run.Status.PAUSED})
_QUIET_PROJECT = frozenset({Project.Status.READY, Project.Status.ERROR, Project.Status.ARCHIVED})


@dataclass(frozen=True)
class RestingTree:
    """A work tree that nothing was at work in when it was looked at; `owner` is the row whose lease guards it."""

    workspace: Workspace
    owner: Project | Run

    @property
    def work_tree(self) -> WorkTree:
        """The folder and its indexes."""
        return open_work_tree(self.workspace)

    def require_still(self) -> None:
        """409 `workspace-busy` if anything has begun to work in it since. In a transaction: holds it off until its end.

        Whoever works in the tree has claimed the row before, and every claim makes its generation grow.
        """
        kind, quiet = (Run, _QUIET_RUN) if isinstance(self.owner, Run) else (Project, _QUIET_PROJECT)
        rows = kind._default_manager.select_for_update(no_key=True).filter(leases.free(), status__in=quiet)
        if not rows.filter(pk=self.owner.pk, lease_generation=self.owner.lease_generation).exists():
            self.owner.refresh_from_db()
            raise _busy(self.owner)

    @contextmanager
    def recording(self) -> Iterator[WorkTree]:
        """The tree for git to read, under both locks; what git cannot do with it is a 409.

        An agent that sets out meanwhile waits for the tree's lock. Fetches and pushes hold the repository's for as
        long as they take: a request does not wait for those.
        """
        wait = {"wait_seconds": LOCK_WAIT_SECONDS}
        try:
            with rest_lock(self.workspace, **wait), repository_lock(self.workspace.project, **wait):
                require_still_now(self)
                yield self.work_tree
        except LockNotFree:
            detail = "The repository is being fetched or pushed, or the tree read: try again when that is over."
            raise WorkspaceBusy(detail, **_members(self.owner)) from None
        except GitError as error:
            raise WorkTreeNotRecordable(error.message, reason=error.code, **_members(self.owner)) from error


def project_tree(project: Project) -> RestingTree:
    """The project's own work tree, or a 409."""
    if project.status not in _QUIET_PROJECT:
        raise ProjectNotReady(f"The project is {project.status}.", **project.error_members)
    return _resting(project, project.workspaces.filter(name=OWN_WORKSPACE).first())


def run_tree(run: Run, attempt: int) -> RestingTree:
    """The work tree of one attempt of the run, or a 409."""
    if run.has_agent or run.status in (Run.Status.QUEUED, Run.Status.RUNNING):
        raise _busy(run)
    row = run.attempts.filter(number=attempt).select_related("workspace__project").first()
    return _resting(run, None if row is None else row.workspace)


def _resting(owner: Project | Run, workspace: Workspace | None) -> RestingTree:
    if workspace is None or not open_work_tree(workspace).is_ready:
        raise WorkTreeMissing("Nothing has been checked out for it, or it is gone.", **_members(owner))
    return RestingTree(workspace, owner)


def _busy(owner: Project | Run) -> WorkspaceBusy:
    name = f"Run #{owner.pk}" if isinstance(owner, Run) else "The project"
    return WorkspaceBusy(f"{name} is {owner.status} and at work in its tree.", **_members(owner))


def _members(owner: Project | Run) -> dict[str, object]:
    return conflict_members(owner) if isinstance(owner, Run) else owner.error_members


@transaction.atomic
def require_still_now(resting: RestingTree) -> None:
    """`require_still` for those who write nothing afterwards."""
    resting.require_still()
