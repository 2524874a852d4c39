"""Folders of a work tree, walked by descriptors: no name in it is ever looked up through a symbolic link."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from projects.git.work_tree import Owner

MAXIMUM_DEPTH = 200
"""Folders without files that are nested deeper than this are not removed to make room."""

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Blocked(Exception):
    """Something that must stay stands where a file or a folder is to be."""


class OpenFolders:
    """The way from the root to the folder asked for last, held open; whoever asks in order opens each only once."""

    def __init__(self, root: Path, *, owner: Owner | None = None) -> None:
        self._root, self._owner = os.open(root, _FLAGS), owner
        self._way: list[tuple[bytes, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._go_back_to(0)
        os.close(self._root)

    def parent(self, path: bytes) -> int | None:
        """A descriptor of the folder that the path lies in, good until the next call; None where there is none."""
        names = self._shared_way(path)
        for name in names:
            try:
                self._enter(os.open(name, _FLAGS, dir_fd=self._last), name)
            except OSError as error:
                if not _is_no_folder(error):
                    raise
                return None
        return self._last

    def made_parent(self, path: bytes) -> int:
        """The same; what is missing is made. Raises Blocked where something else stands there."""
        names = self._shared_way(path)
        for name in names:
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=self._last)
                self._give_away(name)
            try:
                self._enter(os.open(name, _FLAGS, dir_fd=self._last), name)
            except OSError as error:
                if not _is_no_folder(error):
                    raise
                shown = path.decode("utf-8", "replace")
                raise Blocked(f"something else stands where a folder of {shown} is to be") from None
        return self._last

    def kind_of(self, path: bytes) -> int | None:
        """The kind of what is there (`S_IFREG`, `S_IFDIR` …), a link itself; None where there is nothing."""
        parent = self.parent(path)
        if parent is None:
            return None
        try:
            return stat.S_IFMT(os.lstat(path.rpartition(b"/")[2], dir_fd=parent).st_mode)
        except FileNotFoundError:
            return None

    @property
    def _last(self) -> int:
        return self._way[-1][1] if self._way else self._root

    def _shared_way(self, path: bytes) -> list[bytes]:
        """Goes back to what the path shares with the last one; the names that are still to be entered."""
        names = path.split(b"/")[:-1]
        shared = 0
        while shared < min(len(names), len(self._way)) and self._way[shared][0] == names[shared]:
            shared += 1
        self._go_back_to(shared)
        return names[shared:]

    def _go_back_to(self, length: int) -> None:
        while len(self._way) > length:
            os.close(self._way.pop()[1])

    def _enter(self, descriptor: int, name: bytes) -> None:
        self._way.append((name, descriptor))
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & 0o300 != 0o300:  # a folder that its owner may not write in
            with suppress(PermissionError):
                os.fchmod(descriptor, mode | 0o300)

    def _give_away(self, name: bytes) -> None:
        if self._owner is not None:
            os.chown(name, self._owner.uid, self._owner.gid, dir_fd=self._last, follow_symlinks=False)


def files_below(folders: OpenFolders, path: bytes) -> Iterator[bytes]:
    """Everything below a folder that is no folder, by its whole path; Blocked where it is nested too deep to tell."""
    waiting = [path]
    while waiting:
        folder = waiting.pop()
        if folder.count(b"/") - path.count(b"/") > MAXIMUM_DEPTH:
            raise Blocked(f"folders are nested too deep in {path.decode('utf-8', 'replace')}")
        descriptor = folders.parent(folder + b"/")
        if descriptor is None:
            continue
        for name in _names_in(descriptor):
            child = folder + b"/" + name
            if stat.S_ISDIR(os.lstat(name, dir_fd=descriptor).st_mode):
                waiting.append(child)
            else:
                yield child


def clear_folder(parent: int, name: bytes, left: int = MAXIMUM_DEPTH) -> None:
    """Removes a folder in which there are only folders; Blocked where there is anything else."""
    if left == 0:
        raise Blocked("folders are nested too deep where a file is to be")
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=parent)
    except OSError as error:
        if not _is_no_folder(error):
            raise
        raise Blocked(f"{name.decode('utf-8', 'replace')} is in a folder that stands where a file is to be") from None
    try:
        for child in _names_in(descriptor):
            clear_folder(descriptor, child, left - 1)
    finally:
        os.close(descriptor)
    os.rmdir(name, dir_fd=parent)


def _names_in(descriptor: int) -> list[bytes]:
    return sorted(map(os.fsencode, os.listdir(descriptor)))


def _is_no_folder(error: OSError) -> bool:
    """Nothing there, a file, or a symbolic link (ELOOP)."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
