"""Removes files of code indexes that nobody needs any more, and analyses that no index has asked for in a long time."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from django.utils import timezone

from projects.index_models import BlobAnalysis, ProjectIndex
from projects.indexing.index_file import LOOSE, MAKING
from projects.models import Project
from projects.services.disk import Removal

KEPT_BESIDE = 3
"""So many of the newest files stay beside the one that serves: those of runs' commits, and former ones being read."""

ABANDONED_AFTER_SECONDS = 6 * 3600
UNUSED_AFTER = timedelta(days=30)
DELETED_AT_ONCE = 500


def prune_index_files(project: Project, *, is_dry: bool = False) -> Iterator[Removal]:
    """Removes the files that nobody needs any more, and what a killed worker has left."""
    index = ProjectIndex.objects.filter(project=project).first()
    serving = index.file_name if index else ""
    files = [path for path in _by_age(project.indexes_path) if path.name != serving]
    whole = [path for path in files if path.suffix == ".sqlite"]
    old = time.time() - ABANDONED_AFTER_SECONDS
    parts = [path for path in files if path.suffix in (MAKING, LOOSE) and path.stat().st_mtime < old]
    for path in [*whole[KEPT_BESIDE:], *parts]:
        size = path.stat().st_size
        if not is_dry:
            path.unlink(missing_ok=True)
        yield Removal("index", path.name, project.pk, freed_bytes=size)


def _by_age(folder: Path) -> list[Path]:
    """The youngest first."""
    found = []
    for path in folder.glob("*") if folder.is_dir() else ():
        try:
            found.append((path.stat().st_mtime, path))
        except FileNotFoundError:
            continue
    return [path for _, path in sorted(found, reverse=True)]


def forget_unused_analyses() -> int:
    """Removes what no index was made with for a month; how many. An index that needs one again parses again."""
    unused = BlobAnalysis.objects.filter(used_on__lt=timezone.localdate() - UNUSED_AFTER)
    removed = 0
    while ids := list(unused.values_list("pk", flat=True)[:DELETED_AT_ONCE]):
        removed += BlobAnalysis.objects.filter(pk__in=ids).delete()[0]
    return removed
