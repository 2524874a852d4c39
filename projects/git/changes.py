"""What differs between two trees: a list of files, and a diff that applies; it looks at objects, never at files."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from projects.git.repository import Repository

ChangeType = Literal["created", "updated", "deleted", "renamed"]
RENAME_LIMIT = 1000
"""Above so many candidates git looks for exact renames only (git-diff(1), -l)."""

LARGE_BYTES = 64 * 1024 * 1024
"""Larger files count as binary (core.bigFileThreshold), and for their diff git takes each into memory."""

_TYPES: dict[bytes, ChangeType] = {b"A": "created", b"M": "updated", b"T": "updated", b"D": "deleted", b"R": "renamed"}
_SUBMODULE = "160000"
PLAIN_OPTIONS = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "-M", f"-l{RENAME_LIMIT}")
PREFIXES = ("--src-prefix=a/", "--dst-prefix=b/")
DIFF_OPTIONS = ("-r", "-p", "--binary", "--full-index", *PREFIXES, "-U3", *PLAIN_OPTIONS)
"""Of the one form of diff that we show and that `git apply --binary` takes."""


@dataclass(frozen=True)
class FileChange:
    """One changed file. Lines are 0 for binary files; `size_bytes` is that of the new content (0 when deleted).

    Git's names are bytes: `path` is them as UTF-8 with `surrogateescape`, exact, but not for JSON or a database; those
    take `display_path`. Modes are Git's, in octal; blob and mode are None on the side where there is no file.
    """

    path: str
    old_path: str | None
    change_type: ChangeType
    additions: int
    deletions: int
    is_binary: bool
    size_bytes: int
    old_blob: str | None
    new_blob: str | None
    old_mode: str | None
    new_mode: str | None

    @property
    def display_path(self) -> str:
        """The path with what is no UTF-8 replaced."""
        return display_path(self.path)


def display_path(path: str) -> str:
    """A path made fit for JSON and databases: bytes that are no UTF-8 become U+FFFD."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def changed_files(repository: Repository, base: str, tree: str) -> tuple[FileChange, ...]:
    """The files in which two trees (or commits) differ, renames found, ordered by path."""
    output = repository.run(
        ["diff-tree", "-r", "-z", "--raw", "--numstat", "--abbrev=40", *PLAIN_OPTIONS, base, tree, "--"]
    )
    fields = iter(output.split(b"\0"))
    raw, first_count = _read_raw(fields)
    counts = _read_counts(first_count, fields)
    sizes = sizes_of(repository, [entry.new_blob for entry in raw if entry.new_blob and entry.new_mode != _SUBMODULE])
    changes = (_change(entry, counts[entry.path], sizes) for entry in raw)
    return tuple(sorted(changes, key=lambda change: change.path))


def diff(
    repository: Repository, base: str, tree: str, *, enough_bytes: int | None = None, without: Sequence[str] = ()
) -> bytes:
    """The unified diff between two trees: `git apply --binary --index` on `base` gives `tree` exactly.

    One of `enough_bytes` or more may lack its end; files `without` which it is to be are not in it. Bytes, as files
    are: they may be in any encoding.
    """
    return repository.run(
        [*_diff_arguments(base, tree), *(f":(exclude,top,literal){path}" for path in without)],
        environment={"GIT_LITERAL_PATHSPECS": "0"} if without else None,
        timeout_seconds=300,
        enough_bytes=enough_bytes,
    )


def large_files(repository: Repository, base: str, tree: str) -> list[str]:
    """The paths, old and new ones, of changed files with over LARGE_BYTES on either side."""
    return large_among(repository, changed_files(repository, base, tree))


def large_among(repository: Repository, changes: Sequence[FileChange]) -> list[str]:
    """The same of files that were just compared."""
    binary = [change for change in changes if change.is_binary]
    former = sizes_of(repository, [change.old_blob for change in binary if change.old_blob])
    found = (each for each in binary if max(each.size_bytes, former.get(each.old_blob or "", 0)) > LARGE_BYTES)
    return [path for change in found for path in (change.path, change.old_path) if path is not None]


def diff_in_pieces(repository: Repository, base: str, tree: str) -> Generator[bytes, None, None]:
    """The same diff, however large, piece by piece: see `stream_git`."""
    return repository.stream(_diff_arguments(base, tree))


def _diff_arguments(base: str, tree: str) -> list[str]:
    return ["diff-tree", *DIFF_OPTIONS, base, tree, "--"]


@dataclass(frozen=True)
class _Raw:
    status: bytes
    path: bytes
    old_path: bytes | None
    old_blob: str | None
    new_blob: str | None
    old_mode: str | None
    new_mode: str | None


def _read_raw(fields: Iterator[bytes]) -> tuple[list[_Raw], bytes]:
    """The `:` records (git-diff-index(1), Raw output format), and the field that follows them."""
    entries: list[_Raw] = []
    for field in fields:
        if not field.startswith(b":"):
            return entries, field
        old_mode, new_mode, old_blob, new_blob, status = field[1:].decode("ascii").split(" ")
        path, old_path = next(fields), None
        if status.startswith("R"):
            path, old_path = next(fields), path
        modes = (None if mode == "000000" else mode for mode in (old_mode, new_mode))
        blobs = (None if blob == "0" * 40 else blob for blob in (old_blob, new_blob))
        entries.append(_Raw(status[:1].encode(), path, old_path, *blobs, *modes))
    return entries, b""


def _read_counts(first: bytes, fields: Iterator[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    """path → added and deleted lines, `-` for binary. A rename leaves the name empty and gives both after it."""
    counts = {}
    field = first
    while field:
        added, deleted, path = field.split(b"\t", 2)
        if not path:
            next(fields)
            path = next(fields)
        counts[path] = (added, deleted)
        field = next(fields, b"")
    return counts


def sizes_of(repository: Repository, blobs: Sequence[str]) -> dict[str, int]:
    """The sizes of blobs in bytes, by their ids."""
    if not blobs:
        return {}
    wanted = "\n".join([*blobs, ""]).encode()
    answer = repository.run(
        ["cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer"], standard_input=wanted
    )
    return {blob: int(size) for blob, size in (line.split(" ") for line in answer.decode("ascii").splitlines())}


def _change(entry: _Raw, count: tuple[bytes, bytes], sizes: dict[str, int]) -> FileChange:
    added, deleted = count
    is_binary = added == b"-"
    return FileChange(
        path=entry.path.decode("utf-8", "surrogateescape"),
        old_path=None if entry.old_path is None else entry.old_path.decode("utf-8", "surrogateescape"),
        change_type=_TYPES[entry.status],
        additions=0 if is_binary else int(added),
        deletions=0 if is_binary else int(deleted),
        is_binary=is_binary,
        size_bytes=sizes.get(entry.new_blob or "", 0),
        old_blob=entry.old_blob,
        new_blob=entry.new_blob,
        old_mode=entry.old_mode,
        new_mode=entry.new_mode,
    )
