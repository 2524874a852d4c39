"""Pulls a project: its default branch moves forwards to where the remote's is. Safe to begin again at any point."""

from django.utils import timezone

from config.api.params import read
from projects import remotes
from projects.git.remote import pull
from projects.locks import repository_lock
from projects.models import Project
from projects.services.fetching import Outcome, Progress, bring_own_work_tree, carry_out
from projects.workspaces import open_repository

Status = Project.Status
WORK_TREE_KEPT = {
    "code": "work-tree-kept",
    "message": "The branch was pulled. The project's own work tree has changes and was left as it is: restore a "
    "snapshot of its unchanged state, and the next pull takes it along.",
}


def pull_project(project_id: int) -> None:
    """Claims a project that waits for a pull and carries it out.

    The project stays usable whatever happens: a failed pull makes it `ready` again, and `error` says why.
    """
    pulling = Status.PULLING
    carry_out(project_id, _pull, waiting=[pulling], meanwhile=pulling, after_failure=Status.READY)


def _pull(project: Project, progress: Progress) -> Outcome:
    remote, addresses = remotes.locate(project.repository_url)
    with repository_lock(project):
        result = pull(
            open_repository(project),
            remote,
            addresses=addresses,
            credential=remotes.credential_of(project),
            branch=project.default_branch or None,
            on_progress=progress,
            timeout_seconds=60 * read("git.fetch_timeout_minutes"),
        )
        advanced = bring_own_work_tree(project, branch=result.default_branch, head_commit=result.head_commit)
    return {
        "status": Status.READY,
        "default_branch": result.default_branch,
        "head_commit": result.head_commit,
        "last_pulled_at": timezone.now(),
        "error": None if advanced else WORK_TREE_KEPT,
    }
