"""What clones and pulls share: the claim on the project, its progress, its outcome; and its own work tree.

Safe to begin again at any point: a second delivery finds nothing to claim, or goes on where a worker died.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.api.params import read
from projects import leases, remotes
from projects.events import tell_of
from projects.git.errors import GitError
from projects.git.left_out import LeftOut, find_left_out
from projects.git.remote import FetchProgress, fetch
from projects.git.work_tree import is_untouched, remove_work_tree
from projects.leases import Lease
from projects.locks import repository_lock
from projects.models import Project, Workspace
from projects.services.disk import expect_upkeep, quota_bytes
from projects.services.index_queue import expect_index
from projects.workspaces import OWN_WORKSPACE, lay_out_work_tree, open_repository, open_work_tree

logger = logging.getLogger(__name__)
PROGRESS_EVERY_SECONDS = 0.5
WORK_TREE_KEPT = {
    "code": "work-tree-kept",
    "message": "The branch was fetched. The project's own work tree has changes and was left as it is: restore a "
    "snapshot of its unchanged state, and the next pull takes it along.",
}
SUBMODULES = "The repository has submodules ({}). They are not fetched: their folders are empty here."
LFS = "The repository keeps files in Git LFS. Their contents are not fetched: the files hold their pointers here."
Outcome = dict[str, Any]


class ClaimLost(Exception):
    """Another worker has taken the project over; this one stops without a word."""


class Claim:
    """This worker's hold on the project: progress is written and refs are moved only while it lasts."""

    def __init__(self, lease: Lease, lost: threading.Event) -> None:
        self._lease, self._lost, self._written_at = lease, lost, 0.0
        self._told: set[str] = set()

    def tell_progress(self, progress: FetchProgress) -> None:
        """Writes git's progress to the project, at most twice a second; the user stream hears of each new phase.

        Raises ClaimLost, which stops git.
        """
        now, is_new_phase = time.monotonic(), progress.phase not in self._told
        if self._lost.is_set():
            raise ClaimLost
        if not is_new_phase and now - self._written_at < PROGRESS_EVERY_SECONDS:
            return
        self._written_at = now
        with transaction.atomic():
            if not self._lease.held().update(progress={"phase": progress.phase, "percent": progress.percent}):
                raise ClaimLost
            if is_new_phase:
                self._told.add(progress.phase)
                tell_of(self._lease.pk)

    @contextmanager
    def locked(self, project: Project) -> Iterator[None]:
        """The repository lock, by whoever has the project still."""
        with repository_lock(project):
            if self._lost.is_set() or not self._lease.held().exists():
                raise ClaimLost
            yield


def bring_up_to_date(
    project: Project, claim: Claim, *, depth: int | None = None, only_forwards: bool = False
) -> Outcome:
    """Fetches without the repository lock, then moves refs and the own work tree under it; what the project becomes."""
    remote, addresses = remotes.locate(project.repository_url)
    result = fetch(
        open_repository(project),
        remote,
        addresses=addresses,
        credential=remotes.credential_of(project),
        branch=project.default_branch or None,
        depth=depth,
        only_forwards=only_forwards,
        locked=lambda: claim.locked(project),
        on_progress=claim.tell_progress,
        timeout_seconds=60 * read("git.fetch_timeout_minutes"),
        max_bytes=quota_bytes(),
    )
    with claim.locked(project):
        # One with changes stays as it is: somebody may have restored a snapshot into it.
        advanced = bring_own_work_tree(project, branch=result.default_branch, head_commit=result.head_commit)
    return {
        "status": Project.Status.READY,
        "default_branch": result.default_branch,
        "head_commit": result.head_commit,
        "last_pulled_at": timezone.now(),
        "error": None if advanced else WORK_TREE_KEPT,
        "notices": _notices(find_left_out(open_repository(project), result.head_commit)),
    }


def _notices(found: LeftOut) -> list[dict[str, str]]:
    notices = []
    if found.submodules:
        notices.append({"code": "submodules-not-fetched", "message": SUBMODULES.format(found.submodules)})
    if found.has_lfs:
        notices.append({"code": "lfs-not-fetched", "message": LFS})
    return notices


def carry_out(
    project_id: int,
    work: Callable[[Project, Claim], Outcome],
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
            outcome = work(Project.objects.get(pk=project_id), Claim(lease, lost))
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
            if "head_commit" in outcome:
                expect_index(project_id)
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
