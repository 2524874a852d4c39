"""Queues the making of code indexes. It knows nothing of how that is done: who only asks for one loads none of it."""

from pathlib import Path

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from config.api.params import read
from projects import tasks
from projects.events import tell_of
from projects.index_models import ProjectIndex
from projects.indexing.reading import IndexReader, IndexUnreadable
from projects.models import Project

Status, Work = ProjectIndex.Status, ProjectIndex.Work


@transaction.atomic
def expect_index(project_id: int) -> None:
    """The project's head may have moved: its index follows, unless the operator wants none to be made by itself.

    Call it in the transaction that moves the head, and tell of the project after it.
    """
    if not read("index.automatic"):
        return
    row, _ = ProjectIndex.objects.get_or_create(project_id=project_id)
    head = Project.objects.values_list("head_commit", flat=True).get(pk=project_id)
    if row.status != Status.READY or row.commit != head:
        queue_index(project_id, Work.UPDATE)


def expect_fresh_index(project: Project) -> None:
    """Queues an index where there is none of the head, its file cannot be read, or a newer server would find more.

    One that failed is not tried again by itself.
    """
    from projects.indexing.parsing import EXTRACTOR_VERSION  # loads what parses

    row = ProjectIndex.objects.filter(project=project).first()
    if not project.has_clone or (row is not None and row.status not in (Status.NONE, Status.READY)):
        return
    if row is None and not read("index.automatic"):
        return
    is_there = row is not None and _is_readable(project.indexes_path / row.file_name)
    if row is None or not is_there or row.extractor_version != str(EXTRACTOR_VERSION):
        if row is not None:  # what is gone, damaged, or of another version, is not the head's
            ProjectIndex.objects.filter(pk=row.pk, status=Status.READY).update(status=Status.NONE)
        expect_index(project.pk)
        tell_of(project.pk)


def _is_readable(path: Path) -> bool:
    try:
        IndexReader(path).close()
    except IndexUnreadable:
        return False
    return True


@transaction.atomic
def queue_index(project_id: int, work: ProjectIndex.Work) -> bool:
    """Has it done, now or after what is under way; False where that was to be done anyway, and nothing is added."""
    ProjectIndex.objects.get_or_create(project_id=project_id)
    row = ProjectIndex.objects.select_for_update().get(project_id=project_id)
    if _is_expected(row, work):
        return False
    changes = {"wanted": work, "updated_at": timezone.now()}
    if row.status not in ProjectIndex.UNDER_WAY:
        changes |= {"status": Status.QUEUED, "progress": None, "error": None}
        tasks.index_project.enqueue(project_id)
    ProjectIndex.objects.filter(pk=row.pk).update(**changes)
    return True


def stop_index(project_id: int, reason: dict[str, str]) -> bool:
    """Ends what is queued and what is under way, whose worker loses its claim; False where there is nothing such.

    The index that serves stays as it is. What was to be made is made by the next pull, or when asked for.
    """
    under_way = ProjectIndex.objects.filter(project=project_id, status__in=ProjectIndex.UNDER_WAY)
    stopped = under_way.update(
        status=Status.ERROR,
        error=reason,
        wanted=Work.NOTHING,
        doing=Work.NOTHING,
        progress=None,
        lease_generation=F("lease_generation") + 1,
        lease_owner="",
        lease_expires_at=None,
        updated_at=timezone.now(),
    )
    return bool(stopped)


def _is_expected(row: ProjectIndex, work: ProjectIndex.Work) -> bool:
    """Whether what is to be done, or just being done, comes to this. An update under way may be of an older commit."""
    is_rebuilt = row.status == Status.INDEXING and row.doing == Work.REBUILD
    return row.wanted in (work, Work.REBUILD) or (work == Work.REBUILD and is_rebuilt)
