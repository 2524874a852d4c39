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
NOT_LISTED = "more files are left out than are listed"
_ORDINARY = (0o100644, 0o100755)
DEFAULT_FILES = 100_000
LISTED_LEFT_OUT = 100_000
DEFAULT_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class IndexLimits:
    """The most that one index takes up, and of how many files it tells that they are left out."""

    files: int = DEFAULT_FILES
    total_bytes: int = DEFAULT_BYTES
    left_out: int = LISTED_LEFT_OUT


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
    sorting = _Sorting(limits, taken_before)
    for name, entry in _entries(repository, commit):
        sorting.take(name, entry)
    return sorting.listing()


class _Sorting:
    """Sorts out entries one by one. What is left out is held up to a limit too: a tree may have millions of them."""

    def __init__(self, limits: IndexLimits, taken_before: Mapping[str, str]) -> None:
        self._limits, self._taken_before = limits, taken_before
        self._taken: list[TreeEntry] = []
        self._left_out: list[tuple[TreeEntry, str]] = []
        self._nameless: list[SkippedFile] = []
        self._bytes = self._listed = self._untold = 0

    def take(self, name: str, entry: TreeEntry | None) -> None:
        """The next one, in order of the paths; None where its name is no text."""
        self._listed += 1
        reason = NOT_UTF8 if entry is None else self._reason(entry)
        if entry is not None and reason is None:
            self._taken.append(entry)
            self._bytes += entry.size_bytes
        elif len(self._left_out) + len(self._nameless) >= self._limits.left_out:
            self._untold += 1
        elif entry is None:
            self._nameless.append(SkippedFile(name, NOT_UTF8))
        else:
            self._left_out.append((entry, reason or ""))

    def listing(self) -> Listing:
        """All that was taken, and what is told of the rest."""
        rest = list(self._nameless)
        if self._untold or self._listed >= LISTED_ENTRIES:
            rest.append(SkippedFile("", NOT_LISTED))
        return Listing(tuple(self._taken), tuple(self._left_out), tuple(rest))

    def _reason(self, entry: TreeEntry) -> str | None:
        is_known = self._taken_before.get(entry.path) == entry.blob and entry.mode in _ORDINARY
        reason = None if is_known else path_reason(entry.path, entry.size_bytes, entry.mode)
        return reason or _beyond(self._limits, len(self._taken), self._bytes + entry.size_bytes)


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
