"""The index of a project's code: made in the background, switched to when it is whole.

The one that is there serves until another one takes its place: a crash, a cancelled task or a full disk leaves it as
it is. Safe to begin again at any point: a second delivery finds nothing to claim, or goes on where a worker died.
"""

import logging
import threading
import time
from typing import Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from projects import leases, tasks
from projects.events import tell_of
from projects.index_models import ProjectIndex
from projects.leases import Lease
from projects.models import Project
from projects.services.disk import expect_upkeep
from projects.services.index_files import make_index, reason_of
from projects.services.index_pruning import prune_index_files

logger = logging.getLogger(__name__)
PROGRESS_EVERY_SECONDS = 0.5
MOST_SECONDS = 2 * 3600.0
"""The largest repositories take some minutes; all projects wait for one that takes longer. What is parsed is kept."""
Status, Work = ProjectIndex.Status, ProjectIndex.Work


class ClaimLost(Exception):
    """Another worker has taken the index over; this one stops without a word."""


class TookTooLong(Exception):
    """Of files that are slow to parse there may be very many."""


def index_project(project_id: int) -> None:
    """Claims an index that waits to be made, makes it and switches to it, or writes down why that failed."""
    row = ProjectIndex.objects.filter(project=project_id).first()
    lease = None if row is None else _claim(row)
    if lease is None:
        return
    lost = threading.Event()
    with leases.kept(lease, lost.set):
        try:
            outcome = _make(project_id, _Progress(lease, lost, project_id))
        except ClaimLost:
            return
        except TookTooLong:
            message = (
                f"It took longer than {MOST_SECONDS / 3600:g} hours and was given up: its files are too slow to parse."
            )
            outcome = {"status": Status.ERROR, "error": {"code": "index-time-limit", "message": message}}
        except Exception as error:
            reason = reason_of(error)
            if reason is None:
                logger.exception("Indexing project %s failed.", project_id)
                reason = {"code": "internal-error", "message": "It failed inside the server: see its log. Try again."}
            outcome = {"status": Status.ERROR, "error": reason}
    _finish(lease, project_id, outcome)


@transaction.atomic
def _claim(row: ProjectIndex) -> Lease | None:
    waiting = ProjectIndex.objects.filter(status__in=ProjectIndex.UNDER_WAY)
    doing = Case(When(wanted=Work.NOTHING, then=F("doing")), default=F("wanted"))
    progress = {"phase": "listing", "percent": 0}
    changes = {"doing": doing, "wanted": Work.NOTHING, "progress": progress, "error": None}
    lease = leases.claim(waiting, row.pk, status=Status.INDEXING, updated_at=timezone.now(), **changes)
    if lease is not None:
        tell_of(row.project_id)
    return lease


def _make(project_id: int, progress: "_Progress") -> dict[str, Any]:
    """Makes the index of the project's head; what its row becomes."""
    index = ProjectIndex.objects.select_related("project").get(project=project_id)
    project = index.project
    if project.head_commit is None or not project.repository_path.is_dir():
        return {"status": Status.NONE}
    made = make_index(
        project,
        project.head_commit,
        old=None if index.doing == Work.REBUILD else index.path,
        is_fresh=index.doing == Work.REBUILD,
        progress=progress,
    )
    return {
        "status": Status.READY,
        "error": None,
        "file_name": made.path.name,
        "commit": project.head_commit,
        "extractor_version": made.extractor_version,
        "indexed_at": timezone.now(),
        "files": made.built.files,
        "chunks": made.built.chunks,
        "skipped": made.built.skipped,
    }


def _finish(lease: Lease, project_id: int, outcome: dict[str, Any]) -> None:
    """Switches to what was made, in one UPDATE. What was asked for meanwhile is queued."""
    status = Case(When(wanted=Work.NOTHING, then=Value(outcome.pop("status"))), default=Value(Status.QUEUED))
    with transaction.atomic():
        if not lease.release(status=status, progress=None, doing=Work.NOTHING, updated_at=timezone.now(), **outcome):
            return
        if ProjectIndex.objects.filter(pk=lease.pk, status=Status.QUEUED).exists():
            tasks.index_project.enqueue(project_id)
        expect_upkeep(project_id)
        tell_of(project_id)
    for _ in prune_index_files(Project.objects.get(pk=project_id)):
        pass


class _Progress:
    """This worker's hold on the index: progress is written and files are switched only while it lasts."""

    def __init__(self, lease: Lease, lost: threading.Event, project_id: int) -> None:
        self._lease, self._lost, self._project_id = lease, lost, project_id
        self._phase, self._written_at = "listing", time.monotonic()
        self._until = self._written_at + MOST_SECONDS

    def __call__(self, phase: str, percent: int) -> None:
        """Writes how far it is, at most twice a second; the user stream hears of each new phase.

        Raises ClaimLost, TookTooLong.
        """
        if self._lost.is_set():
            raise ClaimLost
        now, is_new = time.monotonic(), phase != self._phase
        if now > self._until:
            raise TookTooLong
        if not is_new and now - self._written_at < PROGRESS_EVERY_SECONDS:
            return
        self._written_at, self._phase = now, phase
        with transaction.atomic():
            if not self._lease.held().update(progress={"phase": phase, "percent": percent}):
                raise ClaimLost
            if is_new:
                tell_of(self._project_id)
