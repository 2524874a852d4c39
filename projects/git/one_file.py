"""One file of a work tree, read and written by the server: never through a link, and nowhere outside of the folder.

No agent may be moving in the tree. What is written takes its name in one step: killed at any point, the file is the
old one or the new one, and nothing else lies in the tree.
"""

import errno
import os
import stat

from projects.git.errors import DiskFull, WorkTreeRefused
from projects.git.folders import Blocked, OpenFolders
from projects.git.work_tree import WorkTree

_READS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKES = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = "file.new"


def read_file(work_tree: WorkTree, path: str, *, max_bytes: int) -> bytes | None:
    """The content of an ordinary file; None where there is nothing.

    Raises WorkTreeRefused `not-ordinary` where something else is there, `too-large`, or `unreadable`.
    """
    name = os.fsencode(path)
    try:
        with OpenFolders(work_tree.path) as folders:
            _require_folders(folders, name)
            kind = folders.kind_of(name)
            if kind is None:
                return None
            if kind != stat.S_IFREG:
                raise _not_ordinary(path)
            parent = folders.parent(name)
            descriptor = os.open(name.rpartition(b"/")[2], _READS, dir_fd=parent)
            with os.fdopen(descriptor, "rb") as file:
                return _content(file.fileno(), path, max_bytes)
    except OSError as error:
        raise WorkTreeRefused(f"{path} could not be read: {error.strerror}.", code="unreadable") from error


def write_file(work_tree: WorkTree, path: str, content: bytes) -> None:
    """Makes the file that; folders that are missing are made. One that is there keeps its mode.

    Raises WorkTreeRefused `not-ordinary` or `not-writable`, and DiskFull; then nothing was changed but folders made.
    """
    name, new = os.fsencode(path), work_tree.index_dir / _NEW
    new.unlink(missing_ok=True)
    try:
        with OpenFolders(work_tree.path, owner=work_tree.owner) as folders:
            _require_folders(folders, name)
            if folders.kind_of(name) not in (None, stat.S_IFREG):
                raise _not_ordinary(path)
            parent, last = folders.made_parent(name), name.rpartition(b"/")[2]
            with os.fdopen(os.open(new, _MAKES, 0o600), "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), _mode(parent, last))
                if work_tree.owner is not None:
                    os.fchown(file.fileno(), work_tree.owner.uid, work_tree.owner.gid)
            os.rename(new, last, dst_dir_fd=parent)
    except (OSError, Blocked) as error:
        new.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("The server's disk is full. Its operator must free space; then try again.") from error
        raise WorkTreeRefused(f"{path} could not be written: {error}.", code="not-writable") from error


def _require_folders(folders: OpenFolders, name: bytes) -> None:
    """On the way there are folders, or nothing."""
    names = name.split(b"/")
    for count in range(1, len(names)):
        way = b"/".join(names[:count])
        if folders.kind_of(way) not in (None, stat.S_IFDIR):
            shown = way.decode("utf-8", "replace")
            raise WorkTreeRefused(f"{shown} is no folder in the work tree.", code="not-ordinary")


def _content(descriptor: int, path: str, max_bytes: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise _not_ordinary(path)
    content = b""
    while len(content) <= max_bytes and (piece := os.read(descriptor, max_bytes + 1 - len(content))):
        content += piece
    if len(content) > max_bytes:
        raise WorkTreeRefused(f"{path} has more than {max_bytes} bytes: shorten it.", code="too-large")
    return content


def _mode(parent: int, name: bytes) -> int:
    try:
        return stat.S_IMODE(os.lstat(name, dir_fd=parent).st_mode) & 0o777
    except FileNotFoundError:
        return 0o644


def _not_ordinary(path: str) -> WorkTreeRefused:
    return WorkTreeRefused(f"{path} is no ordinary file in the work tree.", code="not-ordinary")
