"""Clones a project: fetches into its bare repository, lays out its own work tree. Safe to begin again at any point."""

from django.utils import timezone

from config.api.params import read
from projects import remotes
from projects.git.remote import fetch
from projects.git.repository import create_repository
from projects.locks import repository_lock
from projects.models import Project
from projects.services.fetching import Outcome, Progress, bring_own_work_tree, carry_out
from projects.workspaces import open_repository

Status = Project.Status


def clone_project(project_id: int) -> None:
    """Claims a pending or abandoned clone and carries it out; the outcome is on the project."""
    waiting = [Status.PENDING, Status.CLONING]
    carry_out(project_id, _clone, waiting=waiting, meanwhile=Status.CLONING, after_failure=Status.ERROR)


def _clone(project: Project, progress: Progress) -> Outcome:
    remote, addresses = remotes.locate(project.repository_url)
    with repository_lock(project):
        create_repository(project.repository_path)
        result = fetch(
            open_repository(project),
            remote,
            addresses=addresses,
            credential=remotes.credential_of(project),
            branch=project.default_branch or None,
            depth=read("git.clone_depth") or None,
            on_progress=progress,
            timeout_seconds=60 * read("git.fetch_timeout_minutes"),
        )
        # One with changes stays as it is: somebody may have restored a snapshot into it.
        bring_own_work_tree(project, branch=result.default_branch, head_commit=result.head_commit)
    return {
        "status": Status.READY,
        "default_branch": result.default_branch,
        "head_commit": result.head_commit,
        "last_pulled_at": timezone.now(),
    }
