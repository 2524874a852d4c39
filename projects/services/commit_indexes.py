"""Indexes of other commits than the project's head: what a run's branch holds."""

import logging
import time
from pathlib import Path

from projects.index_models import ProjectIndex
from projects.indexing.reading import IndexReader, IndexUnreadable
from projects.models import Project

logger = logging.getLogger(__name__)


def ensure_index(project: Project, commit: str, *, time_limit_seconds: float) -> IndexReader | None:
    """The index of any commit, such as that of a run's branch: one that is there, else made within the time limit.

    It is built upon the project's. None where that took too long or failed: the project's own then tells what was.
    """
    index = ProjectIndex.objects.filter(project=project).first()
    found = _find(project, commit)
    if found is not None:
        return found
    deadline = time.monotonic() + time_limit_seconds

    def progress(phase: str, percent: int) -> None:
        if time.monotonic() > deadline:
            raise TimeoutError

    from projects.services.index_files import make_index  # what parses and computes is loaded where it is needed

    try:
        made = make_index(project, commit, old=index.path if index else None, progress=progress)
        return IndexReader(made.path)
    except Exception as error:
        logger.warning("No index of %s could be made for project %s: %s", commit, project.pk, error)
        return None


def files_of(project: Project, commit: str) -> list[Path]:
    """The published files that are an index of that commit, as far as their names tell."""
    return sorted(project.indexes_path.glob(f"{commit}-*.sqlite"))


def _find(project: Project, commit: str) -> IndexReader | None:
    for path in files_of(project, commit):
        try:
            return IndexReader(path)
        except IndexUnreadable:
            continue
    return None
