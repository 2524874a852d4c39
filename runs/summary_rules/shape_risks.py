"""Risks that a change's shape tells: how much it deletes, modes, links, what nobody can read."""

import posixpath

from runs.summary_rules.facts import ChangedFile, Finding, Work
from runs.summary_rules.matching import files_told

LARGE_DELETION_LINES = 200
"""More removed than added, of one file."""
MANY_DELETED_FILES = 10
EXECUTABLE, SYMLINK, SUBMODULE = "100755", "120000", "160000"


def find_large_deletions(work: Work) -> Finding | None:
    """Files that lost many lines, and many files that are gone."""
    gone = [file for file in work.files if file.change_type == "deleted"]
    shrunk = [file for file in work.files if file.deletions - file.additions >= LARGE_DELETION_LINES]
    if not shrunk and len(gone) < MANY_DELETED_FILES:
        return None
    counted = gone if len(gone) >= MANY_DELETED_FILES else []
    lines = sum(max(0, file.deletions - file.additions) for file in {*shrunk, *counted})
    told = f"{lines} lines more were removed than added"
    told += f", {len(gone)} files are gone." if counted else f", in {files_told(shrunk, '', '').strip()}."
    ordered = sorted({*shrunk, *counted}, key=lambda file: (file.additions - file.deletions, file.path))
    return Finding(told, "medium", tuple(file.path for file in ordered))


def find_executables(work: Work) -> Finding | None:
    """Files that became programs, or were made as such."""
    paths = _paths_with_mode(work, EXECUTABLE)
    told = files_told(paths, "can be executed now.", "can be executed now.")
    return Finding(told, "medium", paths) if paths else None


def find_symlinks(work: Work) -> Finding | None:
    """Symbolic links that were made or lead elsewhere now; one that leads out of the repository weighs more."""
    links = [file for file in work.files if file.new_mode == SYMLINK]
    if not links:
        return None
    leaving = [file.path for file in links if _leads_out(file)]
    told = files_told(links, "is a symbolic link.", "are symbolic links.")
    told += f" Out of the repository: {len(leaving)}." if leaving else ""
    rest = [file.path for file in links if file.path not in leaving]
    return Finding(told, "high" if leaving else "low", (*leaving, *rest))


def _leads_out(file: ChangedFile) -> bool:
    target = file.added[0][1] if file.added else ""
    led = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), target))
    return target.startswith("/") or led == ".." or led.startswith("../")


def find_submodules(work: Work) -> Finding | None:
    """Other repositories inside of this one, at other commits than before."""
    paths = tuple(file.path for file in work.files if SUBMODULE in (file.old_mode, file.new_mode))
    told = files_told(paths, "is a submodule: its content is not in the diff.", "are submodules: not in the diff.")
    return Finding(told, "medium", paths) if paths else None


def find_binaries(work: Work) -> Finding | None:
    """Binary files that were added or changed: a diff shows nothing of them."""
    paths = tuple(file.path for file in work.files if file.is_binary and file.change_type != "deleted")
    told = files_told(
        paths, "is binary: the diff does not show what it holds.", "are binary: the diff does not show them."
    )
    return Finding(told, "low", paths) if paths else None


def find_unread(work: Work) -> Finding | None:
    """Files of which not all changed lines were looked at: too many, or they could not be read."""
    paths = tuple(file.path for file in work.files if not file.is_binary and _is_unread(file))
    if work.more_files:
        return Finding(f"{work.more_files} files were not looked at: there are too many.", "medium", paths)
    told = files_told(paths, "was looked at in part only.", "were looked at in part only.")
    return Finding(f"{told} Rules about lines may have missed something.", "low", paths) if paths else None


def _is_unread(file: ChangedFile) -> bool:
    return len(file.added) < file.additions or len(file.removed) < file.deletions


def _paths_with_mode(work: Work, mode: str) -> tuple[str, ...]:
    return tuple(file.path for file in work.files if file.new_mode == mode and file.old_mode != mode)
