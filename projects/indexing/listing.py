"""The files of a commit as the index takes them: in order of their paths, and no more than the limits say."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from projects.git.errors import GitFailed
from projects.git.repository import Repository, is_object_id
from projects.indexing.shapes import SkippedFile
from projects.indexing.skipping import path_reason

LISTED_ENTRIES = 1_000_000
"""Of a larger tree the rest is not even listed."""

MAXIMUM_NAME_BYTES = 4000
NOT_UTF8 = "its name is no UTF-8"
TOO_MANY = "more files than one index takes"
TOO_MUCH = "more source than one index takes"
NOT_LISTED = "beyond the first 1,000,000 files of the commit"
_ORDINARY = (0o100644, 0o100755)
DEFAULT_FILES = 100_000
DEFAULT_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """The most that one index takes up; what is beyond it is told as skipped."""

    files: int = DEFAULT_FILES
    total_bytes: int = DEFAULT_BYTES


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A file, link or submodule of a commit; `mode` as Git has it."""

    path: str
    blob: str
    mode: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Listing:
    """What is to be read, and what is left out already with its entry; `rest` is of what has no entry."""

    taken: tuple[TreeEntry, ...]
    left_out: tuple[tuple[TreeEntry, str], ...]
    rest: tuple[SkippedFile, ...]


def list_tree(
    repository: Repository,
    commit: str,
    limits: IndexLimits,
    taken_before: Mapping[str, str] = {},
) -> Listing:
    """All files of a commit, sorted out by name and size. Raises GitError.

    `taken_before` are blobs of paths that were taken: what is the same again need not be looked at.
    """
    if not is_object_id(commit):
        raise ValueError("a full commit id is needed")
    taken: list[TreeEntry] = []
    left_out: list[tuple[TreeEntry, str]] = []
    rest: list[SkippedFile] = []
    total_bytes = number = 0
    for name, entry in _entries(repository, commit):
        number += 1
        if entry is None:
            rest.append(SkippedFile(name, NOT_UTF8))
            continue
        is_known = taken_before.get(entry.path) == entry.blob and entry.mode in _ORDINARY
        reason = None if is_known else path_reason(entry.path, entry.size_bytes, entry.mode)
        reason = reason or _beyond(limits, len(taken), total_bytes + entry.size_bytes)
        if reason is None:
            taken.append(entry)
            total_bytes += entry.size_bytes
        else:
            left_out.append((entry, reason))
    if number >= LISTED_ENTRIES:
        rest.append(SkippedFile("", NOT_LISTED))
    return Listing(tuple(taken), tuple(left_out), tuple(rest))


def _beyond(limits: IndexLimits, files: int, total_bytes: int) -> str | None:
    if files >= limits.files:
        return TOO_MANY
    return TOO_MUCH if total_bytes > limits.total_bytes else None


def _entries(repository: Repository, commit: str) -> Iterator[tuple[str, TreeEntry | None]]:
    """The first LISTED_ENTRIES: a name to show, and the entry; None where the name is no text."""
    rest, left = b"", LISTED_ENTRIES
    for piece in repository.stream(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]):
        *records, rest = (rest + piece).split(b"\0")
        for record in records[:left]:
            yield _entry(record)
        left -= len(records)
        if left <= 0:
            return
        if len(rest) > 2 * MAXIMUM_NAME_BYTES:
            raise GitFailed("The commit's folders are nested too deep to be indexed.", code="path-too-long")


def _entry(record: bytes) -> tuple[str, TreeEntry | None]:
    head, _, name = record.partition(b"\t")
    mode, _, blob, size = head.split()
    try:
        path = name.decode()
    except UnicodeDecodeError:
        return name.decode("utf-8", "replace"), None
    size_bytes = int(size) if size.isdigit() else 0
    return path, TreeEntry(path, blob.decode("ascii"), int(mode, 8), size_bytes)
