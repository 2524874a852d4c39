"""Makes a work tree equal to a recorded tree. It writes the difference only, and nothing outside of the folder.

First every new file is laid ready beside the work tree, under a number instead of its name; then files are
removed, and the ready ones renamed into place. What happens to which name follows from the two trees alone: begun again
after a kill it comes to the same end. Folders are walked by descriptors and never entered through a link, whatever
somebody swaps meanwhile.
"""

import errno
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from projects.git.blob_files import write_blobs
from projects.git.errors import DiskFull, GitFailed, WorkTreeRefused
from projects.git.folders import Blocked, OpenFolders, clear_folder, files_below
from projects.git.repository import Repository
from projects.git.trees import UNFINISHED_RESTORE
from projects.git.work_tree import WorkTree, remove_folder

_SUBMODULE = b"160000"


@dataclass(frozen=True)
class Write:
    """A file to be written: mode (`100644`, `100755`, `120000`) and blob as git has them; `is_new` in the tree."""

    path: bytes
    mode: bytes
    blob: bytes
    is_new: bool


@dataclass(frozen=True)
class Plan:
    """What makes one tree out of another; `folders` are those of submodules, which stay empty."""

    removals: tuple[bytes, ...]
    writes: tuple[Write, ...]
    folders: tuple[bytes, ...]


