"""What clones and pulls share: the claim on the project, its progress, its outcome; and its own work tree.

Safe to begin again at any point: a second delivery finds nothing to claim, or goes on where a worker died.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from projects import leases
from projects.events import tell_of
from projects.git.errors import GitError
from projects.git.remote import FetchProgress
from projects.git.work_tree import is_untouched, remove_work_tree
from projects.leases import Lease
from projects.models import Project, Workspace
from projects.services.disk import expect_upkeep
from projects.workspaces import OWN_WORKSPACE, lay_out_work_tree, open_work_tree

logger = logging.getLogger(__name__)
PROGRESS_EVERY_SECONDS = 0.5
Outcome = dict[str, Any]


class ClaimLost(Exception):
    """Another worker has taken the project over; this one stops without a word."""


class Progress:
    """Writes git's progress to the project, at most twice a second, and stops the fetch when the lease is lost."""

    def __init__(self, lease: Lease, lost: threading.Event) -> None:
        self._lease, self._lost, self._written_at = lease, lost, 0.0

    def __call__(self, progress: FetchProgress) -> None:
        if self._lost.is_set():
            raise ClaimLost
        now = time.monotonic()
        if now - self._written_at >= PROGRESS_EVERY_SECONDS:
            self._written_at = now
            value = {"phase": progress.phase, "percent": progress.percent}
            if not self._lease.held().update(progress=value):
                raise ClaimLost


def carry_out(
    project_id: int,
    work: Callable[[Project, Progress], Outcome],
    *,
    waiting: Iterable[str],
    meanwhile: str,
    after_failure: str,
) -> None:
    """Claims a project that is in one of the statuses, does the work and writes its outcome, or why it failed."""
    rows = Project.objects.filter(status__in=list(waiting))
    with transaction.atomic():
        lease = leases.claim(rows, project_id, status=meanwhile, error=None)
        if lease is None:
            return
        tell_of(project_id)
    lost = threading.Event()
    with leases.kept(lease, lost.set):
        try:
            outcome = work(Project.objects.get(pk=project_id), Progress(lease, lost))
        except ClaimLost:
            return
        except GitError as error:
            outcome = {"status": after_failure, "error": {"code": error.code, "message": error.message}}
        except Exception:
            logger.exception("Fetching project %s failed.", project_id)
            message = "It failed inside the server: see its log. Try again."
            outcome = {"status": after_failure, "error": {"code": "internal-error", "message": message}}
    with transaction.atomic():
        if lease.release(progress=None, updated_at=timezone.now(), **outcome):
            expect_upkeep(project_id)
            tell_of(project_id)


def bring_own_work_tree(project: Project, *, branch: str, head_commit: str) -> bool:
    """Lays out the project's own work tree at the commit, also over an older one that nobody has changed.

    False, and nothing done, where it has changes: somebody has restored a snapshot into it. The caller holds the
    repository lock.
    """
    place = {"branch": branch, "base_commit": head_commit}
    workspace, _ = Workspace.objects.get_or_create(project=project, name=OWN_WORKSPACE, defaults=place)
    tree = open_work_tree(workspace)
    if tree.is_ready and tree.base_commit != head_commit:
        if not is_untouched(tree):
            return False
        remove_work_tree(tree)
    Workspace.objects.filter(pk=workspace.pk).update(**place)
    workspace.refresh_from_db()
    lay_out_work_tree(workspace)
    return True
