"""A tree without some of what was changed, whole files or hunks of them; neither work tree nor refs are touched."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from projects.git.changes import FileChange
from projects.git.file_diffs import FileSides, Side, diff_of_file
from projects.git.files import read_blob
from projects.git.hunks import MAX_DIFF_BYTES, Hunk, find_hunks, take_back, why_indivisible
from projects.git.repository import NO_COMMIT, Repository
from projects.git.store_lock import writing

_REASONS = {
    "binary": "The file is binary: it can be rejected as a whole only.",
    "special": "This is a link, a submodule, or was one: it can be rejected as a whole only.",
    "too-large": "The file or its diff is too large: it can be rejected as a whole only.",
    "no-lines": "No line of the file was changed: it can be rejected as a whole only.",
}


class Indivisible(Exception):
    """The file has no hunks to choose among. `code` says why, `message` in words."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code, self.message = code, _REASONS[code]


@dataclass(frozen=True)
class Rejection:
    """A changed file that is to be as it was, or (`hunks`) some of its changes."""

    change: FileChange
    hunks: tuple[Hunk, ...] | None = None

    @property
    def is_whole(self) -> bool:
        """A file that was created or deleted is one hunk: that one is all of it."""
        return self.hunks is None or self.change.old_mode is None or self.change.new_mode is None


def hunks_of(repository: Repository, change: FileChange) -> tuple[Hunk, ...]:
    """The hunks of a changed file, as its diff shows them. Raises Indivisible."""
    diff = _diff(repository, change)
    modes = (change.old_mode, change.new_mode)
    reason = why_indivisible(diff, is_binary=change.is_binary, size_bytes=change.size_bytes, modes=modes)
    if reason is not None:
        raise Indivisible(reason)
    return find_hunks(diff, old_blob=change.old_blob, new_blob=change.new_blob)


def find_conflict(changes: Sequence[FileChange], rejections: Sequence[Rejection]) -> tuple[int, FileChange] | None:
    """A rejection by its number, and the change that stays and is in its way: a file where it needs a folder, or the
    other way round."""
    gone = {each.change.path for each in rejections if each.is_whole}
    staying = {change.path: change for change in changes if change.new_mode and change.path not in gone}
    folders = {folder: change for path, change in staying.items() for folder in _folders(path)}
    for number, rejection in enumerate(rejections):
        old = _old_path(rejection.change) if rejection.is_whole and rejection.change.old_mode else None
        if old is not None:
            files = (staying[place] for place in (old, *_folders(old)) if place in staying)
            if found := folders.get(old) or next(files, None):
                return number, found
    return None


def tree_without(repository: Repository, tree: str, rejections: Sequence[Rejection]) -> str:
    """The id of `tree` with these changes taken back; it is stored among the private objects.

    The changes are of that tree and, by `find_conflict`, can be taken back. A file whose hunks are taken back keeps
    its new name and mode.
    """
    with writing(repository.path), TemporaryDirectory(prefix="quarterdeck-") as folder:
        entries = [entry for rejection in rejections for entry in _entries(repository, rejection)]
        entries.sort(key=lambda entry: not entry.startswith(b"0 "))  # first what goes: a folder may come in its place
        index = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        repository.run(["read-tree", tree], environment=index)
        listed = b"".join(entry + b"\0" for entry in entries)
        repository.run(["update-index", "-z", "--index-info"], environment=index, standard_input=listed)
        return repository.run(["write-tree"], environment=index).decode().strip()


def _diff(repository: Repository, change: FileChange) -> bytes:
    found = bytearray()
    with closing(diff_of_file(repository, _sides(change))) as pieces:
        for piece in pieces:
            found += piece
            if len(found) > MAX_DIFF_BYTES:
                break
    return bytes(found)


def _sides(change: FileChange) -> FileSides:
    return FileSides(
        _side(_old_path(change), change.old_mode, change.old_blob), _side(change.path, change.new_mode, change.new_blob)
    )


def _side(path: str, mode: str | None, blob: str | None) -> Side | None:
    return Side(_encoded(path), mode, blob) if mode and blob else None


def _old_path(change: FileChange) -> str:
    return change.path if change.old_path is None else change.old_path


def _folders(path: str) -> Iterator[str]:
    """The folders that a path lies in."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _entries(repository: Repository, rejection: Rejection) -> Iterator[bytes]:
    """Lines for `git update-index --index-info`."""
    change, sides = rejection.change, _sides(rejection.change)
    if rejection.is_whole:
        if sides.new:
            yield b"0 " + NO_COMMIT.encode() + b"\t" + sides.new.path
        if sides.old:
            yield f"{sides.old.mode} {sides.old.blob}\t".encode() + sides.old.path
        return
    old, new = (read_blob(repository, blob or "") for blob in (change.old_blob, change.new_blob))
    content = take_back(old, new, rejection.hunks or ())
    blob = repository.run(["hash-object", "-w", "--stdin"], standard_input=content).decode().strip()
    yield f"{change.new_mode} {blob}\t".encode() + _encoded(change.path)


def _encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