def plan_restore(repository: Repository, present: str, wanted: str, *, keep: Collection[bytes] = ()) -> Plan:
    """From the tree that is there to the one that is wanted; files of `keep` that it lacks are not removed.

    Raises GitFailed where a tree is not there, WorkTreeRefused `unsafe-path` on a name that no work tree may have.
    """
    output = repository.run(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--abbrev=40", present, wanted, "--"])
    removals: list[bytes] = []
    writes: list[Write] = []
    folders: list[bytes] = []
    for old_mode, mode, blob, path in _entries(output):
        _require_safe(path)
        if mode == b"000000":
            if old_mode != _SUBMODULE and path not in keep:
                removals.append(path)
        elif mode == _SUBMODULE:
            folders.append(path)
            if old_mode not in (_SUBMODULE, b"000000"):
                removals.append(path)
        else:
            writes.append(Write(path, mode, blob, is_new=old_mode in (b"000000", _SUBMODULE)))
    return Plan(tuple(removals), tuple(writes), tuple(folders))


def _entries(output: bytes) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    fields = iter(output.split(b"\0"))
    for field in fields:
        if field:
            old_mode, mode, _, blob, _ = field[1:].split(b" ")
            yield old_mode, mode, blob, next(fields)


def _require_safe(path: bytes) -> None:
    names = path.split(b"/")
    if any(name in (b"", b".", b"..") or name.lower() == b".git" for name in names):
        raise WorkTreeRefused("The snapshot holds a file name that no work tree may have.", code="unsafe-path")


def unrecorded_in_the_way(work_tree: WorkTree, plan: Plan) -> list[bytes]:
    """Files that the plan will overwrite although the present tree has not recorded them: ignored or large ones.

    Raises WorkTreeRefused `restore-blocked` where a folder that holds such files stands where a file is to be.
    """
    removed, found = frozenset(plan.removals), set[bytes]()
    try:
        with OpenFolders(work_tree.path) as folders:
            for write in filter(lambda each: each.is_new, plan.writes):
                path, kind = _first_that_is_no_folder(folders, write.path)
                if kind == stat.S_IFDIR:
                    _require_only(removed, files_below(folders, path))
                elif kind in (stat.S_IFREG, stat.S_IFLNK) and path not in removed:
                    found.add(path)
    except (OSError, Blocked) as error:
        raise WorkTreeRefused(f"The work tree could not be looked through: {error}.", code="unreadable") from error
    return sorted(found)


def _first_that_is_no_folder(folders: OpenFolders, path: bytes) -> tuple[bytes, int | None]:
    """What stands on the way to the path, or else at it, and of which kind it is."""
    for ancestor in _ancestors(path):
        kind = folders.kind_of(ancestor)
        if kind != stat.S_IFDIR:
            return ancestor, kind
    return path, folders.kind_of(path)


def _require_only(removed: Collection[bytes], files: Iterable[bytes]) -> None:
    for path in files:
        if path not in removed:
            shown = path.decode("utf-8", "replace")
            raise WorkTreeRefused(
                f"A folder with files that no snapshot keeps is where the restore puts a file: move {shown} away.",
                code="restore-blocked",
            )


def apply_plan(work_tree: WorkTree, plan: Plan) -> None:
    """Carries the plan out. The caller keeps everybody else from the work tree, and holds the repository lock.

    Killed at any point, it can be called again with the same plan. Raises DiskFull or RestoreNotBegun before anything
    has been changed, WorkTreeRefused `not-writable` where it had to stop on the way.
    """
    ready = work_tree.index_dir / UNFINISHED_RESTORE
    _lay_ready(work_tree, plan, ready)
    try:
        _remove(work_tree.path, plan)
        _put_in_place(work_tree, plan, ready)
    except (OSError, Blocked) as error:
        raise WorkTreeRefused(f"The work tree could not be written: {error}.", code="not-writable") from error
    remove_folder(ready)


def abandon(work_tree: WorkTree) -> None:
    """Removes what was laid ready: the work tree is taken as it is from now on."""
    remove_folder(work_tree.index_dir / UNFINISHED_RESTORE)


class RestoreNotBegun(GitFailed):
    """The files could not be laid ready: nothing was changed."""

    default_code = "restore-not-begun"


def _lay_ready(work_tree: WorkTree, plan: Plan, ready: Path) -> None:
    """A number for a name suits any file system."""
    remove_folder(ready)
    try:
        ready.mkdir(mode=0o700)
        if not plan.writes:
            return
        write_blobs(work_tree.repository, [(write.mode, write.blob) for write in plan.writes], ready)
        if work_tree.owner is not None:
            for number in range(len(plan.writes)):
                os.chown(ready / str(number), work_tree.owner.uid, work_tree.owner.gid, follow_symlinks=False)
    except DiskFull:
        remove_folder(ready)
        raise
    except (GitFailed, OSError) as error:
        remove_folder(ready)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The server's disk is full. Its operator must free space; then try again.") from error
        reason = error.message if isinstance(error, GitFailed) else str(error)
        raise RestoreNotBegun(f"The snapshot's files could not be laid ready; nothing was changed. {reason}") from error


def _remove(root: Path, plan: Plan) -> None:
    """The files that are to go, and the folders that they leave empty; folders that were empty before stay."""
    needed = {folder for path in _written(plan) for folder in _ancestors(path)}
    emptied = {folder for path in plan.removals for folder in _ancestors(path)} - needed
    with OpenFolders(root) as folders:
        for path in sorted(plan.removals, reverse=True):
            parent, name = folders.parent(path), path.rpartition(b"/")[2]
            if parent is not None:
                with suppress(FileNotFoundError, IsADirectoryError):
                    os.unlink(name, dir_fd=parent)
        for path in sorted(emptied, reverse=True):
            parent, name = folders.parent(path), path.rpartition(b"/")[2]
            if parent is not None:
                with suppress(OSError):  # it holds something else, or is gone
                    os.rmdir(name, dir_fd=parent)


def _put_in_place(work_tree: WorkTree, plan: Plan, ready: Path) -> None:
    source = os.open(ready, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with OpenFolders(work_tree.path, owner=work_tree.owner) as folders:
            for number, write in sorted(enumerate(plan.writes), key=lambda each: each[1].path):
                parent = folders.made_parent(write.path)
                _rename(str(number), write.path.rpartition(b"/")[2], source, parent)
            for path in sorted(plan.folders):
                folders.made_parent(path + b"/")
    finally:
        os.close(source)


def _rename(number: str, name: bytes, source: int, parent: int) -> None:
    try:
        os.rename(number, name, src_dir_fd=source, dst_dir_fd=parent)
    except IsADirectoryError:
        clear_folder(parent, name)
        os.rename(number, name, src_dir_fd=source, dst_dir_fd=parent)


def _written(plan: Plan) -> Iterator[bytes]:
    yield from (write.path for write in plan.writes)
    yield from (path + b"/" for path in plan.folders)


def _ancestors(path: bytes) -> list[bytes]:
    """The folders that it lies in, the outermost first."""
    names = path.split(b"/")[:-1]
    return [b"/".join(names[: count + 1]) for count in range(len(names))]
