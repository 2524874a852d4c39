"""The entries of a project's CHANGELOG_AI.md at its head commit, newest first, page by page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from docs_mgmt.generators.changelog import Entry, parse
from projects.git.files import TreeFile, list_files, read_blob
from projects.git.repository import Repository
from projects.models import Project
from projects.workspaces import open_repository

PATH = "CHANGELOG_AI.md"
_BEFORE_ALL = -(10**18)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Place = tuple[int, ...]
"""Where an entry stands: its time in microseconds, its run. Entries that come later do not change it."""


def find_changelog(project: Project) -> TreeFile | None:
    """The file, None where the head commit has none, or no ordinary one."""
    repository = open_repository(project)
    if not project.head_commit or not repository.path.is_dir():
        return None
    return next(iter(list_files(repository, project.head_commit, [PATH])), None)


def read_entries(project: Project, file: TreeFile) -> Sequence[Entry]:
    """All entries of the file, newest first; those without a readable date come last."""
    return _entries(open_repository(project), file.blob)


@lru_cache(maxsize=4)
def _entries(repository: Repository, blob: str) -> tuple[Entry, ...]:
    """A blob never changes, and whoever reads a page of a changelog often reads the next one."""
    markdown = read_blob(repository, blob).decode("utf-8", "replace")
    return tuple(sorted(parse(markdown), key=place_of, reverse=True))


def place_of(entry: Entry) -> Place:
    """Its place in that order."""
    moment = _BEFORE_ALL if entry.date is None else (entry.date - _EPOCH) // timedelta(microseconds=1)
    return moment, entry.run_id


def page_after(entries: Sequence[Entry], place: Place | None, limit: int) -> tuple[Sequence[Entry], Place | None]:
    """The entries that follow a place, and the place that the next page starts from, None at the end."""
    rest = entries if place is None else [entry for entry in entries if place_of(entry) < place]
    return rest[:limit], place_of(rest[limit - 1]) if len(rest) > limit else None
