"""Clones a project: fetches into its bare repository, lays out its own work tree. Safe to begin again at any point."""

import logging
import threading
import time
from typing import Any

from django.utils import timezone

from config.api.params import read
from projects import leases, remotes
from projects.git.errors import GitError
from projects.git.remote import FetchProgress, fetch
from projects.git.repository import create_repository
from projects.leases import Lease
from projects.locks import repository_lock
from projects.models import Project, Workspace
from projects.workspaces import OWN_WORKSPACE, lay_out_work_tree

logger = logging.getLogger(__name__)
PROGRESS_EVERY_SECONDS = 0.5


class CloneLost(Exception):
    """Another worker has taken the project over; this one stops without a word."""


def clone_project(project_id: int) -> None:
    """Claims a pending or abandoned clone and carries it out; the outcome is on the project."""
    waiting = Project.objects.filter(status__in=[Project.Status.PENDING, Project.Status.CLONING])
    lease = leases.claim(waiting, project_id, status=Project.Status.CLONING, error=None)
    if lease is None:
        return
    lost = threading.Event()
    with leases.kept(lease, lost.set):
        try:
            outcome = _clone(Project.objects.get(pk=project_id), lease, lost)
        except CloneLost:
            return
        except GitError as error:
            outcome = _failure(error.code, error.message)
        except Exception:
            logger.exception("The clone of project %s failed.", project_id)
            outcome = _failure(
                "internal-error", "The clone failed inside the server: see its log. Clone again to retry."
            )
    lease.release(progress=None, updated_at=timezone.now(), **outcome)


def _failure(code: str, message: str) -> dict[str, Any]:
    return {"status": Project.Status.ERROR, "error": {"code": code, "message": message}}


def _clone(project: Project, lease: Lease, lost: threading.Event) -> dict[str, Any]:
    remote, addresses = remotes.locate(project.repository_url)
    with repository_lock(project):
        repository = create_repository(project.repository_path)
        repository.remove_leftovers()
        result = fetch(
            repository,
            remote,
            addresses=addresses,
            branch=project.default_branch or None,
            depth=read("git.clone_depth") or None,
            on_progress=_Progress(lease, lost),
            timeout_seconds=60 * read("git.fetch_timeout_minutes"),
        )
    # A work tree that is there from an earlier clone stays as it is: somebody may have restored a snapshot into it.
    workspace, _ = Workspace.objects.get_or_create(
        project=project,
        name=OWN_WORKSPACE,
        defaults={"branch": result.default_branch, "base_commit": result.head_commit},
    )
    lay_out_work_tree(workspace)
    return {
        "status": Project.Status.READY,
        "default_branch": result.default_branch,
        "head_commit": result.head_commit,
        "last_pulled_at": timezone.now(),
    }


class _Progress:
    """Writes git's progress to the project, at most twice a second, and stops the fetch when the lease is lost."""

    def __init__(self, lease: Lease, lost: threading.Event) -> None:
        self._lease, self._lost, self._written_at = lease, lost, 0.0

    def __call__(self, progress: FetchProgress) -> None:
        if self._lost.is_set():
            raise CloneLost
        now = time.monotonic()
        if now - self._written_at >= PROGRESS_EVERY_SECONDS:
            self._written_at = now
            value = {"phase": progress.phase, "percent": progress.percent}
            if not self._lease.held().update(progress=value):
                raise CloneLost
