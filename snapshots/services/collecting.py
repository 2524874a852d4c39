"""Collects the objects of a project's repository that neither a ref nor a row names any more.

What rows name, refs need not: trees under review, trees of attempts, commits that branches have left behind. All of it
goes into the collection as roots, with what the private indexes of the work trees hold.
"""

import logging
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.db.models import Model
from django.utils import timezone

from projects.disk_use import used_bytes
from projects.git.collecting import collect, is_scattered
from projects.git.errors import GitError
from projects.git.kept_indexes import trees_in_indexes
from projects.git.named import find_unnamed
from projects.index_models import ProjectIndex
from projects.locks import LockNotFree, collection_lock, repository_lock
from projects.models import Project, Workspace
from projects.services.disk import Removal
from projects.workspaces import open_repository, open_work_tree
from runs.models import RunAttempt, RunReview
from snapshots.models import Collection, Snapshot

logger = logging.getLogger(__name__)
Status = Collection.Status
OBJECTS, REPOSITORY = "objects", "the repository"
LOCK_WAIT_SECONDS = 10.0
EVERY = timedelta(days=1)
MANY_PACKS, MANY_LOOSE = 20, 2_000

NAMING_ROWS: dict[type[Model], tuple[str, tuple[str, ...]]] = {
    Project: ("pk", ("head_commit",)),
    ProjectIndex: ("project", ("commit",)),
    Workspace: ("project", ("base_commit",)),
    RunAttempt: ("run__project", ("base_commit", "head_commit", "tree", "commit", "committed_tree")),
    RunReview: ("run__project", ("tree", "accepted_tree")),
    Snapshot: ("project", ("commit", "tree")),
}
"""Each model whose rows name objects: how its project is found, and the fields with the ids."""


def roots_of(project: Project) -> set[str]:
    """Ids of all objects that rows and indexes name. GitError where an index is damaged."""
    roots: set[str] = set()
    for model, (owner, fields) in NAMING_ROWS.items():
        rows = model._default_manager.filter(**{owner: project.pk})
        for field in fields:
            roots.update(rows.exclude(**{f"{field}__isnull": True}).values_list(field, flat=True).distinct())
    for workspace in project.workspaces.all():
        roots.update(trees_in_indexes(open_work_tree(workspace)))
    return roots - {""}


def want_collection(project: Project) -> None:
    """Something that named objects is gone: the next upkeep collects them."""
    Collection.objects.update_or_create(project=project, defaults={"status": Status.WANTED})


def is_due(project: Project) -> bool:
    """Whether the upkeep collects now: wanted or failed, or a day after the last one if there is much to gain."""
    row = Collection.objects.filter(project=project).first()
    if project.status in Project.BUSY:
        return False
    if row is not None and (row.status != Status.DONE or row.finished_at is None):
        return True
    is_recent = row is not None and row.finished_at is not None and row.finished_at > timezone.now() - EVERY
    return not is_recent and is_scattered(open_repository(project), packs=MANY_PACKS, loose=MANY_LOOSE)


def prune_objects(project: Project, *, is_dry: bool, only_due: bool) -> Iterator[Removal]:
    """Collects, if there is a repository; with `is_dry` tells how many objects nothing names."""
    if not project.repository_path.is_dir() or (only_due and not is_due(project)):
        return
    try:
        with collection_lock(project):
            removal = _look_at(project) if is_dry else _collect(project)
    except LockNotFree:
        removal = _kept(project, "it is being collected already")
    if removal.freed_bytes or removal.kept_for:
        yield removal


def _look_at(project: Project) -> Removal:
    try:
        found = find_unnamed(open_repository(project), roots_of(project))
    except GitError as error:
        return _kept(project, error.message)
    return Removal(OBJECTS, REPOSITORY, project.pk, found.size_bytes, count=found.objects)


def _kept(project: Project, reason: str) -> Removal:
    return Removal(OBJECTS, REPOSITORY, project.pk, kept_for=reason)


def _collect(project: Project) -> Removal:
    """The caller holds the collection lock. One that a kill has ended says `under_way` until the next."""
    before = _size_of(project)
    begun = {"status": Status.UNDER_WAY, "error": None, "begun_at": timezone.now(), "bytes_before": before}
    Collection.objects.update_or_create(project=project, defaults={**begun, "bytes_after": None, "finished_at": None})
    locked = partial(repository_lock, project, wait_seconds=LOCK_WAIT_SECONDS)
    try:
        named = collect(open_repository(project), lambda: roots_of(project), locked=locked)
    except LockNotFree:
        message = "Others are at work in the repository; it is tried again later."
        return _fail(project, "repository-locked", message)
    except GitError as error:
        return _fail(project, error.code, error.message)
    if named.missing:
        logger.error("Project %s: rows name %s objects that are not there.", project.pk, len(named.missing))
    after = _size_of(project)
    _end(project, Status.DONE, bytes_after=after)
    return Removal(OBJECTS, REPOSITORY, project.pk, max(0, before - after))


def _fail(project: Project, code: str, message: str) -> Removal:
    logger.warning("The objects of project %s could not be collected: %s", project.pk, message)
    _end(project, Status.FAILED, error={"code": code, "message": message})
    return _kept(project, message)


def _end(project: Project, status: Collection.Status, **values: object) -> None:
    """One that has been wanted anew meanwhile stays wanted."""
    under_way = Collection.objects.filter(project=project, status=Status.UNDER_WAY)
    under_way.update(status=status, finished_at=timezone.now(), **values)


def _size_of(project: Project) -> int:
    repository = open_repository(project)
    return used_bytes([repository.objects, repository.private_objects])
