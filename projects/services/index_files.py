"""Makes the file of a code index for a commit of a project. Loading it loads what parses and computes."""

import errno
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from config.api.params import read
from projects.git.errors import DiskFull, GitError
from projects.indexing.building import BuiltIndex, Progress, build_index
from projects.indexing.listing import IndexLimits
from projects.models import Project
from projects.services.analyses import analyses_of
from projects.workspaces import open_repository

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = "The server's disk is full. Its operator must free space; then index again."


@dataclass(frozen=True)
class MadeIndex:
    """A file that was made, and what is in it."""

    path: Path
    built: BuiltIndex
    extractor_version: str


def make_index(
    project: Project, commit: str, *, old: Path | None, is_fresh: bool = False, progress: Progress
) -> MadeIndex:
    """Writes a new file with the index of a commit, built upon `old`; `is_fresh`: all is parsed anew.

    Raises GitError, OSError, sqlite3.Error, and what `progress` raises: nothing is left then.
    """
    target = project.indexes_path / f"{commit}-{secrets.token_hex(4)}.sqlite"
    limits = IndexLimits(read("index.files"), read("index.source_mb") << 20)
    with analyses_of(is_fresh=is_fresh) as analyses:
        built = build_index(
            open_repository(project), commit, target, analyses=analyses, old=old, limits=limits, progress=progress
        )
        return MadeIndex(target, built, analyses.version)


def reason_of(error: Exception) -> dict[str, str] | None:
    """Why no index could be made, for a person; None where that is a mistake of the server's."""
    is_full = isinstance(error, OSError) and error.errno in _FULL
    if is_full or isinstance(error, DiskFull) or (isinstance(error, sqlite3.Error) and "full" in str(error)):
        return {"code": DiskFull.default_code, "message": _DISK_FULL}
    if isinstance(error, GitError):
        return {"code": error.code, "message": error.message}
    return None
